"""The index of kinds: every kind of check there is, and where its parts are."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from prober.probes import http, tcp
from prober.probes.http import HttpCheck
from prober.probes.tcp import TcpCheck
from prober.result import Attempt, Finding, Reason, Series
from prober.wire.network import Network

AnyCheck: TypeAlias = HttpCheck | TcpCheck
KINDS: tuple[type[HttpCheck] | type[TcpCheck], ...] = (HttpCheck, TcpCheck)


async def probe(check: AnyCheck, attempt: Attempt, net: Network) -> Finding:
    """One attempt at `check`; what becomes known on the way is put into `attempt`."""
    match check:
        case HttpCheck():
            return await http.probe(check, attempt, net)
        case TcpCheck():
            return await tcp.probe(check, attempt, net)
        case _:
            assert_never(check)


def series(check: AnyCheck) -> tuple[Series, ...]:
    """The last-result gauges of the check's kind."""
    match check:
        case HttpCheck():
            return http.SERIES
        case TcpCheck():
            return tcp.SERIES
        case _:
            assert_never(check)


def reasons(check: AnyCheck) -> tuple[Reason, ...]:
    """Why `check` can be down, given its kind and what it expects."""
    match check:
        case HttpCheck():
            return http.reasons(check)
        case TcpCheck():
            return tcp.reasons(check)
        case _:
            assert_never(check)


def slowest(check: AnyCheck) -> float | None:
    """How many seconds `check` may take before it is down for latency; None for no such limit."""
    match check:
        case HttpCheck():
            return check.http.expect.duration
        case TcpCheck():
            return None
        case _:
            assert_never(check)
