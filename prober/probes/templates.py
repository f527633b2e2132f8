"""Where does `{{name}}` stand in what a step asks, and what does it ask once that is filled in?

Pure. Only values are filled in, after the config was read: what a server said
can become no key, no header line and no other JSON than it was, and goes to
no other host, but where a whole URL is `{{name}}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar
from urllib.parse import quote, unquote

import re2
from pydantic import BaseModel, JsonValue, ValidationError

from prober.probes.address import Url
from prober.probes.json_rules import JsonRule
from prober.secret import Secret, is_secret_header, is_secret_name

M = TypeVar("M", bound=BaseModel)
Place = tuple[str | int, ...]

_NAME = r"([A-Za-z][A-Za-z0-9_-]*)"
_TEXT = re.compile(r"\{\{\s*" + _NAME + r"\s*\}\}")
_IN_URL = re.compile(r"%7B%7B(?:%20)*" + _NAME + r"(?:%20)*%7D%7D", re.IGNORECASE)
_FIELDS = ("url", "headers", "auth", "body", "json_", "form", "expect")
_OF_EXPECT = ("headers", "body", "json_")
_SENT = frozenset({"headers", "form"})
_REGEXES = frozenset({"matches", "not_matches"})


@dataclass(frozen=True, slots=True)
class LaterUrl(Url):
    """A URL that is not known before `name` is."""

    name: str = ""

    @classmethod
    def read(cls, text: object) -> object:
        """`text` as one of these where it is nothing but `{{name}}`. Raises ValueError."""
        if not isinstance(text, str):
            return text
        if whole := _TEXT.fullmatch(text.strip()):
            return cls(scheme="https", host="", port=443, target="/", name=whole[1])
        authority = re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0]
        if found := _TEXT.search(authority.rpartition("@")[2]):
            raise ValueError(
                f"{found[1]!r} is filled in where the host stands; fill in what comes after it,"
                " or the whole URL"
            )
        return text

    def __str__(self) -> str:
        return f"{{{{{self.name}}}}}"


class Use(NamedTuple):
    """That `name` is filled in at `place`; `secret` where credentials stand."""

    name: str
    place: Place
    secret: bool = False


class Unfilled(ValueError):
    """The message says what cannot be filled in."""


def uses(settings: BaseModel) -> Iterator[Use]:
    """All that is to be filled in."""
    for field in _FIELDS:
        yield from _in_field(settings, field)


def _in_field(settings: BaseModel, field: str) -> Iterator[Use]:
    value: object = getattr(settings, field)
    if field == "expect" and isinstance(value, BaseModel):
        for inner in _OF_EXPECT:
            yield from _uses(getattr(value, inner), ("expect", _key(value, inner)))
    else:
        yield from _uses(value, (_key(settings, field),))


def _uses(value: object, place: Place) -> Iterator[Use]:
    match value:
        case str() | Secret():
            hidden = isinstance(value, Secret) or _is_secret(place)
            for found in _TEXT.finditer(_revealed(value)):
                yield Use(found[1], place, hidden)
        case Url():
            yield from _in_url(value, place)
        case JsonRule():
            yield from _uses(json.loads(value.written), place)
        case BaseModel():
            for field in value.model_fields_set:
                yield from _uses(getattr(value, field), (*place, _key(value, field)))
        case Mapping():
            for key, inner in value.items():
                yield from _uses(inner, (*place, str(key)))
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from _uses(inner, (*place, index))


def _revealed(text: str | Secret) -> str:
    return text.reveal() if isinstance(text, Secret) else text


def _in_url(url: Url, place: Place) -> Iterator[Use]:
    if isinstance(url, LaterUrl):
        yield Use(url.name, place)
    if url.userinfo is not None:
        yield from _uses(url.userinfo, place)
    for piece in re.split("[?&]", url.target):
        key = unquote(piece.partition("=")[0])
        for found in _IN_URL.finditer(piece):
            yield Use(found[1], place, is_secret_name(key))


def _is_secret(place: Place) -> bool:
    if place[0] == "headers":
        return is_secret_header(str(place[1]))
    return place[0] == "auth" or any(isinstance(k, str) and is_secret_name(k) for k in place)


def _key(model: BaseModel, field: str) -> str:
    return type(model).model_fields[field].alias or field


@dataclass(frozen=True, slots=True)
class Filler:
    """`known` is what there is to fill in; `base` is the URL that a relative one is relative to.

    Everything raises Unfilled.
    """

    known: Mapping[str, JsonValue]
    base: Url | None = None
    secret: frozenset[str] = frozenset()

    def settings(self, settings: M) -> M:
        fields = {use.place[0] for use in uses(settings)}
        if not fields:
            return settings
        given = {_key(settings, name): _get(settings, name) for name in settings.model_fields_set}
        for name in _FIELDS:
            key = _key(settings, name)
            if key in fields:
                given[key] = self._field(name, given[key])
        return _validated(type(settings), given)

    def _field(self, name: str, value: object) -> object:
        if name == "json_":
            return self._json(value)
        if name in _SENT and isinstance(value, Mapping):
            return {key: [self._sent(one) for one in values] for key, values in value.items()}
        if name != "expect" or not isinstance(value, BaseModel):
            return self._value(value)
        given = {_key(value, inner): _get(value, inner) for inner in value.model_fields_set}
        for inner in _OF_EXPECT:
            if inner in value.model_fields_set:
                given[_key(value, inner)] = self._value(_get(value, inner))
        return _validated(type(value), given)

    def _value(self, value: object) -> object:
        match value:
            case str():
                return self._text(value)
            case Secret():
                return Secret(self._text(value.reveal()))
            case Url():
                return self._url(value)
            case JsonRule():
                return value.filled(self._json_value, self._regex)
            case BaseModel():
                return self._model(value)
            case Mapping():
                return {key: self._value(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self._value(inner) for inner in value]
        return value

    def _model(self, model: M) -> M:
        given: dict[str, object] = {}
        for name in model.model_fields_set:
            value = _get(model, name)
            if name in _REGEXES and isinstance(value, tuple):
                given[_key(model, name)] = [self._regex(str(one)) for one in value]
            else:
                given[_key(model, name)] = self._value(value)
        return _validated(type(model), given)

    def _sent(self, value: str | Secret) -> str | Secret:
        """A header or a field of a form; secret where what is filled in is."""
        text = _revealed(value)
        has_secret = any(found[1] in self.secret for found in _TEXT.finditer(text))
        filled = self._text(text)
        return Secret(filled) if has_secret or isinstance(value, Secret) else filled

    def _text(self, text: str) -> str:
        return _TEXT.sub(lambda found: self._as_text(found[1]), text)

    def _regex(self, pattern: str) -> str:
        return _TEXT.sub(lambda found: re2.escape(self._as_text(found[1])), pattern)

    def _json(self, value: object) -> object:
        if isinstance(value, str):
            whole = _TEXT.fullmatch(value)
            return self._look_up(whole[1]) if whole else self._text(value)
        if isinstance(value, Mapping):
            return {key: self._json(inner) for key, inner in value.items()}
        return [self._json(inner) for inner in value] if isinstance(value, list | tuple) else value

    def _json_value(self, value: JsonValue) -> JsonValue:
        filled: JsonValue = self._json(value)  # type: ignore[assignment] # JSON stays JSON
        return filled

    def _url(self, url: Url) -> Url:
        userinfo = None if url.userinfo is None else Secret(self._text(url.userinfo.reveal()))
        if not isinstance(url, LaterUrl):
            target = _IN_URL.sub(lambda found: quote(self._as_text(found[1]), safe=""), url.target)
            return replace(url, target=target, userinfo=userinfo)
        text = self._as_text(url.name)
        try:
            return Url.parse(text) if self.base is None else self.base.join(text)
        except ValueError as error:
            raise Unfilled(f"{url.name!r} is no URL: {error}") from None

    def _as_text(self, name: str) -> str:
        match self._look_up(name):
            case str() as text:
                return text
            case None:
                raise Unfilled(f"{name!r} is null, which no text can hold")
            case value:
                return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def _look_up(self, name: str) -> JsonValue:
        if name not in self.known:
            raise Unfilled(f"{name!r} was not extracted")
        return self.known[name]


def _get(model: BaseModel, field: str) -> object:
    value: object = getattr(model, field)
    return value


def _validated(model: type[M], given: Mapping[str, object]) -> M:
    """As a config is read, so that nothing filled in can be what could not be written there."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        said = first.get("ctx", {}).get("error", first["msg"])
        raise Unfilled(f"{said}") from None
