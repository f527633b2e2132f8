"""What is said to a TCP peer, with places for what it said itself?

Whatever is said may hold a password, so that all of it shows as `***`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from prober.secret import SHOWN, written

_OURS = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_GOS = re.compile(r"\$(?:(?P<dollar>\$)|(?P<bare>\w+)|\{(?P<braced>\w+)\})")
_HALF = re.compile(r"[\ud800-\udfff]")  # of a surrogate pair: UTF-8 has no bytes for it
# Commands that carry a password as their last word; IMAP's come after a tag.
_CREDENTIAL = re.compile(r"\s*(?:\S+\s+)?(?:auth|pass|login)\s(?:.*\s)?(\S+)\s*", re.IGNORECASE)
_ALONE = re.compile(r"\s*\S{6,}\s*")
_MECHANISMS = frozenset({"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "XOAUTH2", "OAUTHBEARER"})

Captured = Mapping[str, str]  # what an expect found, by the number and by the name of the group


class Group(NamedTuple):
    """A place for what a group of the last expect held: its number, or its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Said:
    """A text with places in it. `end` is what follows, None for CRLF where no line break is there.

    `lenient`: a group that does not exist is empty, as Go has it; otherwise a mistake.
    """

    parts: tuple[str | Group, ...]
    end: str | None = None
    lenient: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """As our own config has it: `{{1}}` and `{{name}}` are places."""
        if found := _HALF.search(text):
            raise ValueError(f"{found[0]!r} is half of a character; write the whole of it")
        return cls(tuple(_split(_OURS, text)))

    @classmethod
    def expand(cls, template: str, end: str = "\n") -> Self:
        """As Go's regexp.Expand has it: `$1`, `${1}` and `$name` are places, `$$` is a `$`."""
        return cls(tuple(_split(_GOS, template)), end, lenient=True)

    @classmethod
    def literal(cls, text: str, end: str = "\n") -> Self:
        """Without any places."""
        return cls((text,) if text else (), end, lenient=True)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts if isinstance(part, Group))

    @property
    def literally(self) -> str:
        return "".join(part for part in self.parts if isinstance(part, str))

    def filled(self, captured: Captured) -> str:
        """The text alone; a group that took no part is empty."""
        return "".join(
            captured.get(part.name, "") if isinstance(part, Group) else part for part in self.parts
        )

    def line(self, captured: Captured) -> bytes:
        """What goes over the wire."""
        text = self.filled(captured)
        end = self.end
        if end is None:
            end = "" if text.endswith(("\r", "\n")) else "\r\n"
        return (text + end).encode()

    def __str__(self) -> str:
        return SHOWN

    __repr__ = __str__

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Takes a text (or a number, as its text) in a config; serializes as `***`."""
        return written(cls, cls.parse, core_schema.str_schema(coerce_numbers_to_str=True))


def credentials(dialogue: Iterable[Said]) -> Iterator[str]:
    """What in it looks like a password: the peer may say it back.

    Once a mechanism was named (`AUTH LOGIN`), whatever stands alone on its line.
    """
    asked = False
    for text in (said.literally for said in dialogue):
        match = _CREDENTIAL.fullmatch(text)
        if match and match[1].upper() in _MECHANISMS:
            asked = True
        elif match:
            yield match[1]
        elif asked and _ALONE.fullmatch(text):
            yield text.strip()


def _split(places: re.Pattern[str], text: str) -> Iterator[str | Group]:
    at = 0
    for match in places.finditer(text):
        if literal := text[at : match.start()]:
            yield literal
        at = match.end()
        if match.groupdict().get("dollar"):
            yield "$"
        else:
            yield Group(next(name for name in match.groups() if name is not None))
    if literal := text[at:]:
        yield literal
