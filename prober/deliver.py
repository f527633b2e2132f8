"""How notices reach their receivers, however long that takes.

Deliveries of one alert to one notifier form a lane: one after the other, in the
order they were handed over. Lanes know nothing of each other, but no more than
`AT_ONCE` sends go to one notifier at a time. In a lane:

1. a delivery is tried until its receiver accepts, with growing pauses or those
   the receiver asks for;
2. then, and only then, it is marked delivered: a crash in between repeats a
   message and never loses one;
3. one that cannot be accepted (`DeliveryError.permanent`, a day of failures) is
   marked dead, and the next has its turn; so is a reminder once there is
   anything newer to say, but that is no failure.

A notifier that is not in the config may come back: what is for it waits.
Alertmanagers are besides told again every minute what stands, but never while
something newer of the same alert is on its way to them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from logging import getLogger
from typing import TypeAlias

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from prober.alerts.notice import Delivery
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify import AnyNotifier, Means, Told, alertmanager, post, send
from prober.notify.again import Standing, batches, held_up
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.lane import LONGEST_PAUSE, Lane, Lanes, Nap, may_help, pause, shown
from prober.notify.news import News

AT_ONCE = 4  # sends to one notifier
SUPERSEDED = "superseded by a later notice"

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
        burns: Callable[[str], bool] = lambda _: True,  # whether the incident of a key fires now
    ) -> None:
        self.notifiers = dict(notifiers)
        self.clock = clock
        self._mark = mark
        self._counted = counted
        self._client = post.client()
        self._means = Means(client=self._client, clock=clock)
        self._lanes = Lanes(clock)
        self._standing = Standing(self.notifiers, clock, burns)
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._news = News()
        self._tasks: asyncio.TaskGroup | None = None
        self._between_rounds = Nap(clock)
        self._draining = False

    @property
    def pending(self) -> Mapping[str, int]:
        """By notifier, how many deliveries are neither accepted nor given up."""
        return self._lanes.pending(self.notifiers)

    @property
    def oldest(self) -> float | None:
        """When the oldest of them was created, in Unix seconds; None when there is none."""
        return self._lanes.oldest

    def hand(self, deliveries: Sequence[Delivery]) -> None:
        """Takes deliveries over, each alert's in the order in which they are to be said.

        Once `drain` has begun nothing is taken: what comes then waits in the
        outbox for the next start.
        """
        if self._draining:
            return
        for delivery in deliveries:
            lane = self._lanes.of(delivery)
            lane.add(delivery)
            self._start(lane)
            self._lanes.tidy(lane)

    def resume(self, deliveries: Sequence[Delivery]) -> None:
        """Takes up, at a start, what burns and was told of, and what was resolved lately."""
        for delivery in deliveries:
            lane = self._lanes.of(delivery)
            self._standing.resume(lane, delivery)
            self._lanes.tidy(lane)

    def configure(self, notifiers: Mapping[str, AnyNotifier]) -> None:
        """New settings count from the next try, and where they changed that is now.

        They are also tried on what was given up, while it burns.
        """
        before, self.notifiers = self.notifiers, dict(notifiers)
        self._standing.notifiers = self.notifiers
        for lane in self._lanes:
            self._standing.sweep(lane)
            if before.get(lane.notifier) == self.notifiers.get(lane.notifier):
                continue
            if lane.waiting:
                lane.begin_anew()
            elif lane.refused is not None and lane.notifier in self.notifiers:
                self.hand([lane.refused])

    async def run(self) -> None:
        """Delivers until it is cancelled or drained; not to be run again."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for lane in self._lanes:
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
        tasks = [lane.task for lane in self._lanes if lane.task is not None]
        for lane in self._lanes:
            lane.nap.wake()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if left := sum(self.pending.values()):
            log.warning("stopping with %d notices undelivered; they are kept", left)

    def _start(self, lane: Lane) -> None:
        if self._tasks is None:
            return
        if lane.superseded:
            self._tasks.create_task(self._let_go(lane))
        if lane.waiting and lane.task is None:
            lane.task = self._tasks.create_task(self._work(lane))

    async def _let_go(self, lane: Lane) -> None:
        while lane.superseded:
            await self._mark(lane.superseded.pop(0).id, "dead", SUPERSEDED)

    async def _work(self, lane: Lane) -> None:
        """One lane until it is empty, or until a drain has tried what there is."""
        try:
            while lane.waiting:
                try:
                    await self._until_accepted(lane)
                except DeliveryError as error:
                    if lane.hopeless(error):
                        await self._given_up(lane, error)
                    elif self._draining:
                        return
                    else:
                        continue  # the settings it failed under are no longer those
                else:
                    await self._accepted(lane)
                lane.done()
                await self._let_go(lane)
        finally:
            lane.task = None
            self._lanes.tidy(lane)

    async def _until_accepted(self, lane: Lane) -> None:
        tries = AsyncRetrying(
            retry=retry_if_exception(may_help),
            wait=partial(self._pause, lane),
            stop=lambda state: self._draining or lane.hopeless(None),
            before_sleep=partial(self._refused, lane),
            sleep=lane.nap,
            reraise=True,
        )
        await tries(self._try, lane)

    def _pause(self, lane: Lane, state: RetryCallState) -> float:
        notifier = self.notifiers.get(lane.notifier)
        if notifier is None:
            return lane.left
        often = isinstance(notifier, AlertmanagerNotifier)
        return pause(state, alertmanager.AGAIN_EVERY if often else LONGEST_PAUSE)

    async def _try(self, lane: Lane) -> None:
        await lane.clear.wait()
        async with self._turn(lane.notifier):
            delivery = lane.begin()
            lane.nap.forget()
            try:
                await self._tell(lane, delivery)
            except DeliveryError as error:
                lane.failed(error)
                raise

    async def _tell(self, lane: Lane, delivery: Delivery) -> None:
        notifier = self.notifiers.get(lane.notifier)
        was_orphaned, lane.orphaned = lane.orphaned, notifier is None
        if notifier is None:
            raise DeliveryError("no notifier has this name any more")
        if was_orphaned and not (lane.ending or self._standing.burns(delivery)):
            # Nobody would ever tell its end: that was not made while the notifier was gone.
            raise DeliveryError("it was over before its notifier was back", permanent=True)
        told = send(Told(notifier=notifier, deliveries=(delivery,)), self._means)
        await self._telling(told, lane.notifier, lane)

    def _turn(self, notifier: str) -> asyncio.Semaphore:
        return self._turns.setdefault(notifier, asyncio.Semaphore(AT_ONCE))

    async def _telling(
        self, told: Awaitable[object], notifier: str, lane: Lane | None = None
    ) -> None:
        try:
            await told
        except DeliveryError:
            raise
        except Exception as error:  # a notifier's own fault must not end delivery
            failure = f"a fault of the agent's own: {type(error).__name__}"
            if self._news.first_heard(failure, notifier, lane):
                log.exception("telling %s failed", notifier)
            raise DeliveryError(failure) from error
        self._news.well(notifier)

    def _refused(self, lane: Lane, state: RetryCallState) -> None:
        """A try that will be followed by another."""
        if not lane.orphaned:
            self._counted(lane.notifier, "retried")
        error = state.outcome.exception() if state.outcome else None
        if self._news.first_heard(str(error), lane.notifier, lane):
            log.warning("%s not delivered, trying again: %s", shown(lane.waiting[0]), error)
        lane.release()
        self._start(lane)

    async def _accepted(self, lane: Lane) -> None:
        delivery = lane.waiting[0]
        log.info("delivered %s", shown(delivery))
        self._counted(lane.notifier, "accepted")
        self._standing.accepted(lane, delivery)
        await self._mark(delivery.id, "delivered", "")

    async def _given_up(self, lane: Lane, error: DeliveryError) -> None:
        delivery = lane.waiting[0]
        log.error("gave up %s: %s", shown(delivery), error)
        self._counted(lane.notifier, "dead")
        self._standing.given_up(lane, delivery, permanent=error.permanent)
        await self._mark(delivery.id, "dead", str(error))

    async def _tell_again(self) -> None:
        """Once a minute, all Alertmanagers at the same time."""
        while not self._draining:
            for lane in self._lanes:
                self._standing.sweep(lane)
                self._lanes.tidy(lane)
            async with asyncio.TaskGroup() as round_:
                for name, notifier in self.notifiers.items():
                    if isinstance(notifier, AlertmanagerNotifier):
                        round_.create_task(self._tell_one_again(name, notifier))
            if not self._draining:
                await self._between_rounds(alertmanager.AGAIN_EVERY)

    async def _tell_one_again(self, name: str, notifier: AlertmanagerNotifier) -> None:
        for batch in batches(self._lanes, name):
            async with self._turn(name):
                try:
                    await self._tell_batch(notifier, batch)
                except DeliveryError as error:
                    if self._news.first_heard(str(error), name):
                        log.warning("alerts not told again to %s: %s", name, error)

    async def _tell_batch(self, notifier: AlertmanagerNotifier, batch: Sequence[Lane]) -> None:
        """Leaves out every lane on which something newer is on its way, and holds that up."""
        lanes = [lane for lane in batch if not lane.waiting]
        for lane in lanes:
            self._standing.sweep(lane)
        standing = [lane.standing for lane in lanes if lane.standing is not None]
        if not standing or self._draining:
            return
        with held_up(lanes):
            told = alertmanager.send_all(notifier, standing, self._client, self.clock)
            await self._telling(told, batch[0].notifier)
