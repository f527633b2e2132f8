"""What type is a scalar? YAML 1.2's core schema, which has no `no`, `on`, `1:30` or dates."""

from __future__ import annotations

import re

from yaml import ScalarEvent

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
# What a number, a boolean or null can begin with: most texts are told by their first letter.
_BEGINNINGS = frozenset("0123456789+-.tTfFnN~")
_TAGS = {
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:bool": bool,
    "tag:yaml.org,2002:null": type(None),
}
LONGEST = 400  # characters of a number; Python reads no more than 4,300 digits
TEXT_TAGS = frozenset({"tag:yaml.org,2002:str", "!"})
COLLECTION_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


def plain(text: str) -> bool | int | float | str | None:
    """The value of a scalar written without quotes."""
    if text[:1] not in _BEGINNINGS:
        return text or None
    if text in _BOOLS:
        return _BOOLS[text]
    if text in NULLS:
        return None
    if len(text) > LONGEST:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text


def is_plain(event: ScalarEvent) -> bool:
    """Whether the text alone decides on the type: no quotes, no block, no tag."""
    return event.tag is None and bool(event.implicit[0])


def tagged(tag: str, text: str) -> bool | int | float | str | None:
    """The value of a scalar with a tag. Raises ValueError for a tag or a text that is not it."""
    if tag in TEXT_TAGS:
        return text
    wanted = _TAGS.get(tag)
    if wanted is None:
        raise ValueError(f"the unknown tag {short_tag(tag)}; leave it out")
    value = plain(text)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise ValueError(f"{text!r} is not a {short_tag(tag)}; leave the tag out")
    return value


def short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
