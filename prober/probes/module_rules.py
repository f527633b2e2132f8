"""Is an HTTP answer as a module of blackbox_exporter's wants it, beside its status and its body?

Pure. Only what `Expect` does not have: headers that may be missing, the
versions of HTTP, TLS or not, and that a body has to come compressed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from prober.probes.expect import Judged
from prober.probes.texts import clipped, matches, quoted
from prober.result import Assertion, Reason

_CODINGS = {"x-gzip": "gzip"}
UNPACKED = frozenset({"gzip", "deflate", "br"})  # what a module can want a body to come in


class HeaderRule(NamedTuple):
    """What no value of a header may match, or (`wanted`) one of its values must."""

    header: str
    regexp: str
    wanted: bool
    allow_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    headers: tuple[HeaderRule, ...] = ()
    compression: str = ""
    versions: tuple[str, ...] = ()  # "HTTP/1.1", "HTTP/2.0"; none: any
    tls: bool | None = None  # whether the final answer has to come over TLS; None: either


class Final(NamedTuple):
    """The final answer. `version` is "1.0", "1.1" or "2"."""

    headers: Sequence[tuple[str, str]]
    version: str
    tls: bool


def of_headers(rules: Rules, final: Final) -> Iterator[Judged]:
    """Looked at before the body."""
    for rule in rules.headers:
        yield _header(rule, final.headers)


def of_coding(rules: Rules, final: Final) -> Iterator[Judged]:
    """A compression that is asked for has to be used, or the body could not be unpacked."""
    if rules.compression not in UNPACKED:
        return
    given = [value for name, value in final.headers if name.lower() == "content-encoding"]
    coding = given[-1].strip().lower() if given else "none"
    ok = _CODINGS.get(coding, coding) == rules.compression
    yield _judged(Reason.PROTOCOL, ("compression", rules.compression, clipped(coding)), ok)


def of_connection(rules: Rules, final: Final) -> Iterator[Judged]:
    """Looked at last."""
    if rules.versions:
        version = f"HTTP/{final.version if '.' in final.version else f'{final.version}.0'}"
        expected = " or ".join(rules.versions)
        ok = version in rules.versions
        yield _judged(Reason.PROTOCOL, ("HTTP version", expected, version), ok)
    if rules.tls is not None:
        words = {True: "https", False: "http"}
        told = ("final scheme", words[rules.tls], words[final.tls])
        yield _judged(Reason.TLS, told, final.tls is rules.tls)


def _header(rule: HeaderRule, headers: Sequence[tuple[str, str]]) -> Judged:
    values = [value for name, value in headers if name.lower() == rule.header.lower()]
    what = f"header {rule.header}"
    verb = "matches" if rule.wanted else "does not match"
    expected = f"{verb} {quoted(rule.regexp)}"
    if not values:
        return _judged(
            Reason.HEADER, (what, expected, "missing"), rule.allow_missing, by_regex=True
        )
    actual = clipped(", ".join(map(quoted, values)))
    ok = rule.wanted is any(matches(rule.regexp, value) for value in values)
    return _judged(Reason.HEADER, (what, expected, actual), ok, by_regex=True)


def _judged(
    reason: Reason, told: tuple[str, str, str], ok: bool, *, by_regex: bool = False
) -> Judged:
    what, expected, actual = told
    message = "" if ok else f"{what} is {actual}; expected: {expected}"
    assertion = Assertion(what, expected, actual, ok)
    return Judged(reason=reason, assertion=assertion, message=message, by_regex=by_regex)
