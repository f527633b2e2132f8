"""Does an HTTP server answer as expected?"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from prober.check import Check
from prober.probes import http_series, judging
from prober.probes.cookies import Jar
from prober.probes.expect import (
    Answer,
    Expect,
    Judged,
    first_failure,
    judge_status,
)
from prober.probes.http_fetch import Opening, fetch
from prober.probes.http_series import SERIES
from prober.probes.http_settings import HttpSettings
from prober.probes.texts import utf8
from prober.result import Attempt, Finding, Reason
from prober.wire.failure import Failure
from prober.wire.http1 import Response
from prober.wire.network import Network

__all__ = ["SERIES", "HttpCheck", "probe", "reasons"]


def _short_form(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


class HttpCheck(Check):
    kind: ClassVar[str] = "http"

    http: Annotated[HttpSettings, BeforeValidator(_short_form)]

    @property
    def target(self) -> str:
        return str(self.http.url)

    @cached_property
    def opening(self) -> Opening:
        """What every run begins with."""
        return Opening.of(self.http, self.name, Jar())


def reasons(check: HttpCheck) -> tuple[Reason, ...]:
    """Why `check` can be down."""
    return http_series.reasons(check.http)


async def probe(check: HttpCheck, attempt: Attempt, net: Network) -> Finding:
    """Asks, follows where it is led, and judges the final answer."""
    attempt.facts["regex_failed"] = False
    try:
        response, seconds = await fetch(check.http, check.opening, Jar(), attempt, net)
    except Failure as failure:
        return _failed(failure, check.http.expect, attempt)
    attempt.during = "expect"
    answer = _answer(check, response, seconds, attempt, net.clock.now())
    try:
        judged = await judging.JUDGES.judge(check.name, check.http.expect, answer)
    except judging.Unjudged as fault:
        return Finding.unknown(str(fault))
    return _finding(judged, seconds, attempt)


def _failed(failure: Failure, expected: Expect, attempt: Attempt) -> Finding:
    """A status that is wrong comes before the size of the body that it came with."""
    status = attempt.facts.get("status_code")
    if failure.reason is Reason.SIZE and isinstance(status, int):
        judged = judge_status(expected.status, status)
        if not judged.assertion.ok:
            return Finding.down(judged.reason, judged.message, assertions=(judged.assertion,))
    # A redirect is refused after a whole response, whose time the wire knows better than a clock.
    led_astray = failure.reason is Reason.REDIRECT
    seconds = sum(attempt.phases.values()) if led_astray else None
    return Finding.down(failure.reason, str(failure), seconds=seconds)


def _answer(
    check: HttpCheck, response: Response, seconds: float, attempt: Attempt, now: float
) -> Answer:
    facts = attempt.facts
    headers = () if check.http.expect.status_alone else response.headers
    not_after = facts.get("chain_not_after", facts.get("cert_not_after"))
    return Answer(
        status=response.status,
        headers=[(name, utf8(value)) for name, value in headers],
        body=response.body,
        seconds=seconds,
        not_after=not_after if isinstance(not_after, datetime) else None,
        now=now,
    )


def _finding(judged: tuple[Judged, ...], seconds: float, attempt: Attempt) -> Finding:
    assertions = tuple([one.assertion for one in judged])
    failure = first_failure(judged)
    if failure is None:
        return Finding.up(seconds=seconds, assertions=assertions)
    attempt.facts["regex_failed"] = failure.by_regex
    return Finding.down(failure.reason, failure.message, seconds=seconds, assertions=assertions)
