"""May this stand in a header of a request? Of those that a config gives, but for checks, which have a file of their own."""

from __future__ import annotations

import re

from prober.secret import Secret

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2


def header_text(name: str, value: object) -> str:
    """The value as it is sent. Raises ValueError where it cannot be; which value it is stays unsaid."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a header's name; write letters, digits and hyphens")
    shown = value.reveal() if isinstance(value, Secret) else value
    if isinstance(shown, bool) or not isinstance(shown, str | int | float):
        raise ValueError(f"the value of {name} is no text; write it in quotes")  # noqa: TRY004 - pydantic takes a ValueError only
    plain = str(shown).strip()  # blanks around it are refused only when it is sent
    if not (plain.isascii() and plain.isprintable()):
        raise ValueError(f"the value of {name} has characters that a header cannot carry")
    return plain
