"""Does an HTTP server answer as expected?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from prober.check import Check
from prober.probes import http_series, http_walk, judging
from prober.probes.cookies import Jar
from prober.probes.http_fetch import Opening, fetch
from prober.probes.http_series import SERIES
from prober.probes.http_settings import HttpSettings
from prober.probes.http_steps import HttpSteps
from prober.probes.http_verdict import answer_of, by_status, failed, finding
from prober.probes.http_walk import Way
from prober.probes.look import Look
from prober.result import Attempt, Finding, Reason
from prober.series import Series
from prober.wire.failure import Failure
from prober.wire.network import Network

__all__ = ["SERIES", "HttpCheck", "overrun", "probe", "reasons", "series"]


def _one_or_steps(value: object) -> object:
    """One of the two, chosen here: of a union, pydantic would report the mistakes of both."""
    if isinstance(value, HttpSettings | HttpSteps):
        return value
    if isinstance(value, str):
        value = {"url": value}
    if isinstance(value, Mapping) and "steps" in value:
        return HttpSteps.model_validate(value)
    return HttpSettings.model_validate(value)


class HttpCheck(Check):
    kind: ClassVar[str] = "http"

    http: Annotated[HttpSettings | HttpSteps, BeforeValidator(_one_or_steps)]

    @property
    def target(self) -> str:
        return str(self.first.url)

    @property
    def first(self) -> HttpSettings:
        """What is asked first."""
        return self.http.steps[0] if isinstance(self.http, HttpSteps) else self.http

    @cached_property
    def opening(self) -> Opening:
        """What every run of one request begins with."""
        return Opening.of(self.first, self.name, Jar())

    @cached_property
    def look(self) -> Look:
        """What every run of one request looks for."""
        return Look.of(self.first.expect, self.first.values)


def reasons(check: HttpCheck) -> tuple[Reason, ...]:
    """Why `check` can be down."""
    if not isinstance(check.http, HttpSteps):
        return http_series.reasons(check.http)
    possible = {reason for step in check.http.steps for reason in http_series.reasons(step)}
    return tuple(reason for reason in Reason if reason in possible or reason is Reason.STEP)


def series(check: HttpCheck) -> tuple[Series, ...]:
    """The gauges of one check."""
    if isinstance(check.http, HttpSteps):
        return http_series.of(values=check.http.reads, steps=True)
    return http_series.of(values=bool(check.http.values), steps=False)


def overrun(check: HttpCheck, found: Finding, attempt: Attempt) -> float | None:
    """By how many seconds it took longer than it may, if there is such a limit."""
    if isinstance(check.http, HttpSteps):
        return http_walk.overrun(check.http, attempt.steps)
    limit, seconds = check.http.expect.duration, found.seconds
    return None if limit is None or seconds is None else seconds - limit


async def probe(check: HttpCheck, attempt: Attempt, net: Network) -> Finding:
    """Asks, follows where it is led, and judges the final answer."""
    attempt.facts["regex_failed"] = False
    if isinstance(check.http, HttpSteps):
        return await http_walk.walk(Way(check.name, check.timeout, check.http), attempt, net)
    settings, opening, look = check.http, check.opening, check.look
    try:
        response, seconds = await fetch(settings, opening, Jar(), attempt, net)
    except Failure as failure:
        return failed(failure, settings.expect, attempt)
    if look.status_alone:
        return by_status(settings.expect, response.status, seconds)
    attempt.during = "expect"
    answer = answer_of(look, response, seconds, attempt, net.clock.now())
    try:
        seen = await judging.JUDGES.see(check.name, look, answer)
    except judging.Unjudged as fault:
        return Finding.unknown(str(fault))
    if seen.values:
        attempt.values.update(seen.values)
    return finding(seen.judged, seconds, attempt)
