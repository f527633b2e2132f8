"""May a notifier be sent something now? So many at once, so many a second, and hardly any while it is dead.

After `IN_A_ROW` failures in a row of more than one alert the receiver is taken
for dead: for a while nobody asks it, then one message tries. It takes more than
one alert because a receiver may have its troubles with one alert alone; that one
pauses by itself. What is refused for good has been answered, and answers are life.

A receiver that asks to be left alone (`Busy`) is told nothing for so long, by no
lane: what it asks goes before a rest of our own, and has none on top.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify.answers import Busy
from prober.notify.lane import SHORTEST_PAUSE
from prober.notify.traits import Traits

IN_A_ROW = 5  # failures
SOON = 1e-6  # seconds that no clock tells from now
SHORTEST_REST, LONGEST_REST = 15.0, 300.0
PAUSE = 2 * SHORTEST_PAUSE  # of one that does not say for how long: as a lane's first, at most


class Breaker:
    """Counts what went wrong; open while the receiver is left alone."""

    def __init__(self, clock: Clock, longest: float = LONGEST_REST) -> None:
        self.longest = longest
        self.failures = 0  # in a row
        self._clock = clock
        self._failed: set[str] = set()  # the alerts whose they were
        self._rest = 0.0  # how long the last one was; 0 while closed
        self._until = 0.0  # monotonic

    @property
    def is_open(self) -> bool:
        return self._rest > 0

    @property
    def left(self) -> float:
        """Seconds until the next try; none where it is closed."""
        left = self._until - self._clock.monotonic()
        return left if self.is_open and left > SOON else 0.0

    def close(self) -> None:
        """It answers, or has other settings: nothing counts of what was before."""
        self.failures, self._rest = 0, 0.0
        self._failed.clear()

    def failed(self, alerts: Iterable[str], error: DeliveryError) -> None:
        """How a message about `alerts` ended, unless it was accepted."""
        if error.permanent:
            self.close()
            return
        self.failures += 1
        self._failed.update(alerts)
        if self.left > 0:
            return  # one that was on its way when it opened
        if self.is_open or (self.failures >= IN_A_ROW and len(self._failed) > 1):
            if error.retry_after is None:
                self._rest = rest = min(max(SHORTEST_REST, self._rest * 2), self.longest)
            else:
                self._rest = self._rest or SHORTEST_REST
                rest = max(SHORTEST_PAUSE, error.retry_after)
            self._until = self._clock.monotonic() + rest


class Bucket:
    """Lets `per_second` pass, and no more than one second's worth of them at once."""

    def __init__(self, clock: Clock, per_second: float | None) -> None:
        self.per_second = per_second
        self._clock = clock
        self._size = max(1.0, per_second or 1.0)
        self._there = self._size
        self._at = clock.monotonic()

    def take(self) -> float:
        """Takes one and returns 0, or takes none and returns the seconds until there is one."""
        if self.per_second is None:
            return 0.0
        now = self._clock.monotonic()
        self._there = min(self._size, self._there + (now - self._at) * self.per_second)
        self._at = now
        if self._there < 1.0 - SOON:
            return (1.0 - self._there) / self.per_second
        self._there -= 1.0
        return 0.0


class Gate:
    """All sends to one notifier pass through here."""

    def __init__(self, clock: Clock, traits: Traits, *, longest: float = LONGEST_REST) -> None:
        self.breaker = Breaker(clock, longest)
        self._clock = clock
        self._traits = traits
        self._bucket = Bucket(clock, traits.per_second)
        self._free = asyncio.Semaphore(traits.at_once)
        self._trying = False  # one is on its way to a receiver that was taken for dead
        self._news = asyncio.Event()
        self._hurried = False
        self._busy_until = 0.0  # monotonic

    def renew(self) -> None:
        """The notifier has other settings: they are tried at once."""
        self.breaker.close()
        self._busy_until = 0.0
        self._trying = False
        self._news.set()

    def hurry(self) -> None:
        """The agent stops: what rests is tried now, and if it fails there is no other try."""
        self._hurried = True
        self._news.set()

    @property
    def is_shut(self) -> bool:
        """Whether the receiver is dead and there is no time to wait for it."""
        return self._hurried and self.breaker.is_open

    @property
    def pause(self) -> float:
        """Seconds for which the receiver has asked to be told nothing."""
        left = self._busy_until - self._clock.monotonic()
        return left if left > SOON and not self._hurried else 0.0

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[Callable[[], None]]:
        """One of the sends that may be under way, even to a receiver that is taken for dead.

        To call what it gives is to say that the receiver has accepted.
        """
        async with self._free:
            yield self._well

    async def enter(self) -> None:
        """Returns when a message may start; `leave` is to follow, from whatever task."""
        await self._free.acquire()
        entered = False
        try:
            await self._until_tried()
            await self.token()
            while (pause := self.pause) > 0:
                await self._wait(pause)
            entered = True
        finally:
            if not entered:
                self.give_back()

    async def token(self) -> None:
        """Returns when one more message does not make too many of them in a second."""
        while (pause := self._bucket.take()) > 0:
            await self._clock.sleep(pause)

    def heard(self, alerts: Iterable[str], error: DeliveryError | None) -> None:
        """How a message about `alerts` ended."""
        if error is None:
            self.breaker.close()
        else:
            self.breaker.failed(alerts, error)

    def leave_alone(self, error: DeliveryError) -> None:
        """If that is what it asks for."""
        if isinstance(error, Busy):
            wish = PAUSE if error.retry_after is None else max(SHORTEST_PAUSE, error.retry_after)
            self._busy_until = max(self._busy_until, self._clock.monotonic() + wish)

    def give_back(self) -> None:
        """What had entered is out again."""
        self._trying = False
        self._free.release()
        self._news.set()

    def _well(self) -> None:
        self.breaker.close()
        self._news.set()

    async def _until_tried(self) -> None:
        """While the receiver rests nobody passes, and when it has rested one does."""
        while self.breaker.is_open:
            left = None if self._trying else self.breaker.left
            if left is not None and (left <= 0 or self._hurried):
                self._trying = True
                return
            await self._wait(left)

    async def _wait(self, seconds: float | None) -> None:
        self._news.clear()
        if seconds is None:
            await self._news.wait()
            return
        async with asyncio.TaskGroup() as tasks:
            alarm = tasks.create_task(self._alarm(seconds))
            await self._news.wait()
            alarm.cancel()

    async def _alarm(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._news.set()
