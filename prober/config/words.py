"""What does a mistake that pydantic found read like for people: what was found; what is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import get_args

from pydantic import JsonValue
from pydantic_core import ErrorDetails, core_schema

LONGEST = 80  # characters of a value that a message shows
FEW = 8  # keys of a mapping that a message lists where there is none
_MAPPING = "a mapping of keys"

# "… is not a whole number": several of these at one place are joined by "or".
_KINDS = MappingProxyType(
    {
        "string_type": "a text",
        "string_sub_type": "a text",
        "string_unicode": "a text in valid Unicode",
        "int_type": "a whole number",
        "int_parsing": "a whole number",
        "int_parsing_size": "a number of sensible size",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "float_parsing": "a number",
        "finite_number": "a finite number",
        "bool_type": "true or false",
        "bool_parsing": "true or false",
        "path_type": "the name of a file",
        "none_required": "null",
        "dict_type": _MAPPING,
        "mapping_type": _MAPPING,
        "model_type": _MAPPING,
        "model_attributes_type": _MAPPING,
        "list_type": "a list",
        "tuple_type": "a list",
        "set_type": "a list",
    }
)
_BOUNDS: MappingProxyType[str, Callable[[dict[str, object]], str]] = MappingProxyType(
    {
        "greater_than": lambda ctx: f"is too small; more than {_number(ctx['gt'])}",
        "greater_than_equal": lambda ctx: f"is too small; {_number(ctx['ge'])} or more",
        "less_than": lambda ctx: f"is too large; less than {_number(ctx['lt'])}",
        "less_than_equal": lambda ctx: f"is too large; {_number(ctx['le'])} or less",
        "string_too_short": lambda ctx: _short(ctx, "character"),
        "string_too_long": lambda ctx: f"is too long; at most {ctx['max_length']} characters",
        "too_short": lambda ctx: _short(ctx, "item"),
        "too_long": lambda ctx: f"is too long; at most {ctx['max_length']} items",
    }
)
# Patterns of settings classes, in words.
_PATTERNS = MappingProxyType(
    {
        r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$": (
            "is not a name; write letters, digits and _ . : / -, a letter or digit first"
        ),
        r"^[a-zA-Z_][a-zA-Z0-9_]*$": (
            "is not a label's name; write letters, digits and _, no digit first"
        ),
        r"^[A-Za-z][A-Za-z0-9_-]*$": (
            "is not a name; write letters, digits and _ -, a letter first"
        ),
        r"^1\.[0-3]$": 'is not a version of TLS; write "1.2" or "1.3"',
    }
)
_PYDANTIC = frozenset(get_args(core_schema.ErrorType))


def kind(error: ErrorDetails) -> str | None:
    """What the value would have to be, if that is all there is to say."""
    return _KINDS.get(error["type"])


def message(error: ErrorDetails, found: str, known: Sequence[str] = ()) -> str:
    """One line about a value that reads `found`, where the keys of a mapping are `known`."""
    name, ctx = error["type"], error.get("ctx", {})
    if name in ("value_error", "assertion_error"):
        return str(ctx.get("error", error["msg"]))
    if name in _KINDS:
        is_listed = _KINDS[name] == _MAPPING and 0 < len(known) <= FEW
        return f"{found} is not {_KINDS[name]}{_here(known) if is_listed else ''}"
    if name not in _PYDANTIC:
        return error["msg"]
    if name in _BOUNDS:
        return f"{found} {_BOUNDS[name](ctx)}"
    if name in ("literal_error", "enum"):
        listed = _listed(str(ctx["expected"]))
        return f"{found} is {'none of' if ' or ' in listed else 'not'} {listed}"
    if name == "string_pattern_mismatch":
        pattern = str(ctx["pattern"])
        return f"{found} {_PATTERNS.get(pattern, f'does not match {pattern}')}"
    said = error["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{found} {said[:1].lower()}{said[1:]}"


def meant(key: str, known: Sequence[str]) -> str | None:
    """The known key that `key` may be a slip of."""
    close = get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    return close[0] if close else None


def unknown(key: str, known: Sequence[str]) -> str:
    """A key that is not known here, and which one may be meant."""
    close = meant(key, known)
    right = f"; did you mean {close}?" if close else _here(known)
    return f'unknown key "{key}"{right}' if known else f'unknown key "{key}"; leave it out'


def _here(known: Sequence[str]) -> str:
    return f"; known here: {', '.join(known)}"


def found(value: JsonValue, written: str | None = None) -> str:
    """How a message shows the value that was found; `written` is a scalar's own text."""
    match value:
        case dict():
            return "a mapping" if value else "an empty mapping"
        case list():
            return "a list" if value else "an empty list"
        case None:
            return "null"
        case str():
            text = value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
            return repr(text) if text else "an empty text"
        case _:
            return written or str(value).lower()


def _listed(expected: str) -> str:
    """As YAML writes them: `auto, true or false`."""
    plain = expected.replace("'", "")
    return re.sub(r"\b(True|False)\b", lambda word: word[0].lower(), plain)


def _number(bound: object) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _short(ctx: dict[str, object], what: str) -> str:
    least = ctx["min_length"]
    return f"is too short; at least {least} {what}{'' if least == 1 else 's'}"
