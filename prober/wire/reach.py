"""Which of a host's addresses takes the connection, and what became of those before it?

A silent address must not use up the time of those after it: each gets its
share of what is left until the deadline, where there is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from prober.result import Attempt, Reason
from prober.units import show_duration
from prober.wire.connection import Connection
from prober.wire.dial import dial
from prober.wire.failure import Failure
from prober.wire.station import Address, Station

# Seconds for each, or half of what is left where that is less: a lost SYN is sent again after one.
_LEAST = 2.0
_TELLING = 0.02  # seconds before the deadline, so that there is time to say what became of each


def reach(
    addresses: Sequence[Address], port: int, station: Station, attempt: Attempt
) -> Awaitable[tuple[Connection, float]]:
    """The first that accepts, and how late we were to notice. Raises Failure or OwnFault."""
    attempt.during = "connect"
    if len(addresses) == 1:
        return _try(addresses[0], port, station, attempt)
    return _try_each(addresses, port, station, attempt)


async def _try_each(
    addresses: Sequence[Address], port: int, station: Station, attempt: Attempt
) -> tuple[Connection, float]:
    refusals: list[Failure] = []
    untried = list(addresses)
    while untried:
        share = _share(attempt, station.clock.monotonic(), len(untried))
        address = untried.pop(0)
        try:
            if share is None:
                return await _try(address, port, station, attempt)
            return await _try_for(share, address, port, station, attempt)
        except Failure as failure:
            refusals.append(failure)
            if failure.reason is Reason.TIMEOUT:  # a family is often cut off as a whole
                untried.sort(key=lambda other: other.family == address.family)
    raise Failure(_reason(refusals), "; ".join(map(str, refusals)))


def _share(attempt: Attempt, now: float, addresses: int) -> float | None:
    """Seconds for the first of so many addresses; None where nobody waits for us to end."""
    if attempt.deadline is None:
        return None
    left = attempt.deadline - now
    return min(max(left / addresses, min(_LEAST, left / 2)), left - _TELLING)


def _reason(refusals: Sequence[Failure]) -> Reason:
    """Of one that said no, rather than of one that said nothing."""
    said = [refusal.reason for refusal in refusals if refusal.reason is not Reason.TIMEOUT]
    return said[-1] if said else Reason.TIMEOUT


async def _try_for(
    seconds: float, address: Address, port: int, station: Station, attempt: Attempt
) -> tuple[Connection, float]:
    if seconds <= 0:
        said = f"connect to {address.shown(port)}: not tried, no time was left"
        raise Failure(Reason.TIMEOUT, said)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as bound:

            def last_look() -> None:
                station.poller.poll()
                bound.reschedule(0)  # after those that the look has woken

            timer = loop.call_later(seconds, last_look)
            try:
                return await _try(address, port, station, attempt)
            finally:
                timer.cancel()
    except TimeoutError:
        said = f"connect to {address.shown(port)}: no answer within {show_duration(seconds)}"
        raise Failure(Reason.TIMEOUT, said) from None


async def _try(
    address: Address, port: int, station: Station, attempt: Attempt
) -> tuple[Connection, float]:
    attempt.facts["ip"] = address.ip
    attempt.facts["ip_protocol"] = address.version
    began = station.clock.monotonic()
    late = 0.0
    try:
        connection, took = await dial(address, port, station, attempt)
        late = connection.started_at - began - took
        return connection, late
    finally:
        attempt.add("connect", station.clock.monotonic() - began - late)
