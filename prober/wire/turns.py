"""Who computes next, when many want to at once?

A step of a TLS handshake takes the processor for up to a millisecond, a
hundred times as long as anything else that a probe does between two waits.
Hundreds due at the same moment would keep everybody else from their turn. So
after 2 ms of such steps in one turn of the loop the others wait in line for
the next ones. Whoever waits is late by our fault, and it is counted so.

It is single steps that wait, not handshakes: a peer that never answers holds
up nobody. Where others are busy too, the steps get as much of the loop as
these take, so that neither side starves the other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from prober.clock import Clock
from prober.result import Attempt

T = TypeVar("T")

TURN = 0.002  # seconds of steps in one turn of the loop, however little else there is to do
MOST = 0.01  # and however much
_GUESS = 0.0005  # seconds that a step takes, before one has been seen
_WEIGHT = 1 / 8  # of the last step in the mean


class Turns:
    """Of one agent, made inside its running loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._line: deque[asyncio.Future[None]] = deque()
        self._mean = _GUESS
        self._began = 0.0  # of this turn of the loop, where somebody has computed in it
        self._spent = 0.0  # seconds in it
        self._is_watched = False

    async def step(self, work: Callable[[], T], attempt: Attempt) -> tuple[T, float]:
        """What `work` returns (or raises), and the seconds that it had to wait for its turn."""
        waited = 0.0
        if self._line or self._spent >= TURN:
            waited = await self._wait(attempt)
        began = self._clock.monotonic()
        if not self._is_watched:
            self._watch(began)
        try:
            return work(), waited
        finally:
            took = self._clock.monotonic() - began
            self._spent += took
            self._mean += (took - self._mean) * _WEIGHT

    async def _wait(self, attempt: Attempt) -> float:
        waiter = self._loop.create_future()
        self._line.append(waiter)
        asked = self._clock.monotonic()
        try:
            await waiter
        finally:
            waited = self._clock.monotonic() - asked
            attempt.queued += waited
        return waited

    def _watch(self, now: float) -> None:
        self._is_watched, self._began = True, now
        self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """A new turn of the loop has begun."""
        now = self._clock.monotonic()
        others = now - self._began - self._spent
        self._spent, self._is_watched = 0.0, False
        if self._line:
            self._watch(now)  # before those who are let on: it comes first in the next turn too
            self._let_on(min(max(TURN, others), MOST))

    def _let_on(self, room: float) -> None:
        """As many as probably take no longer than that, in the order in which they came."""
        while self._line and room > 0:
            waiter = self._line.popleft()
            if not waiter.done():  # nobody has cut it off meanwhile
                waiter.set_result(None)
                room -= max(self._mean, TURN / 100)
