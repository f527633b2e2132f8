"""What must never be shown, and how it is kept from showing.

A value is secret by the field it stands in: `Secret` is the type of such a
field. A `Scrubber` knows every secret value of a config and takes it, and the
forms it travels in, out of any text on its way to people.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Self
from urllib.parse import quote, quote_plus

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

SHOWN = "***"
SCRUB_FROM = 3  # characters; scrubbing something shorter would only ruin the text around it
CUT = "…"  # how every text of ours that was shortened ends
CUT_FROM = 4  # characters of a secret before a cut that give it away


class Secret:
    """A text that shows as `***` everywhere; only `reveal` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return SHOWN

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Takes a text (or a number, as its text) in a config; serializes as `***`."""
        text = core_schema.str_schema(coerce_numbers_to_str=True)
        return core_schema.union_schema(
            [
                core_schema.is_instance_schema(cls),
                core_schema.no_info_after_validator_function(cls, text),
            ],
            mode="left_to_right",
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )


class Scrubber:
    """Replaces every known secret, plain or encoded, by `***`."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values = frozenset(value for value in values if len(value) >= SCRUB_FROM)
        forms = {form for value in self.values for form in _forms(value)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None
        self._forms = longest_first

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        text = self._pattern.sub(SHOWN, text)
        return CUT.join(map(self._without_beginning, text.split(CUT))) if CUT in text else text

    def _without_beginning(self, text: str) -> str:
        """A text that was cut in the middle of a secret, without the secret's beginning."""
        for form in self._forms:
            for length in range(min(len(form) - 1, len(text)), CUT_FROM - 1, -1):
                if text.endswith(form[:length]):
                    return text[:-length] + SHOWN
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scrubber) and other.values == self.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __reduce__(self) -> tuple[type[Self], tuple[frozenset[str]]]:
        return type(self), (self.values,)


def _forms(value: str) -> set[str]:
    """The value as it is, and as URLs, JSON, Python and base64 carry it."""
    forms = {value, quote(value, safe=""), quote(value), quote_plus(value)}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    forms |= {repr(value)[1:-1], repr(value.encode())[2:-1]}
    encoded = base64.b64encode(value.encode()).decode()
    return forms | {encoded, encoded.rstrip("=")}
