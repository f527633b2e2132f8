"""Which values of a config are secret? A matter of the field they stand in."""

from __future__ import annotations

import base64
import re
from binascii import Error
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import lru_cache
from urllib.parse import unquote

from prober.secret import is_secret_header, is_secret_name

SHORT = 6  # characters; a secret below that is a warning
TOKEN = 16  # characters of an address that are no word

NAMED = frozenset(
    {"notifiers", "alerts", "modules"}
)  # at the top; the keys under them are names, not fields
# What stands under `auth:` but says only how who is asking is told, or where it stands.
_OPEN = frozenset({"auth_style", "scopes", "password_file"})
_HIDDEN = ("secrets", "passphrase")
_HEADERS = ("headers", "proxy_connect_header", "extra_http_headers")
_FILLED_LATER = re.compile(r"\{\{\s*[\w-]+\s*\}\}")  # by what a step extracted
# The second form has a / ? or # that should have been encoded: no valid URL, but a secret all the same.
_USERINFO = re.compile(r"(?<=://)(?:[^/?#\s]+|[^/?#\s:@]*:(?!\d+[/?#])[^\s@]+)(?=@)")


class Field(Enum):
    """What a key says of all that stands under it."""

    PLAIN = "plain"
    HIDDEN = "hidden"
    COOKIES = "cookies"  # hidden too, each of the cookies by itself
    HEADERS = "headers"  # secret by the header's name
    CHECKS = "checks"  # plain, as are those below; they only lead to one another
    HTTP = "http"
    JOURNEY = "journey"
    BUDGETS = "budgets"
    BROWSER = "browser"
    APPRISE = "apprise"
    ADDRESS = "address"  # hidden too, and what in it looks like a token
    NAMED = "named"  # the keys under it are names: of what is read out of answers, of pages
    AUTH = "auth"  # hidden too, but for a few words of ours

    @property
    def hides(self) -> bool:
        return self in (Field.HIDDEN, Field.COOKIES, Field.AUTH, Field.ADDRESS)


# `extract: {token: …}` says where a token is found; it is none.
_LEADS = {
    (Field.PLAIN, "checks"): Field.CHECKS,
    (Field.CHECKS, "http"): Field.HTTP,
    (Field.CHECKS, "journey"): Field.JOURNEY,
    (Field.JOURNEY, "budgets"): Field.BUDGETS,
    (Field.BUDGETS, "pages"): Field.NAMED,
    (Field.BUDGETS, "steps"): Field.NAMED,
    (Field.HTTP, "steps"): Field.HTTP,
    (Field.PLAIN, "browser"): Field.BROWSER,  # in defaults
    (Field.JOURNEY, "browser"): Field.BROWSER,
    (Field.BROWSER, "connect"): Field.ADDRESS,
    (Field.PLAIN, "apprise"): Field.APPRISE,
    (Field.APPRISE, "urls"): Field.ADDRESS,
    (Field.HTTP, "values"): Field.NAMED,
    (Field.HTTP, "extract"): Field.NAMED,
}


def inner(above: Field, key: str, *, named: bool) -> Field:
    """What stands under `key`; where `named`, keys are names that somebody gave."""
    if above is Field.AUTH:
        return _of_auth(key)
    if above.hides:
        return above
    if above is Field.HEADERS:
        return _header(key)
    if named or above is Field.NAMED:
        return Field.PLAIN
    return _LEADS.get((above, key)) or _field(key)


def is_secret(path: Iterable[str | int]) -> bool:
    above, first = Field.PLAIN, ""
    inside = (part for part in path if not str(part).startswith("\0"))  # whatever the file
    for depth, part in enumerate(inside):
        if isinstance(part, str):
            above = inner(above, part, named=depth == 1 and first in NAMED)
            first = first or part
    return above.hides


@lru_cache(maxsize=4096)
def _field(key: str) -> Field:
    name = key.lower()
    if name == "auth":
        return Field.AUTH
    if name in _HIDDEN or is_secret_name(name):
        return Field.HIDDEN
    return Field.HEADERS if name in _HEADERS else Field.PLAIN


def _of_auth(key: str) -> Field:
    if key in _OPEN:
        return Field.PLAIN
    return Field.AUTH if key in ("basic", "oauth2") else Field.HIDDEN


@lru_cache(maxsize=4096)
def _header(name: str) -> Field:
    if name.lower() == "cookie":
        return Field.COOKIES
    return Field.HIDDEN if is_secret_header(name) else _field(name)


def userinfos(text: str) -> list[str]:
    """What stands before the @ of every URL in `text`."""
    return _USERINFO.findall(text) if "://" in text and "@" in text else []


def without_userinfo(text: str) -> str:
    return _USERINFO.sub("***", text) if "://" in text and "@" in text else text


class Hidden:
    """Every secret value found, in the forms in which it may turn up alone."""

    def __init__(self) -> None:
        self.values: set[str] = set()

    def add(self, text: str, where: Field = Field.HIDDEN) -> bool:
        """Whether `text`, a secret in a field such as `where`, is long enough to be one."""
        if _FILLED_LATER.fullmatch(text):
            return True
        self.values.update((text, text.strip()))
        if where is Field.COOKIES:
            self.values.update(_cookies(text))
        scheme, _, credential = text.strip().partition(" ")
        if credential and scheme.lower() in ("basic", "bearer", "token", "digest"):
            self.values.add(credential.strip())
            if scheme.lower() == "basic":
                self.values.update(_decoded(credential.strip()))
            return len(credential.strip()) >= SHORT
        for userinfo in userinfos(text):
            self.userinfo(userinfo)
        if where is Field.ADDRESS:
            self.values.update(_tokens(text))
        return len(text) >= SHORT

    def userinfo(self, text: str) -> bool:
        """The same of a URL's userinfo: as a whole, and its password alone."""
        user, colon, password = text.partition(":")
        secret = password if colon else user
        self.values.update((text, unquote(text), secret, unquote(secret)))
        return len(unquote(secret)) >= SHORT


def _cookies(header: str) -> Iterator[str]:
    """The value of each cookie that is long enough to be a secret: `theme=dark` is none."""
    for pair in header.split(";"):
        value = pair.partition("=")[2].strip().strip('"')
        if len(value) >= SHORT:
            yield value
            yield unquote(value)


def _tokens(address: str) -> Iterator[str]:
    """What by its name is one, or is long enough to be nothing else."""
    path, _, query = address.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")]
    named = [value for name, _, value in pairs if is_secret_name(name) and len(value) >= SHORT]
    others = [*path.split("/")[3:], *(value or name for name, _, value in pairs)]
    for token in (*named, *(one for one in others if len(one) >= TOKEN)):
        yield token
        yield unquote(token)


def _decoded(credential: str) -> set[str]:
    """What `user:password` in Basic's base64 gives away."""
    try:
        text = base64.b64decode(credential, validate=True).decode()
    except (Error, UnicodeDecodeError):
        return set()
    return {text, text.partition(":")[2]}
