"""The only module that asks the operating system what time it is."""

from __future__ import annotations

import asyncio
import math
import time
from itertools import islice
from typing import Protocol

QUIET = 0.0005  # seconds that a turn of the loop takes when hardly anybody else has work
AT_ONCE = 16  # sleepers of one moment that are woken in one turn of the loop: what they do takes it
TURNS = 25  # that are given to others before one that is not quiet has to do


class Clock(Protocol):
    """Two times and two ways to wait. A test hands in one that it moves by itself."""

    def now(self) -> float:
        """CLOCK_REALTIME in Unix seconds: for stamps, never for differences."""
        ...

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC in seconds, the running loop's own base: for differences and dues."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def sleep_until(self, moment: float) -> None:
        """Returns when `monotonic()` has reached `moment`; at once if it has already."""
        ...


class SystemClock:
    # Asked a dozen times a run: without a call of Python in between.
    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)

    def __init__(self) -> None:
        # Of the same moment there are many (`schedule.GRID`): the loop has one timer for them all.
        self._waiting: dict[int, dict[asyncio.Future[None], None]] = {}

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def sleep_until(self, moment: float) -> None:
        key = math.ceil(moment * 1e6)
        waiting = self._waiting.get(key)
        loop = asyncio.get_running_loop()
        if waiting is None:
            waiting = self._waiting[key] = {}
            loop.call_at(key * 1e-6, self._wake, key)
        waiter = loop.create_future()
        waiting[waiter] = None
        try:
            await waiter
        finally:
            waiting.pop(waiter, None)

    def _wake(self, key: int) -> None:
        waiting = self._waiting[key]
        for waiter in tuple(islice(waiting, AT_ONCE)):
            del waiting[waiter]
            if not waiter.done():
                waiter.set_result(None)
        if waiting:
            asyncio.get_running_loop().call_soon(self._wake, key)
        else:
            del self._waiting[key]


async def quiet_turn(clock: Clock) -> None:
    """For long work in slices on the loop that probes: lets everybody else's work go first.

    A single `sleep(0)` between two slices would take half of the time from
    the probes, and what is due meanwhile would queue up. Returns at the first
    turn in which there was (almost) nothing to do, or after 25.
    """
    for _ in range(TURNS):
        began = clock.monotonic()
        await asyncio.sleep(0)
        if clock.monotonic() - began < QUIET:
            return


class Courtesy:
    """Quiet turns between the slices of one long work that somebody waits for.

    After `patience` seconds others get a single turn between two slices: on a
    loop that is never quiet the work would take longer than anybody waits.
    """

    def __init__(self, clock: Clock, patience: float) -> None:
        self._clock = clock
        self._until = clock.monotonic() + patience

    async def turn(self) -> None:
        if self._clock.monotonic() < self._until:
            await quiet_turn(self._clock)
        else:
            await asyncio.sleep(0)
