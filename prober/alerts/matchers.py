"""Which labels are meant? Matchers as people type them: `team=payments`, `check=~"api-.*"`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol, TypeAlias

import re2

Op: TypeAlias = Literal["=", "!=", "=~", "!~"]

_WRITTEN = re.compile(
    r"\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<op>=~|!~|!=|=)\s*(?P<value>.*?)\s*", re.DOTALL
)
_OPS: Mapping[str, Op] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
_SMALL = 2**20  # bytes of a compiled expression; one that needs more is refused


class _Regex(Protocol):
    def fullmatch(self, text: str) -> object: ...


@dataclass(frozen=True, slots=True)
class Matcher:
    """A label that is not there is as good as an empty one. An expression matches as a whole."""

    name: str
    op: Op
    value: str

    def __str__(self) -> str:
        return f"{self.name}{self.op}{json.dumps(self.value, ensure_ascii=False)}"

    def matches(self, labels: Mapping[str, str]) -> bool:
        there = labels.get(self.name, "")
        if self.op in ("=", "!="):
            return (there == self.value) == (self.op == "=")
        return (_compiled(self.value).fullmatch(there) is not None) == (self.op == "=~")


def matches(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether all of them match."""
    return all(one.matches(labels) for one in matchers)


def parse(text: str) -> Matcher:
    """`name=value`, with = != =~ or !~; the value may be quoted. Raises ValueError with what would be right."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"{text!r} is no matcher; write NAME=VALUE, with = != =~ or !~")
    value = _unquoted(written["value"], text)
    made = Matcher(written["name"], _OPS[written["op"]], value)
    if made.op in ("=~", "!~"):
        _refuse_broken(value, text)
    return made


def parse_all(texts: Sequence[str]) -> tuple[Matcher, ...]:
    """Those of one mute: at least one has to want something, or a slip silences everything."""
    parsed = tuple(map(parse, texts))
    if not parsed:
        raise ValueError("no matcher is there; write one like check=api")
    if matches(parsed, {}):
        raise ValueError(
            f"{' '.join(map(str, parsed))} match also what has no labels at all;"
            " add one that does not, like check=~.+"
        )
    return parsed


def _unquoted(value: str, text: str) -> str:
    """What is in the quotes, if it has any, without their backslashes."""
    if not value.startswith('"'):
        return value
    try:
        inner = json.loads(value, strict=False)
    except ValueError:
        inner = None
    if not isinstance(inner, str):
        raise ValueError(  # noqa: TRY004 - what is wrong is how it was typed
            f'{text!r} has a quote that does not end, or a backslash too many; write NAME="VALUE"'
        )
    return inner


def _refuse_broken(value: str, text: str) -> None:
    try:
        _compiled(value)
    except (re2.error, UnicodeError) as error:
        raise ValueError(f"{text!r} is no expression of RE2: {_said(error)}") from None


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


@lru_cache(maxsize=1000)
def _compiled(value: str) -> _Regex:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _SMALL
    options.dot_nl = True
    compiled: _Regex = re2.compile(value, options)
    return compiled
