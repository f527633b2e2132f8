"""What must never be shown, and how it is kept from showing.

A value is secret by the field it stands in: `Secret` is the type of such a
field. A `Scrubber` knows every secret value of a config and takes it, and the
forms it travels in, out of any text on its way to people.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Annotated, Protocol, Self, TypeVar
from urllib.parse import quote, quote_plus

import re2
from pydantic import AfterValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")

SHOWN = "***"
_NAMES = frozenset({"password", "token", "secret", "credentials", "webhook_url", "dsn"})
_ENDINGS = ("_password", "_token", "_secret", "_key")
_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
_IN_QUERY = "!$&'()*+,;=:@/?"  # what a URL's query may hold as it is (RFC 3986)
_IN_COMPONENT = "!'()*"  # what JavaScript's encodeURIComponent leaves as it is
_IN_PAGES = "!$%&()*+,;=:@/?[]^`{|}\\"  # what a browser leaves in the query of an address
_LOWER = re.compile("%[0-9A-F]{2}")  # of which some make `%2f`
_URL_SAFE = bytes.maketrans(b"+/", b"-_")  # the other alphabet of base64
_FIELD = re.compile(r"[\w-]+")
SCRUB_FROM = 3  # characters; scrubbing something shorter would only ruin the text around it
CUT = "…"  # how every text of ours that was shortened ends
CUT_FROM = 4  # characters of a secret before a cut that give it away
KNOWN, KNOWN_TO = 8192, 500  # texts that are remembered scrubbed, and the characters of one
CUTS = 8  # in one text that are looked at; a message of ours quotes a few things at most
PATTERN_MEMORY = 256 << 20  # bytes at most; a thousand secrets take a few


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret (`$.access_token` is no name but a path)."""
    lower = name.lower().replace("-", "_")
    return lower in _NAMES or (lower.endswith(_ENDINGS) and _FIELD.fullmatch(lower) is not None)


def is_secret_header(name: str) -> bool:
    """Whether the value of an HTTP header of this name is a secret."""
    return name.lower() in _HEADERS or is_secret_name(name)


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
        return written(cls, cls, core_schema.str_schema(coerce_numbers_to_str=True))


def _there(secret: Secret) -> Secret:
    """A secret that is empty is a variable that is: what it should keep safe would not be."""
    if not secret.reveal().strip():
        raise ValueError("the secret is empty; write it, or leave the key out if there is none")
    return secret


Given = Annotated[Secret, AfterValidator(_there)]  # and never an empty text


class FromFile(str):
    """A text that came out of `${file:}`: secret whatever the field is called that it stands in."""

    __slots__ = ()


def written(
    kind: type[T], read: Callable[[str], T], text: CoreSchema, shown: Callable[[T], str] = str
) -> CoreSchema:
    """For pydantic: a `kind` that stands in a config as a text, and is shown again as `shown` has it."""
    return core_schema.no_info_wrap_validator_function(
        lambda value, handler: value if isinstance(value, kind) else read(handler(value)),
        text,
        serialization=core_schema.plain_serializer_function_ser_schema(shown),
    )


class Scrubber:
    """Replaces every known secret, plain or encoded, by `***`.

    The pattern is re2's, whose time does not grow with the number of secrets:
    Python's takes 4 ms a text with a thousand of them.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values = frozenset(value for value in values if len(value) >= SCRUB_FROM)
        # Most texts are those of the run before: a fact, an expectation. A method of ours would
        # tie us to our own cache, and we would stay, pattern and all, until garbage is searched.
        self._seen = lru_cache(KNOWN)(_Forms(self.values).scrubbed) if self.values else None

    def __call__(self, text: str) -> str:
        if not text or self._seen is None:
            return text
        return self._seen(text) if len(text) < KNOWN_TO else self._seen.__wrapped__(text)

    def beside(self, learned: tuple[str, ...]) -> Scrubber:
        """One that knows these secrets too."""
        return _Both(self, _of(learned))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scrubber) and other.values == self.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __reduce__(self) -> tuple[type[Self], tuple[frozenset[str]]]:
        return type(self), (self.values,)


class _Forms:
    """All that a text may have in it of these secrets."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = sorted({form for value in values for form in forms_of(value)}, key=len)
        self._pattern = _pattern(reversed(forms))
        self._longest = len(forms[-1])
        self._beginnings: dict[str, list[str]] = {}
        for form in forms:
            self._beginnings.setdefault(form[:CUT_FROM], []).append(form)

    def scrubbed(self, text: str) -> str:
        try:
            text = self._pattern.sub(SHOWN, text)
        except UnicodeEncodeError:  # half a surrogate pair, which some target sent
            text = self._pattern.sub(SHOWN, text.encode(errors="replace").decode())
        return self._without_beginnings(text) if CUT in text else text

    def _without_beginnings(self, text: str) -> str:
        """A text that was cut in the middle of a secret, without the secret's beginning."""
        *cut, rest = text.rsplit(CUT, CUTS)
        return CUT.join([*map(self._without_beginning, cut), rest])

    def _without_beginning(self, text: str) -> str:
        for start in range(max(0, len(text) - self._longest), len(text) - CUT_FROM + 1):
            ending = text[start:]
            for form in self._beginnings.get(ending[:CUT_FROM], ()):
                if form.startswith(ending):
                    return text[:start] + SHOWN
        return text


class _Both(Scrubber):
    """A few secrets more: the pattern of all the others stays as it is, which took long to make."""

    def __init__(self, known: Scrubber, learned: Scrubber) -> None:
        self.values = known.values | learned.values
        self._known, self._learned = known, learned

    def __call__(self, text: str) -> str:
        return self._known(self._learned(text))


@lru_cache(maxsize=1024)
def _of(values: tuple[str, ...]) -> Scrubber:
    return Scrubber(values)


class _Pattern(Protocol):
    def sub(self, repl: str, text: str) -> str: ...


def _pattern(longest_first: Iterable[str]) -> _Pattern:
    options = re2.Options()
    options.max_mem = PATTERN_MEMORY
    compiled: _Pattern = re2.compile("|".join(map(re2.escape, longest_first)), options)
    return compiled


def forms_of(value: str) -> set[str]:
    """The value as it is, and as URLs, JSON, HTML, Python and base64 carry it."""
    if (bare := value.strip()) != value and len(bare) >= SCRUB_FROM:
        return _forms_of(value) | _forms_of(bare)  # what comes out of a file ends with its line
    return _forms_of(value)


def _forms_of(value: str) -> set[str]:
    quoted = {quote(value, safe=safe) for safe in ("", "/", _IN_QUERY, _IN_COMPONENT, _IN_PAGES)}
    form = quote(value, safe="*-._ ").replace("~", "%7E").replace(" ", "+")  # as browsers send it
    forms = {value, quote_plus(value), form, *quoted}
    forms |= {_LOWER.sub(lambda match: match[0].lower(), one) for one in (*quoted, form)}
    forms |= {html.escape(value), html.escape(value, quote=False)}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    forms |= {repr(value)[1:-1], repr(value.encode())[2:-1]}
    encoded = base64.b64encode(value.encode()).decode()
    return forms | {encoded, encoded.rstrip("=")}


def buried(value: str) -> set[bytes]:
    """The value as it lies where no text is: base64 of something longer, hex, UTF-16."""
    data = value.encode(errors="replace")
    pieces = {data.hex().encode(), data.hex().upper().encode()}
    pieces |= {value.encode(f"utf-16-{order}", errors="replace") for order in ("le", "be")}
    for before in range(3):  # bytes that stand before it, of which three make four characters
        whole = base64.b64encode(bytes(before) + data + bytes(2))
        begin, end = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        piece = whole[begin:end]
        pieces |= {piece, piece.translate(_URL_SAFE)}
    return pieces
