"""How a text that a target sent is read, compared and shown.

Regexes are RE2: searching takes time linear in the text, whatever the pattern
and whatever the target sends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Annotated, NamedTuple, Protocol

import re2
from pydantic import AfterValidator, BeforeValidator, Field

from prober.check import Model

SHOWN_AT_MOST = 200  # characters of an actual value
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_VERBS = {
    "contains": ("contains", "does not contain"),
    "matches": ("matches", "does not match"),
    "eq": ("is", "is not"),
}
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
# Python also knows codecs that are no charsets (punycode, unicode_escape) and take long or warn.
_KNOWN = re.compile(
    r"utf[-_]?(8|16|32)([-_]?[lb]e)?|(us-)?ascii|latin-?1|iso-?8859-\d{1,2}|iso-2022-(jp|kr)"
    r"|windows-\d{3,4}|cp\d{3,4}|koi8-[ru]|shift[-_]jis|euc-(jp|kr)|gbk|gb2312|gb18030|big5"
)


class Match(Protocol):
    def group(self, group: int) -> str | None: ...


class Regex(Protocol):
    @property
    def groups(self) -> int: ...

    @property
    def groupindex(self) -> Mapping[str, int]: ...

    def search(self, text: str) -> Match | None: ...


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Regex:
    regex: Regex = re2.compile(pattern, _OPTIONS)
    return regex


def valid_regex(pattern: str) -> str:
    try:
        _compiled(pattern)
    except (re2.error, UnicodeError) as error:
        said = error.args[0]
        why = said.decode(errors="replace") if isinstance(said, bytes) else str(error)
        raise ValueError(
            f"{pattern!r} is not a regular expression ({why}); write it in RE2 syntax"
        ) from None
    return pattern


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Pattern = Annotated[str, AfterValidator(valid_regex)]
Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_listed)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_listed)]


class TextTest(NamedTuple):
    """One demand on a text; `wanted` is False where it is that the text must not be so."""

    operator: str  # contains, matches or eq
    operand: str
    wanted: bool = True

    def holds(self, text: str) -> bool:
        match self.operator:
            case "contains":
                return self.operand in text
            case "matches":
                return matches(self.operand, text)
        return self.operand == text

    @lru_cache(maxsize=4096)  # noqa: B019 - of values, not of objects; many checks demand the same
    def said(self, *, so: bool) -> str:
        """That a text is so, or is not so: `contains "ok"`, `does not contain "ok"`."""
        yes, no = _VERBS[self.operator]
        return f"{yes if so else no} {quoted(self.operand)}"


class TextExpect(Model):
    """Each a text or a list of texts; all must hold."""

    contains: Texts = ()
    not_contains: Texts = ()
    matches: Patterns = ()
    not_matches: Patterns = ()

    @cached_property
    def tests(self) -> tuple[TextTest, ...]:
        return (
            *(TextTest("contains", text) for text in self.contains),
            *(TextTest("contains", text, False) for text in self.not_contains),
            *(TextTest("matches", text) for text in self.matches),
            *(TextTest("matches", text, False) for text in self.not_matches),
        )


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found anywhere in `text`."""
    return _searched(pattern, text) is not None


def groups(pattern: str) -> int:
    """How many groups a valid `pattern` has."""
    return _compiled(pattern).groups


def captured(pattern: str, text: str) -> str | None:
    """What the first group of `pattern` holds where it is first found in `text`."""
    found = _searched(pattern, text)
    return found.group(1) if found else None


def group_names(pattern: str) -> tuple[str, ...]:
    """The groups of a valid `pattern`: numbers, 0 for all that it matched, and names."""
    regex = _compiled(pattern)
    return (*map(str, range(regex.groups + 1)), *regex.groupindex)


def captures(pattern: str, text: str) -> Mapping[str, str] | None:
    """What each group (see `group_names`) holds where `pattern` is first found in `text`.

    Empty for one that took no part; None where it is not found.
    """
    found = _searched(pattern, text)
    if found is None:
        return None
    regex = _compiled(pattern)
    held = {str(number): found.group(number) or "" for number in range(regex.groups + 1)}
    return held | {name: held[str(number)] for name, number in regex.groupindex.items()}


def _searched(pattern: str, text: str) -> Match | None:
    try:
        return _compiled(pattern).search(text)
    except UnicodeEncodeError:  # JSON can carry half a surrogate pair; RE2 reads UTF-8
        return _compiled(pattern).search(text.encode("utf-8", "replace").decode())


def decoded(body: bytes, content_type: str = "") -> str:
    """The body as text: by byte order mark, by charset, else as UTF-8; what does not fit is ``�``."""
    for mark, codec in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if body.startswith(mark):
            return body.decode(codec, "replace")
    found = _CHARSET.search(content_type)
    charset = found[1].lower() if found else "utf-8"
    try:
        return body.decode(charset if _KNOWN.fullmatch(charset) else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def utf8(header: str) -> str:
    """The text of a header that came as Latin-1, where its bytes are UTF-8."""
    try:
        return header if header.isascii() else header.encode("latin-1").decode()
    except UnicodeError:
        return header


def clipped(text: str, limit: int = SHOWN_AT_MOST) -> str:
    """At most `limit` characters, all of them printable."""
    shown = text[: limit + 1]
    if not shown.isprintable():
        escaped = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
        shown = "".join(escaped)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def quoted(text: str, limit: int = SHOWN_AT_MOST) -> str:
    return f'"{clipped(text, limit - 2)}"'
