"""How may a secret be written, once programs have passed it on?

Each has its own way with what is neither letter nor digit: `%2f` or `%2F`,
`&#39;` or `&#x27;`, `\\/` or `/`, and an address within an address does it
twice. So a pattern says of every such character how it may stand there,
rather than a list of all that comes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html.entities import html5

_ENCODED_AGAIN = "(?:25)*"  # what `%` becomes each time
_SLASHES = rf"(?:\\|%{_ENCODED_AGAIN}5[cC])"  # of an escape, as often as it was one
_SHORT = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


def pattern(value: str) -> str | None:
    """What finds the value, for re2; None where it is written in one way only."""
    value = value.strip().replace("\r\n", "\n")
    if not value or all(map(_is_plain, value)):
        return None
    return "".join(char if _is_plain(char) else _written(char) for char in value)


def _is_plain(char: str) -> bool:
    return char.isascii() and char.isalnum()


@lru_cache(maxsize=512)
def _written(char: str) -> str:
    ways = "|".join(_ways(char))
    if char == "\n":
        carriage = "|".join(_ways("\r"))
        return f"(?:(?:{carriage})?(?:{ways}))"
    return f"(?:{ways})"


def _ways(char: str) -> Iterator[str]:
    code = ord(char)
    percent = "".join(f"%{_ENCODED_AGAIN}{_hex(byte, 2)}" for byte in _bytes(char))
    yield f"{_SLASHES}*(?:{re.escape(char)}|{percent})"
    if char == " ":
        yield r"\+"
    if char in _SHORT:
        yield f"{_SLASHES}+{_SHORT[char]}"
    units = char.encode("utf-16-be", "surrogatepass")
    pairs = (units[at] << 8 | units[at + 1] for at in range(0, len(units), 2))
    yield "".join(f"{_SLASHES}+u{_hex(unit, 4)}" for unit in pairs)
    yield "".join(f"{_SLASHES}+x{_hex(byte, 2)}" for byte in _bytes(char))
    if code < 0x100:
        yield f"{_SLASHES}+x{_hex(code, 2)}"
    names = [name[:-1] for name, stands in html5.items() if stands == char and name[-1] == ";"]
    entities = "|".join([*sorted(names), f"#0*{code}", f"#[xX]0*{_hex(code)}"])
    yield f"&(?:amp;)*(?:{entities});"


def _bytes(char: str) -> bytes:
    return char.encode(errors="replace")


def _hex(number: int, digits: int = 0) -> str:
    return f"(?i:{number:0{digits}x})"
