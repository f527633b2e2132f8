"""Where in an answer is something to be found, and what is found there?

Pure. A JSONPath finds what its nodes are, a header its values, a regex what
its one group matched in the body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from prober.check import Model
from prober.probes.answer import Reading
from prober.probes.json_paths import JsonPath, nodes
from prober.probes.texts import Pattern, captured, groups
from prober.secret import is_secret_header, is_secret_name

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
# The names of what is read out of answers: label values, and what stands between {{ and }}.
Named = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=100)]


def _one_group(pattern: str) -> str:
    many = groups(pattern)
    if many != 1:
        found = "no group" if not many else f"{many} groups"
        raise ValueError(
            f"{pattern!r} has {found}; write one, ( ) around what is wanted and (?: ) elsewhere"
        )
    return pattern


class Source(Model):
    """One of three; a text is the JSONPath."""

    json_: Annotated[JsonPath | None, Field(alias="json")] = None
    header: HeaderName | None = None
    regex: Annotated[Pattern, AfterValidator(_one_group)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(one is not None for one in (self.json_, self.header, self.regex)) != 1:
            raise ValueError("write one of a JSONPath, {header: NAME} or {regex: PATTERN}")
        return self

    @property
    def names_secret(self) -> bool:
        """Whether what it finds is called what credentials are called."""
        if self.header is not None:
            return is_secret_header(self.header) or self.header.lower() == "set-cookie"
        return self.json_ is not None and is_secret_name(_last_name(self.json_))


def _last_name(path: str) -> str:
    return re.split(r"[.\[\]'\"]+", path.rstrip("]'\""))[-1]


def _short_form(value: object) -> object:
    return {"json": value} if isinstance(value, str) else value


SourceField = Annotated[Source, BeforeValidator(_short_form)]


def found(source: Source, reading: Reading) -> Iterator[JsonValue]:
    """All that is there, the first first. Raises Unreadable."""
    if source.json_ is not None:
        yield from nodes(source.json_, reading.document)
    elif source.header is not None:
        yield from reading.answer.values_of(source.header)
    elif source.regex is not None:
        held = captured(source.regex, reading.text)
        yield from () if held is None else (held,)


def extracted(source: Source, reading: Reading) -> JsonValue:
    """What is found first, where it can be sent to a server. Raises ValueError that says why not."""
    for value in found(source, reading):
        _refuse_unsendable(value)
        return value
    raise ValueError(f"{shown(source)} finds nothing")


def shown(source: Source) -> str:
    if source.header is not None:
        return f"header {source.header}"
    return source.json_ or f"regex {source.regex!r}"


def _refuse_unsendable(value: JsonValue) -> None:
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply to be sent") from None
    except UnicodeEncodeError:
        raise ValueError("it has half of a character, which cannot be sent") from None
    except ValueError:
        raise ValueError("it has a number that is too large to be sent") from None
