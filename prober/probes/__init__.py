"""The index of kinds: every kind of check there is, and where its parts are."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from prober.probes import http, journey, journey_series, tcp
from prober.probes.browsers import Browsers
from prober.probes.http import HttpCheck
from prober.probes.journey_settings import JourneyCheck
from prober.probes.tcp import TcpCheck
from prober.result import Attempt, Finding, Reason
from prober.series import Series
from prober.wire.network import Network

AnyCheck: TypeAlias = HttpCheck | TcpCheck | JourneyCheck
KINDS: tuple[type[HttpCheck] | type[TcpCheck] | type[JourneyCheck], ...] = (
    HttpCheck,
    TcpCheck,
    JourneyCheck,
)


@dataclass(frozen=True, slots=True)
class Means:
    """What probes reach their targets by; one of each per agent."""

    network: Network
    browsers: Browsers


def probe(check: AnyCheck, attempt: Attempt, means: Means) -> Awaitable[Finding]:
    """One attempt at `check`; what becomes known on the way is put into `attempt`."""
    match check:
        case HttpCheck():
            return http.probe(check, attempt, means.network)
        case TcpCheck():
            return tcp.probe(check, attempt, means.network)
        case JourneyCheck():
            return journey.probe(check, attempt, means.browsers)
        case _:
            assert_never(check)


def series(check: AnyCheck) -> tuple[Series, ...]:
    """The last-result gauges of the check, to be asked for once."""
    match check:
        case HttpCheck():
            return http.series(check)
        case TcpCheck():
            return tcp.SERIES
        case JourneyCheck():
            return journey_series.series()
        case _:
            assert_never(check)


def reasons(check: AnyCheck) -> tuple[Reason, ...]:
    """Why `check` can be down, given its kind and what it expects."""
    match check:
        case HttpCheck():
            return http.reasons(check)
        case TcpCheck():
            return tcp.reasons(check)
        case JourneyCheck():
            return journey_series.REASONS
        case _:
            assert_never(check)


def lead(check: AnyCheck) -> float:
    """How many seconds before it is due a run of `check` is to be called, to get ready for it."""
    match check:
        case HttpCheck() | TcpCheck():
            return 0.0
        case JourneyCheck():
            return journey.LEAD
        case _:
            assert_never(check)


def ends_by_itself(check: AnyCheck) -> bool:
    """Whether an attempt at `check` keeps its own deadline, so that nobody else needs to."""
    match check:
        case HttpCheck() | TcpCheck():
            return False
        case JourneyCheck():
            return True
        case _:
            assert_never(check)


def overrun(check: AnyCheck, finding: Finding, attempt: Attempt) -> float | None:
    """By how many seconds `check` took longer than is expected of it; None for no such limit."""
    match check:
        case HttpCheck():
            return http.overrun(check, finding, attempt)
        case TcpCheck():
            limit, seconds = check.tcp.expect.duration, finding.seconds
            return None if limit is None or seconds is None else seconds - limit
        case JourneyCheck():
            return None
        case _:
            assert_never(check)
