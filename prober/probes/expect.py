"""Whether an answer is what the check expects, and what to say where it is not.

Pure: an answer and the expectations in, assertions out. Everything is looked
at, also after the first failure; the first in the order of `Reason` decides.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Annotated, NamedTuple, Self
from weakref import WeakValueDictionary

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from prober.check import Model
from prober.probes import json_rules
from prober.probes.answer import Answer, Reading, beginning
from prober.probes.extract import HeaderName
from prober.probes.json_paths import JsonPath, Unreadable
from prober.probes.json_rules import JsonRule, JsonRuleField
from prober.probes.texts import TextExpect, TextTest, clipped, quoted
from prober.result import Assertion, Reason
from prober.units import Duration, show_duration


class StatusRange(NamedTuple):
    """From `first` to `last`, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        hundred = self.first // 100
        if (self.first, self.last) == (hundred * 100, hundred * 100 + 99):
            return f"{hundred}xx"
        return f"{self.first}-{self.last}"


def _statuses(value: object) -> object:
    return tuple(_status(item) for item in (value if isinstance(value, list | tuple) else [value]))


def _status(value: object) -> StatusRange:
    if isinstance(value, StatusRange):
        return value
    text = str(value).strip().lower() if not isinstance(value, bool) else ""
    if match := re.fullmatch(r"([1-9]\d\d)(?:\s*-\s*([1-9]\d\d))?", text):
        first, last = int(match[1]), int(match[2] or match[1])
        if first <= last:
            return StatusRange(first=first, last=last)
    elif re.fullmatch(r"[1-9]xx", text):
        return StatusRange(first=int(text[0]) * 100, last=int(text[0]) * 100 + 99)
    raise ValueError(f"{value!r} is not a status; write 200, 2xx, 200-299 or a list of these")


class HeaderExpect(TextExpect):
    """As of a body, for the values of one header; any of several values may contain or match."""

    eq: str | None = None
    exists: bool = True

    @cached_property
    def tests(self) -> tuple[TextTest, ...]:
        given = () if self.eq is None else (TextTest("eq", self.eq),)
        return (*given, *super().tests)

    @model_validator(mode="after")
    def _absent_or_compared(self) -> Self:
        if not self.exists and self.tests:
            raise ValueError("exists: false stands beside other expectations; leave it or them out")
        return self


def _header_written(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return {"eq": value.strip()} if isinstance(value, str) else value


class CertificateExpect(Model):
    valid_for: Annotated[Duration, Field(gt=0)]


class Expect(Model):
    """What an HTTP answer has to be. Durations are in seconds."""

    status: Annotated[
        tuple[StatusRange, ...],
        BeforeValidator(_statuses),
        PlainSerializer(lambda ranges: [str(one) for one in ranges]),
        Field(min_length=1),
    ] = (StatusRange(first=200, last=299),)
    body: TextExpect = TextExpect()
    headers: Mapping[HeaderName, Annotated[HeaderExpect, BeforeValidator(_header_written)]] = {}
    json_: Annotated[Mapping[JsonPath, JsonRuleField], Field(alias="json")] = {}
    duration: Annotated[Duration, Field(gt=0)] | None = None
    certificate: CertificateExpect | None = None

    @cached_property
    def status_alone(self) -> bool:
        """Is nothing else expected? Most checks are so, and are judged a thousand times a second."""
        return not (
            self.certificate
            or self.headers
            or self.body.tests
            or self.json_
            or self.duration is not None
        )


_KNOWN: WeakValueDictionary[bytes, Expect] = WeakValueDictionary()


def one_for_all(expect: Expect) -> Expect:
    """Of thousands of checks most expect the same: the one that the others have."""
    return _KNOWN.setdefault(pickle.dumps(expect), expect)


ExpectField = Annotated[Expect, AfterValidator(one_for_all)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One expectation that was looked at; `message` says what was wrong, if something was."""

    reason: Reason
    assertion: Assertion
    message: str
    by_regex: bool = False


def judge(expect: Expect, answer: Answer, reading: Reading | None = None) -> tuple[Judged, ...]:
    """Everything that was expected, looked at, in the order of `Reason`."""
    if expect.status_alone:
        return (judge_status(expect.status, answer.status),)
    reading = reading or Reading(answer)
    return (
        *judge_certificate(expect.certificate, answer.not_after, answer.now),
        judge_status(expect.status, answer.status),
        *(one for name, rule in expect.headers.items() for one in _header(name, rule, answer)),
        *_body(expect.body, reading),
        *_json(expect.json_, reading),
        *judge_duration(expect.duration, answer.seconds),
    )


def first_failure(judged: Sequence[Judged]) -> Judged | None:
    return next((one for one in judged if not one.assertion.ok), None)


def _judged(
    reason: Reason, assertion: Assertion, message: str, *, by_regex: bool = False
) -> Judged:
    return Judged(
        reason=reason,
        assertion=assertion,
        message="" if assertion.ok else message,
        by_regex=by_regex,
    )


@lru_cache(maxsize=4096)
def judge_status(ranges: tuple[StatusRange, ...], status: int) -> Judged:
    expected = " or ".join(map(str, ranges))
    ok = any(one.first <= status <= one.last for one in ranges)
    return _judged(
        Reason.STATUS,
        Assertion("status", expected, str(status), ok),
        f"status {status}, expected {expected}",
    )


@lru_cache(maxsize=4096)
def _of_header(name: str) -> str:
    return f"header {name}"


def _header(name: str, rule: HeaderExpect, answer: Answer) -> Iterator[Judged]:
    values = answer.values_of(name)
    what, actual = _of_header(name), clipped(", ".join(map(quoted, values))) or "missing"
    if not rule.tests:
        ok = bool(values) is rule.exists
        expected = "any value" if rule.exists else "none"
        assertion = Assertion(what, expected, actual, ok)
        yield _judged(Reason.HEADER, assertion, f"{what} is {actual}, expected {expected}")
    for test in rule.tests:
        ok = bool(values) and test.wanted is any(map(test.holds, values))
        expected = test.said(so=test.wanted)
        wrong = f", which {test.said(so=not test.wanted)}" if values else f"; expected: {expected}"
        yield _judged(
            Reason.HEADER,
            Assertion(what, expected, actual, ok),
            f"{what} is {actual}{wrong}",
            by_regex=test.operator == "matches",
        )


def _body(rule: TextExpect, reading: Reading) -> Iterator[Judged]:
    if not rule.tests:
        return
    text = reading.text
    for test in rule.tests:
        ok, begins = test.wanted is test.holds(text), ""
        if test.wanted and not ok:
            begins = f"; {beginning(text)}"
        yield _judged(
            Reason.BODY,
            Assertion("body", test.said(so=test.wanted), quoted(text), ok),
            f"body {test.said(so=not test.wanted)}{begins}",
            by_regex=test.operator == "matches",
        )


def _json(rules: Mapping[str, JsonRule], reading: Reading) -> Iterator[Judged]:
    if not rules:
        return
    document, unreadable = None, ""
    try:
        document = reading.document
    except Unreadable as error:
        unreadable = str(error)
    for path, rule in rules.items():
        looked = (
            json_rules.unreadable(path, rule, unreadable)
            if unreadable
            else json_rules.judge(path, rule, document)
        )
        for assertion, message in looked:
            yield _judged(Reason.JSON, assertion, message)


@lru_cache(maxsize=4096)
def _at_most(limit: float) -> str:
    return f"at most {show_duration(limit)}"


def judge_duration(limit: float | None, seconds: float) -> Iterator[Judged]:
    if limit is not None:
        expected, actual = _at_most(limit), show_duration(seconds)
        assertion = Assertion("duration", expected, actual, seconds <= limit)
        yield _judged(Reason.LATENCY, assertion, f"took {actual}, expected {expected}")


def judge_certificate(
    rule: CertificateExpect | None, not_after: datetime | None, now: float
) -> Iterator[Judged]:
    if rule is None:
        return
    expected = f"valid for at least {show_duration(rule.valid_for)}"
    if not_after is None:
        assertion = Assertion("certificate", expected, "none", False)
        yield _judged(Reason.CERTIFICATE, assertion, f"no certificate, expected one {expected}")
        return
    left = not_after.timestamp() - now
    actual = (
        f"expires in {show_duration(left)}" if left > 0 else f"expired {show_duration(-left)} ago"
    )
    assertion = Assertion("certificate", expected, actual, left >= rule.valid_for)
    yield _judged(Reason.CERTIFICATE, assertion, f"certificate {actual}, expected one {expected}")
