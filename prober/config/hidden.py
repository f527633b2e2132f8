"""Which values of a config are secret? A matter of the field they stand in."""

from __future__ import annotations

import base64
import re
from binascii import Error
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from urllib.parse import unquote

SHORT = 6  # characters; a secret below that is a warning

NAMED = frozenset({"notifiers", "alerts"})  # at the top; the keys under them are names, not fields
_GROUPS = frozenset({"secrets", "auth"})
_NAMES = frozenset({"password", "token", "secret", "webhook_url", "dsn"})
_ENDINGS = ("_password", "_token", "_secret", "_key")
_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
# The second form has a / ? or # that should have been encoded: no valid URL, but a secret all the same.
_USERINFO = re.compile(r"(?<=://)(?:[^/?#\s]+|[^/?#\s:@]*:(?!\d+[/?#])[^\s@]+)(?=@)")


class Field(Enum):
    """What a key says of all that stands under it."""

    PLAIN = "plain"
    HIDDEN = "hidden"
    HEADERS = "headers"  # secret by the header's name


def inner(above: Field, key: str, *, named: bool) -> Field:
    """What stands under `key`; where `named`, keys are names that somebody gave."""
    if above is Field.HIDDEN:
        return above
    if above is Field.HEADERS:
        return _header(key)
    return Field.PLAIN if named else _field(key)


def is_secret(path: Iterable[str | int]) -> bool:
    above, first = Field.PLAIN, ""
    for depth, part in enumerate(path):
        if isinstance(part, str):
            above = inner(above, part, named=depth == 1 and first in NAMED)
            first = first or part
    return above is Field.HIDDEN


@lru_cache(maxsize=4096)
def _field(key: str) -> Field:
    name = key.lower()
    if name in _GROUPS or name in _NAMES or name.endswith(_ENDINGS):
        return Field.HIDDEN
    return Field.HEADERS if name == "headers" else Field.PLAIN


@lru_cache(maxsize=4096)
def _header(name: str) -> Field:
    return Field.HIDDEN if name.lower() in _HEADERS else _field(name)


def userinfos(text: str) -> list[str]:
    """What stands before the @ of every URL in `text`."""
    return _USERINFO.findall(text) if "://" in text and "@" in text else []


def without_userinfo(text: str) -> str:
    return _USERINFO.sub("***", text) if "://" in text and "@" in text else text


class Hidden:
    """Every secret value found, in the forms in which it may turn up alone."""

    def __init__(self) -> None:
        self.values: set[str] = set()

    def add(self, text: str) -> bool:
        """Whether `text`, a secret, is long enough to be one."""
        self.values.update((text, text.strip()))
        scheme, _, credential = text.strip().partition(" ")
        if credential and scheme.lower() in ("basic", "bearer", "token", "digest"):
            self.values.add(credential.strip())
            if scheme.lower() == "basic":
                self.values.update(_decoded(credential.strip()))
            return len(credential.strip()) >= SHORT
        for userinfo in userinfos(text):
            self.userinfo(userinfo)
        return len(text) >= SHORT

    def userinfo(self, text: str) -> bool:
        """The same of a URL's userinfo: as a whole, and its password alone."""
        user, colon, password = text.partition(":")
        secret = password if colon else user
        self.values.update((text, unquote(text), secret, unquote(secret)))
        return len(unquote(secret)) >= SHORT


def _decoded(credential: str) -> set[str]:
    """What `user:password` in Basic's base64 gives away."""
    try:
        text = base64.b64decode(credential, validate=True).decode()
    except (Error, UnicodeDecodeError):
        return set()
    return {text, text.partition(":")[2]}
