"""A clock that only a test moves."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress

NOON = 1_700_000_000.0  # some day's Unix seconds, so that stamps in tests look like stamps
TURNS = 20  # of the event loop, given to whoever woke up before time goes on


class FakeClock:
    """Both times stand still until `advance` (or `move`, `jump`) is called.

    `advance` goes from one sleeper's moment to the next, and lets the loop
    turn in between, so that a task that sleeps in a loop wakes as often as it
    would have.
    """

    def __init__(self, now: float = NOON, monotonic: float = 1000.0) -> None:
        self._now = now
        self._monotonic = monotonic
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._watchers: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self._monotonic + seconds)

    async def sleep_until(self, moment: float) -> None:
        if moment <= self._monotonic:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (moment, next(self._order), future))
        self._tell_watchers()
        await future

    @property
    def asleep(self) -> int:
        """How many are waiting for time to pass."""
        return sum(not future.done() for _, _, future in self._sleepers)

    @property
    def next_wake(self) -> float | None:
        """The monotonic moment at which the next sleeper wakes; None when nobody sleeps."""
        return min((moment for moment, _, f in self._sleepers if not f.done()), default=None)

    async def until_asleep(self, count: int = 1) -> None:
        """Returns when at least `count` are waiting for time to pass."""
        if self.asleep >= count:
            return
        future = asyncio.get_running_loop().create_future()
        self._watchers.append((count, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, waking each sleeper at its own moment."""
        end = self._monotonic + seconds
        await _turns()
        while (wake := self.next_wake) is not None and wake <= end:
            self.move(wake - self._monotonic)
            await _turns()
        self.move(end - self._monotonic)
        await _turns()

    def move(self, seconds: float) -> None:
        """Let `seconds` pass at once, as for a process that was stopped."""
        self._now += seconds
        self._monotonic += seconds
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock; monotonic time does not notice."""
        self._now += seconds

    def _tell_watchers(self) -> None:
        for count, future in self._watchers:
            if self.asleep >= count and not future.done():
                future.set_result(None)
        self._watchers = [watcher for watcher in self._watchers if not watcher[1].done()]


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


@asynccontextmanager
async def beside(clock: FakeClock, duty: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """It is there for as long as the test wants it, and has come to its first wait."""
    task = asyncio.create_task(duty)
    await clock.advance(0.0)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
