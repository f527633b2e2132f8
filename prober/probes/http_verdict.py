"""What does an answer to an HTTP request amount to?"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from prober.probes.answer import Answer
from prober.probes.expect import Expect, Judged, StatusRange, first_failure, judge_status
from prober.probes.look import Look
from prober.probes.texts import utf8
from prober.result import Assertion, Attempt, Finding, Outcome, Reason
from prober.wire.failure import Failure
from prober.wire.http1 import Response


def answer_of(
    look: Look, response: Response, seconds: float, attempt: Attempt, now: float
) -> Answer:
    """As far as it is looked at."""
    facts = attempt.facts
    headers = () if look.status_alone else response.headers
    not_after = facts.get("chain_not_after", facts.get("cert_not_after"))
    return Answer(
        status=response.status,
        headers=[(name, utf8(value)) for name, value in headers],
        body=response.body,
        seconds=seconds,
        not_after=not_after if isinstance(not_after, datetime) else None,
        now=now,
    )


def by_status(expected: Expect, status: int, seconds: float) -> Finding:
    """What most checks come to, a thousand times a second: nothing else is looked at."""
    ok, assertions, message = _of_status(expected.status, status)
    if ok:
        return Finding(Outcome.UP, None, "", seconds, assertions)
    return Finding(Outcome.DOWN, Reason.STATUS, message, seconds, assertions)


@lru_cache(maxsize=4096)
def _of_status(
    ranges: tuple[StatusRange, ...], status: int
) -> tuple[bool, tuple[Assertion, ...], str]:
    judged = judge_status(ranges, status)
    return judged.assertion.ok, (judged.assertion,), judged.message


def failed(failure: Failure, expected: Expect, attempt: Attempt) -> Finding:
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


def finding(judged: tuple[Judged, ...], seconds: float, attempt: Attempt) -> Finding:
    assertions = tuple([one.assertion for one in judged])
    failure = first_failure(judged)
    if failure is None:
        return Finding.up(seconds=seconds, assertions=assertions)
    attempt.facts["regex_failed"] = failure.by_regex
    return Finding.down(failure.reason, failure.message, seconds=seconds, assertions=assertions)
