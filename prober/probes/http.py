"""Does an HTTP server answer as expected?"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from prober.check import Check
from prober.probes import http_series, judging
from prober.probes.address import Url
from prober.probes.cookies import Jar
from prober.probes.expect import (
    Answer,
    Expect,
    Judged,
    first_failure,
    judge_status,
)
from prober.probes.http_request import Hop
from prober.probes.http_series import SERIES
from prober.probes.http_settings import HttpSettings
from prober.probes.texts import clipped, utf8
from prober.result import Attempt, Fact, Finding, Reason
from prober.wire.failure import Failure
from prober.wire.http1 import Limits, Request, Response, exchange
from prober.wire.network import Endpoint, Network

__all__ = ["SERIES", "HttpCheck", "probe", "reasons"]

# Facts of the first lookup and of the way; all others are of the hop they were met on.
_OF_THE_RUN = frozenset({"dns_lookup_seconds", "redirects", "regex_failed"})
_LAST_MODIFIED = len("last-modified")  # most headers are ruled out by their length
_YEARS = range(1970, 9999)  # of which every moment can be told in any time zone


def _short_form(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


class HttpCheck(Check):
    kind: ClassVar[str] = "http"

    http: Annotated[HttpSettings, BeforeValidator(_short_form)]

    @property
    def target(self) -> str:
        return str(self.http.url)

    @cached_property
    def opening(self) -> tuple[Hop, Request]:
        """What every run begins with."""
        hop = Hop.first(self.http)
        return hop, hop.request(self.name, Jar())


def reasons(check: HttpCheck) -> tuple[Reason, ...]:
    """Why `check` can be down."""
    return http_series.reasons(check.http)


async def probe(check: HttpCheck, attempt: Attempt, net: Network) -> Finding:
    """Asks, follows where it is led, and judges the final answer."""
    attempt.facts["regex_failed"] = False
    try:
        response, seconds = await _final_response(check, attempt, net)
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


async def _final_response(
    check: HttpCheck, attempt: Attempt, net: Network
) -> tuple[Response, float]:
    """The response that leads nowhere else, and the seconds that all of them took."""
    settings = check.http
    hop, request = check.opening
    jar, seconds, followed = Jar(), 0.0, 0
    while True:
        attempt.facts["redirects"] = followed
        response, took = await _ask(hop, request, settings, attempt, net)
        seconds += took
        following = hop.after(response) if settings.redirects else None
        if following is None:
            return response, seconds
        if followed == settings.redirects:
            many = "1 redirect" if followed == 1 else f"{followed} redirects"
            message = f"more than {many}, the last to {clipped(str(following.url))}"
            raise Failure(Reason.REDIRECT, message)
        jar.keep(hop.url, response.headers, net.clock.now())
        hop, followed = following, followed + 1
        request = hop.request(check.name, jar)
        for fact in attempt.facts.keys() - _OF_THE_RUN:
            del attempt.facts[fact]


async def _ask(
    hop: Hop, request: Request, settings: HttpSettings, attempt: Attempt, net: Network
) -> tuple[Response, float]:
    """One hop's response, and the seconds from its start to its last byte."""
    url = hop.url
    attempt.facts["final_url"] = str(url)
    policy = settings.tls.policy if url.tls else None
    connection = await net.connect(Endpoint(url.host, url.port, policy), attempt)
    try:
        limits = Limits(body=settings.max_body)
        response = await exchange(connection, request, limits, hop.stamps(attempt))
    finally:
        connection.close()
    attempt.facts.update(_facts(response, url))
    return response, response.last_byte - connection.started_at


def _facts(response: Response, url: Url) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "status_code": response.status,
        "http_version": response.version,
        "ssl": url.tls,
        "content_length": response.wire_length
        if response.wire_length is not None
        else response.received,
        "uncompressed_body_length": response.body_length,
    }
    for name, value in response.headers:
        if len(name) != _LAST_MODIFIED or name.lower() != "last-modified":
            continue
        if (moment := _moment(value)) is not None:
            facts["last_modified"] = moment
    return facts


def _moment(text: str) -> datetime | None:
    """What a Last-Modified says, in UTC; None where it is no moment of any document."""
    try:
        moment = parsedate_to_datetime(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year in _YEARS else None


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
