"""What is still to be said of one alert to one notifier, and the pause between two tries."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

from tenacity import RetryCallState, wait_random_exponential

from prober.alerts.notice import Delivery
from prober.clock import Clock
from prober.errors import DeliveryError

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 300.0


class Nap:
    """A sleep on the clock that can be cut short."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._limit: asyncio.Timeout | None = None

    async def __call__(self, seconds: float) -> None:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(None) as self._limit:
                    await self._clock.sleep(seconds)
        finally:
            self._limit = None

    def wake(self) -> None:
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.reschedule(asyncio.get_running_loop().time())


class Lane:
    """One alert's incidents, one after the other: a lane of each would be too many.

    An Alertmanager knows no incidents, only sets of labels: the end of one that
    is told after the beginning of the next would end that as well.

    `waiting` is said first to last; its first is the one being tried.
    `standing` is what an Alertmanager accepted last and is to be told again;
    `clear` is unset while it is being told. `trouble` is how the first of
    `waiting` failed last.
    """

    def __init__(self, alert: str, notifier: str, clock: Clock) -> None:
        self.alert = alert
        self.notifier = notifier
        self.nap = Nap(clock)
        self.waiting: deque[Delivery] = deque()
        self.task: asyncio.Task[None] | None = None
        self.standing: Delivery | None = None
        self.clear = asyncio.Event()
        self.clear.set()
        self.trouble = ""

    def add(self, delivery: Delivery) -> None:
        """The same delivery twice is one."""
        if all(delivery.id != other.id for other in self.waiting):
            self.waiting.append(delivery)


def alert_of(delivery: Delivery) -> str:
    """`region/check/rule`: what the keys of all its incidents begin with."""
    return delivery.notice.key.rpartition("/")[0]


def shown(delivery: Delivery) -> str:
    """`firing of api-health/down to ops`."""
    labels = delivery.notice.labels
    alert = f"{labels.get('check', 'agent')}/{labels.get('alert', labels.get('alertname', ''))}"
    return f"{delivery.notice.event} of {alert} to {delivery.notifier}"


_growing = wait_random_exponential(multiplier=2, min=SHORTEST_PAUSE, max=LONGEST_PAUSE)


def pause(state: RetryCallState) -> float:
    """Seconds until the next try: the receiver's wish, else at random from a growing range."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, DeliveryError) and error.retry_after is not None:
        return max(SHORTEST_PAUSE, error.retry_after)
    return _growing(state)


def may_help(error: BaseException) -> bool:
    """Whether to ask again after `error`."""
    return isinstance(error, DeliveryError) and not error.permanent
