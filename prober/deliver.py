"""How notices reach their receivers, however long that takes.

Deliveries of one alert to one notifier form a lane: one after the other, in the
order they were handed over. Lanes know nothing of each other, but no more than
`AT_ONCE` sends go to one notifier at a time. In a lane:

1. a delivery is tried until its receiver accepts, with growing pauses or those
   the receiver asks for;
2. then, and only then, it is marked delivered: a crash in between repeats a
   message and never loses one;
3. one that cannot be accepted (`DeliveryError.permanent`, a day of failures, a
   notifier that is gone) is marked dead, and the next has its turn.

Alertmanagers are besides told again every minute what they have accepted, but
never while something newer of the same alert is on its way to them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from logging import getLogger
from typing import TypeAlias

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from prober.alerts.notice import Delivery, Event
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify import AnyNotifier, alertmanager, post, send
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.lane import Lane, Nap, alert_of, may_help, pause, shown

AT_ONCE = 4  # sends to one notifier
GIVE_UP_AFTER = 24 * 3600.0  # since the delivery was created

log = getLogger(__name__)

# Writes down what became of a delivery: id, "delivered" or "dead", error text. Never raises.
Mark: TypeAlias = Callable[[str, str, str], Awaitable[None]]
# Hears how each try ended: the notifier's name, "accepted", "retried" or "dead".
Counted: TypeAlias = Callable[[str, str], None]


class Deliverer:
    """Made before the schedule starts (its HTTP client takes 25 ms); `run` is its one task."""

    def __init__(
        self,
        *,
        notifiers: Mapping[str, AnyNotifier],
        clock: Clock,
        mark: Mark,
        counted: Counted,
    ) -> None:
        self.notifiers = dict(notifiers)
        self.clock = clock
        self._mark = mark
        self._counted = counted
        self._client = post.client()
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._trouble: dict[str, str] = {}  # by notifier: the failure that was logged last
        self._dead: Counter[str] = Counter()
        self._tasks: asyncio.TaskGroup | None = None
        self._between_rounds = Nap(clock)
        self._draining = False

    @property
    def pending(self) -> Mapping[str, int]:
        """By notifier, how many deliveries are neither accepted nor given up."""
        counts = dict.fromkeys(self.notifiers, 0)
        for lane in self._lanes.values():
            if lane.waiting:
                counts[lane.notifier] = counts.get(lane.notifier, 0) + len(lane.waiting)
        return counts

    @property
    def oldest(self) -> float | None:
        """When the oldest of them was created, in Unix seconds; None when there is none."""
        created = (one.created_at for lane in self._lanes.values() for one in lane.waiting)
        return min(created, default=None)

    @property
    def dead(self) -> Mapping[str, int]:
        """By notifier, how many deliveries were given up since the start."""
        return {name: self._dead[name] for name in {**self.notifiers, **self._dead}}

    def hand(self, deliveries: Sequence[Delivery]) -> None:
        """Takes deliveries over, each alert's in the order in which they are to be said.

        Once `drain` has begun nothing is taken: what comes then waits in the
        outbox for the next start.
        """
        if self._draining:
            return
        for delivery in deliveries:
            lane = self._lane(delivery)
            lane.add(delivery)
            self._start(lane)

    def resume(self, deliveries: Sequence[Delivery]) -> None:
        """Takes up, at a start, what was said last of each incident, oldest first."""
        for delivery in deliveries:
            lane = self._lane(delivery)
            lane.standing = delivery if self._to_tell_again(delivery) else None
            self._tidy(lane)

    def configure(self, notifiers: Mapping[str, AnyNotifier]) -> None:
        """New settings count from the next try, and where they changed that is now."""
        before, self.notifiers = self.notifiers, dict(notifiers)
        for lane in self._lanes.values():
            if before.get(lane.notifier) != self.notifiers.get(lane.notifier):
                lane.nap.wake()

    async def run(self) -> None:
        """Delivers until it is cancelled or drained; not to be run again."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for lane in self._lanes.values():
                    self._start(lane)
                try:
                    await self._tell_again()
                finally:
                    self._tasks = None
        finally:
            await self._client.aclose()

    async def drain(self, seconds: float) -> None:
        """Tries once more what is pending, for so long at most, and lets `run` return.

        To be called when nothing is handed over any more. The rest stays in
        the outbox for the next start.
        """
        self._draining = True
        self._between_rounds.wake()
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for lane in self._lanes.values():
            lane.nap.wake()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if left := sum(self.pending.values()):
            log.warning("stopping with %d notices undelivered; they are kept", left)

    def _lane(self, delivery: Delivery) -> Lane:
        key = (alert_of(delivery), delivery.notifier)
        if key not in self._lanes:
            self._lanes[key] = Lane(*key, self.clock)
        return self._lanes[key]

    def _start(self, lane: Lane) -> None:
        if lane.waiting and lane.task is None and self._tasks is not None:
            lane.task = self._tasks.create_task(self._work(lane))

    def _tidy(self, lane: Lane) -> None:
        if not lane.waiting and lane.standing is None:
            self._lanes.pop((lane.alert, lane.notifier), None)

    async def _work(self, lane: Lane) -> None:
        """One lane until it is empty, or until a drain has tried what there is."""
        try:
            while lane.waiting:
                delivery = lane.waiting[0]
                age = self.clock.now() - delivery.created_at
                last_try = self.clock.monotonic() + GIVE_UP_AFTER - age
                try:
                    await self._until_accepted(lane, delivery, last_try)
                except DeliveryError as error:
                    if not error.permanent and self.clock.monotonic() < last_try:
                        return
                    await self._given_up(lane, delivery, error)
                else:
                    await self._accepted(lane, delivery)
                lane.waiting.popleft()
                lane.trouble = ""
        finally:
            lane.task = None
            self._tidy(lane)

    async def _until_accepted(self, lane: Lane, delivery: Delivery, last_try: float) -> None:
        tries = AsyncRetrying(
            retry=retry_if_exception(may_help),
            wait=pause,
            stop=lambda _: self._draining or self.clock.monotonic() >= last_try,
            before_sleep=lambda state: self._refused(lane, delivery, state),
            sleep=lane.nap,
            reraise=True,
        )
        await tries(self._try, lane, delivery)

    async def _try(self, lane: Lane, delivery: Delivery) -> None:
        await lane.clear.wait()
        async with self._turn(lane.notifier):
            notifier = self.notifiers.get(lane.notifier)
            if notifier is None:
                raise DeliveryError("no notifier has this name any more", permanent=True)
            told = send(notifier, delivery, self._client, self.clock.now())
            await self._telling(told, lane.notifier, lane)

    def _turn(self, notifier: str) -> asyncio.Semaphore:
        return self._turns.setdefault(notifier, asyncio.Semaphore(AT_ONCE))

    async def _telling(
        self, told: Awaitable[None], notifier: str, lane: Lane | None = None
    ) -> None:
        try:
            await told
        except DeliveryError:
            raise
        except Exception as error:  # a notifier's own fault must not end delivery
            failure = f"a fault of the agent's own: {type(error).__name__}"
            if self._is_news(failure, notifier, lane):
                log.exception("telling %s failed", notifier)
            raise DeliveryError(failure) from error
        self._trouble.pop(notifier, None)

    def _refused(self, lane: Lane, delivery: Delivery, state: RetryCallState) -> None:
        """A try that will be followed by another."""
        self._counted(delivery.notifier, "retried")
        error = state.outcome.exception() if state.outcome else None
        if self._is_news(str(error), lane.notifier, lane):
            log.warning("%s not delivered, trying again: %s", shown(delivery), error)

    def _is_news(self, failure: str, notifier: str, lane: Lane | None = None) -> bool:
        """Neither the last failure of the notifier, by which lane ever, nor that of the lane."""
        news = post.without_answer(failure)
        known = {self._trouble.get(notifier), lane.trouble if lane else None}
        self._trouble[notifier] = news
        if lane:
            lane.trouble = news
        return news not in known

    async def _accepted(self, lane: Lane, delivery: Delivery) -> None:
        log.info("delivered %s", shown(delivery))
        self._counted(delivery.notifier, "accepted")
        lane.standing = delivery if self._to_tell_again(delivery) else None
        await self._mark(delivery.id, "delivered", "")

    async def _given_up(self, lane: Lane, delivery: Delivery, error: DeliveryError) -> None:
        log.error("gave up %s: %s", shown(delivery), error)
        self._counted(delivery.notifier, "dead")
        self._dead[delivery.notifier] += 1
        if delivery.notice.event is Event.RESOLVED or lane.standing == delivery:
            lane.standing = None
        await self._mark(delivery.id, "dead", str(error))

    def _to_tell_again(self, delivery: Delivery) -> bool:
        return isinstance(
            self.notifiers.get(delivery.notifier), AlertmanagerNotifier
        ) and alertmanager.keep_telling(delivery.notice, self.clock.now())

    async def _tell_again(self) -> None:
        """Once a minute, all Alertmanagers at the same time."""
        while not self._draining:
            async with asyncio.TaskGroup() as round_:
                for name, notifier in self.notifiers.items():
                    if isinstance(notifier, AlertmanagerNotifier):
                        round_.create_task(self._tell_one_again(name, notifier))
            if not self._draining:
                await self._between_rounds(alertmanager.AGAIN_EVERY)

    async def _tell_one_again(self, name: str, notifier: AlertmanagerNotifier) -> None:
        lanes = [lane for lane in self._lanes.values() if lane.notifier == name and lane.standing]
        for first in range(0, len(lanes), alertmanager.BATCH):
            async with self._turn(name):
                try:
                    await self._tell_batch(notifier, lanes[first : first + alertmanager.BATCH])
                except DeliveryError as error:
                    if self._is_news(str(error), name):
                        log.warning("alerts not told again to %s: %s", name, error)

    async def _tell_batch(self, notifier: AlertmanagerNotifier, batch: Sequence[Lane]) -> None:
        """Leaves out every lane on which something newer is on its way, and holds that up."""
        lanes = [lane for lane in batch if not lane.waiting]
        for lane in lanes:
            if lane.standing and not self._to_tell_again(lane.standing):
                lane.standing = None
                self._tidy(lane)
        standing = [lane.standing for lane in lanes if lane.standing is not None]
        if not standing or self._draining:
            return
        for lane in lanes:
            lane.clear.clear()
        now = self.clock.now()
        try:
            told = alertmanager.send_all(notifier, standing, self._client, now)
            await self._telling(told, batch[0].notifier)
        finally:
            for lane in lanes:
                lane.clear.set()
