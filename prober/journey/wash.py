"""How do texts lose their secrets, and what in them is one that nobody has named?

Pure. In a trace and a HAR what is a secret by its name (a cookie, the header
Authorization, a form's field `password`) goes whatever its value; and its value
is then a secret everywhere else. JSON stays JSON: only what is in its texts,
and numbers that are a secret as a whole, are replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from urllib.parse import parse_qsl, unquote_plus

import re2
from pydantic import JsonValue

from prober.journey import disguise
from prober.journey.scan import PATTERN_MEMORY
from prober.secret import SHOWN, Scrubber, is_secret_header, is_secret_name

SHORTEST, LONGEST = 6, 4096  # characters of a value that is looked for elsewhere too
MOST = 1000  # such values
BODY = 1 << 20  # characters of a request's or an answer's that is looked into
_COOKIES = frozenset({"cookie", "set-cookie"})
_VALUES = ("value", "__playwright_value_")  # of a field, in a page and in a trace's
_INPUT = re.compile(r'<input\b(?:[^>"]|"[^"]*")*>', re.IGNORECASE)
_PASSWORD = re.compile(r'\stype="?password\b', re.IGNORECASE)
_CODED = re.compile(r"[%&\\+\r]")  # without which a text has nothing written otherwise
_BEFORE = (  # no digit, but one that is a character's: `%20`
    r"(?:(?<!\d)(?<!\d\.)|(?<=%[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\x[0-9A-Fa-f]{2}))"
)
_VALUE = re.compile(r'(\s(?:value|__playwright_value_)=)(?:"[^"]*"|[^\s>]+)', re.IGNORECASE)


class Washer:
    """Takes known secrets out."""

    def __init__(self, secrets: Iterable[str]) -> None:
        values = set(secrets)
        numbers = {value for value in values if value.isascii() and value.isdigit()}
        self._scrub = Scrubber(values - numbers)
        alone = "|".join(sorted(map(re.escape, numbers), key=len, reverse=True))
        self._numbers = re.compile(rf"{_BEFORE}(?:{alone})(?!\d|\.\d)") if numbers else None
        options = re2.Options()
        options.max_mem = PATTERN_MEMORY
        disguises = [known for known in map(disguise.pattern, self._scrub.values) if known]
        self._disguises = re2.compile("|".join(disguises), options) if disguises else None

    def text(self, text: str) -> str:
        """The text without secrets; as a page, without what stands in its password fields."""
        return self._plain(without_typed(text))

    def body(self, text: str) -> str:
        """What was sent to a server."""
        return self._plain(_without_fields(text))

    def json(self, value: JsonValue) -> JsonValue:
        match value:
            case str():
                return self._plain(value)
            case list():
                return [self.json(_without_named(one)) for one in value]
            case dict():
                return {self._plain(n): self.json(one) for n, one in _masked(value).items()}
            case bool() | None:
                return value
            case _:
                return value if self._plain(str(value)) == str(value) else 0

    def _plain(self, text: str) -> str:
        text = self._scrub(text)
        if self._disguises and _CODED.search(text):
            text = self._disguises.sub(SHOWN, text)
        return self._numbers.sub(SHOWN, text) if self._numbers else text


def without_typed(text: str) -> str:
    """A page, or an element of one, without what stands in its password fields."""
    return _INPUT.sub(lambda match: _emptied(match[0]), text) if "<" in text else text


def _emptied(field: str) -> str:
    return _VALUE.sub(rf'\1"{SHOWN}"', field) if _PASSWORD.search(field) else field


def _masked(known: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Without cookies, and as a page's element, a password field's value."""
    if _is_password(known):
        known = {**known, **{name: SHOWN for name in _VALUES if known.get(name)}}
    cookies = known.get("cookies")
    if isinstance(cookies, list):
        emptied: list[JsonValue] = [
            {**one, "value": SHOWN} if isinstance(one, dict) else SHOWN for one in cookies
        ]
        known = {**known, "cookies": emptied}
    body = known.get("text")
    if "mimeType" in known and isinstance(body, str):
        known = {**known, "text": _without_fields(body)}
    return known


def _is_password(element: dict[str, JsonValue]) -> bool:
    return str(element.get("type", "")).casefold() == "password"


def _without_named(value: JsonValue) -> JsonValue:
    """One of a list of names and values, without the value where the name says that it is secret."""
    if isinstance(value, dict) and isinstance(name := value.get("name"), str) and "value" in value:
        secret = name.casefold() in _COOKIES or is_secret_header(name)
        return {**value, "value": SHOWN} if secret else value
    return value


def _without_fields(body: str) -> str:
    """A form or JSON without what its fields' names say is secret; anything else as it is."""
    if len(body) > BODY:
        return body
    with suppress(ValueError):
        known: JsonValue = json.loads(body)
        emptied = _emptied_fields(known)
        return body if emptied == known else json.dumps(emptied)
    if not _is_form(body):
        return body
    pairs = (pair.partition("=") for pair in body.split("&"))
    return "&".join(
        f"{name}={SHOWN}" if is_secret_name(unquote_plus(name)) else f"{name}{sign}{value}"
        for name, sign, value in pairs
    )


def _emptied_fields(value: JsonValue) -> JsonValue:
    match value:
        case list():
            return [_emptied_fields(one) for one in value]
        case dict():
            return {
                name: SHOWN
                if is_secret_name(name) and not isinstance(one, dict | list)
                else _emptied_fields(one)
                for name, one in value.items()
            }
        case _:
            return value


def _is_form(body: str) -> bool:
    return "=" in body and not any(one.isspace() for one in body)


def in_json(value: JsonValue) -> Iterator[str]:
    """The secrets by name of a HAR's entry or a trace's line."""
    match value:
        case list():
            for one in value:
                yield from in_json(one)
        case dict():
            yield from _in_pair(value)
            if _is_password(value):
                yield from worth(value.get(name) for name in _VALUES)
            for name, one in value.items():
                if isinstance(one, str) and name in ("text", "postData", "jsonData", "url"):
                    yield from in_body(one.partition("?")[2] if name == "url" else one)
                elif name == "cookies" and isinstance(one, list):
                    yield from worth(
                        cookie.get("value") for cookie in one if isinstance(cookie, dict)
                    )
                else:
                    yield from in_json(one)
        case _:
            pass


def _in_pair(pair: dict[str, JsonValue]) -> Iterator[str]:
    name, value = pair.get("name"), pair.get("value")
    if not (isinstance(name, str) and isinstance(value, str)):
        return
    lower = name.casefold()
    if lower in _COOKIES:
        yield from worth(_cookies(value, is_set=lower == "set-cookie"))
    elif is_secret_header(name):
        yield from worth([value, value.rpartition(" ")[2]])


def _cookies(header: str, *, is_set: bool) -> list[str]:
    """The values in it; each line of a Set-Cookie is one cookie and what it is good for."""
    pairs = [line.partition(";")[0] for line in header.split("\n")] if is_set else header.split(";")
    return [pair.partition("=")[2].strip().strip('"') for pair in pairs]


def in_body(body: str) -> Iterator[str]:
    """The secrets by name of what was sent: a form, or JSON."""
    if len(body) > BODY:
        return
    try:
        yield from _in_fields(json.loads(body))
    except ValueError:
        if _is_form(body):
            pairs = parse_qsl(body, max_num_fields=None)
            yield from worth(value for name, value in pairs if is_secret_name(name))


def _in_fields(value: JsonValue) -> Iterator[str]:
    match value:
        case list():
            for one in value:
                yield from _in_fields(one)
        case dict():
            for name, one in value.items():
                if is_secret_name(name) and not isinstance(one, dict | list):
                    yield from worth([one if isinstance(one, str) else str(one)])
                else:
                    yield from _in_fields(one)
        case _:
            pass


def worth(values: Iterable[object]) -> Iterator[str]:
    """What is long enough to be looked for everywhere."""
    for value in values:
        if isinstance(value, str) and SHORTEST <= len(value) <= LONGEST and value != SHOWN:
            yield value
