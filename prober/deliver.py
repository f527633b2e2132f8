"""How notices reach their receivers, however long that takes.

Deliveries of one alert to one notifier form a lane: one after the other, in the
order they were handed over. What lanes to one notifier say at about the same
time may go in one message (`notify.gather`), so many at once and a second as it
takes (`notify.gate`); of each other they know nothing besides. In a lane:

1. a delivery is tried until its receiver accepts, with growing pauses or those
   the receiver asks for;
2. then, and only then, it is marked delivered: a crash in between repeats a
   message and never loses one. What must not happen twice is claimed before;
3. one that cannot be accepted (`DeliveryError.permanent`, a day of failures) is
   marked dead, and the next has its turn. What something newer makes needless (a
   reminder; to people, how it began once it is over) is marked superseded.

A notifier that is not in the config may come back: what is for it waits.
Alertmanagers are besides told again every minute what stands (`notify.rounds`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from logging import getLogger

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from prober.alerts.notice import Delivery
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.journal import of_notice
from prober.notify import AnyNotifier, alertmanager
from prober.notify.again import Standing
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.command import NotRun
from prober.notify.gather import Gathers
from prober.notify.lane import LONGEST_PAUSE, Lane, Lanes, may_help, pause, shown, until_accepted
from prober.notify.news import News, Undelivered, Well
from prober.notify.rounds import Rounds
from prober.notify.telling import INTERRUPTED, Claim, Counted, Mark, Orphaned, Telling, anything
from prober.pace import Pace

AT_ONCE = 16  # lanes that go on in one turn of the loop: about a millisecond

log = getLogger(__name__)


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
        claim: Claim = anything,
        undelivered: Undelivered = lambda _, __: None,
        scrub: Callable[[str], str] = str,  # what programs say that are run
    ) -> None:
        self.notifiers = dict(notifiers)
        self.clock = clock
        self._mark = mark
        self._counted = counted
        self._news = News()
        self._well = Well(undelivered)
        self._telling = Telling(self.notifiers, clock, claim=claim, news=self._news, scrub=scrub)
        self._lanes = Lanes(clock, self._telling.people)
        self._standing = Standing(self.notifiers, clock, burns)
        self._group = asyncio.TaskGroup()
        self._tasks: asyncio.TaskGroup | None = None  # the group, while lanes may begin
        self._pace = Pace(AT_ONCE)
        tell, spawn = self._telling.tell, self._group.create_task
        self._gathers = Gathers(clock, tell=tell, spawn=spawn, pace=self._pace)
        self._rounds = self._new_rounds()
        self._draining = False

    def _new_rounds(self) -> Rounds:
        return Rounds(
            self._lanes,
            self._standing,
            self.clock,
            news=self._news,
            gate=lambda name: self._gathers.of(name, self.notifiers[name]).gate,
            tell=self._telling.again,
        )

    @property
    def pending(self) -> Mapping[str, int]:
        """How many deliveries are neither accepted nor given up."""
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

    def resume(
        self, deliveries: Sequence[Delivery], receipts: Mapping[tuple[str, str], str] | None = None
    ) -> None:
        """Takes up, at a start, what burns and was told of, and what was resolved lately.

        `receipts`, by incident key and notifier, are what that had answered.
        """
        for (incident, notifier), receipt in (receipts or {}).items():
            self._lanes.at(incident, notifier).receipts[incident] = receipt
        for delivery in deliveries:
            lane = self._lanes.of(delivery)
            self._standing.resume(lane, delivery)
            self._lanes.tidy(lane)

    async def interrupted(self, deliveries: Sequence[Delivery]) -> None:
        """What the last agent was running when it ended; nobody knows how far it came."""
        for one in deliveries:
            log.warning(
                "%s was interrupted, and is not run again", shown(one), extra=of_notice(one)
            )
            self._lanes.of(one).receipts[one.notice.key] = INTERRUPTED
            await self._mark(one.id, "dead", INTERRUPTED)

    def configure(self, notifiers: Mapping[str, AnyNotifier]) -> None:
        """New settings count from the next try, and where they changed that is now.

        They are also tried on what was given up, while it burns.
        """
        before, self.notifiers = self.notifiers, dict(notifiers)
        self._telling.notifiers = self._standing.notifiers = self.notifiers
        for name in before.keys() - self.notifiers.keys():
            self._well.gone(name)
        self._gathers.configure(self.notifiers)
        for lane in self._lanes:
            lane.people = self._telling.people(lane.notifier)
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
            async with self._group as self._tasks:
                for lane in self._lanes:
                    self._start(lane)
                try:
                    await self._rounds.run()
                finally:
                    self._tasks = None
        finally:
            await self._telling.close()

    async def drain(self, seconds: float) -> None:
        """Tries once more what is pending, for so long at most, and lets `run` return.

        To be called when nothing is handed over any more. The rest stays in
        the outbox for the next start.
        """
        self._draining = True
        self._rounds.stop()
        tasks = [lane.task for lane in self._lanes if lane.task is not None]
        for lane in self._lanes:
            lane.nap.wake()
        self._gathers.hurry()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            self._gathers.close()
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
            await self._mark(lane.superseded.pop(0).id, "superseded", "a later notice says more")

    async def _work(self, lane: Lane) -> None:
        """One lane until it is empty, or until a drain has tried what there is."""
        try:
            while lane.waiting:
                await self._pace.turn()
                try:
                    await until_accepted(partial(self._try, lane), partial(self._tries, lane))
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

    def _tries(self, lane: Lane) -> AsyncRetrying:
        return AsyncRetrying(
            retry=retry_if_exception(may_help),
            wait=partial(self._pause, lane),
            stop=lambda state: self._draining or lane.hopeless(None),
            before_sleep=partial(self._refused, lane),
            sleep=lane.nap,
            reraise=True,
        )

    def _pause(self, lane: Lane, state: RetryCallState) -> float:
        notifier = self.notifiers.get(lane.notifier)
        if notifier is None:
            return lane.left
        often = isinstance(notifier, AlertmanagerNotifier)
        seconds = pause(state, alertmanager.AGAIN_EVERY if often else LONGEST_PAUSE)
        return lane.trip.agreed(seconds) if lane.trip else seconds

    async def _try(self, lane: Lane) -> None:
        await lane.clear.wait()
        try:
            self._adopt(lane)
            await self._gathers.of(lane.notifier, self.notifiers[lane.notifier]).ride(lane)
        except DeliveryError as error:
            lane.failed(error)
            lane.fails += 1
            raise

    def _adopt(self, lane: Lane) -> None:
        """Raises Orphaned where nobody can be told, or need be."""
        is_gone = lane.notifier not in self.notifiers
        was_orphaned, lane.orphaned = lane.orphaned, is_gone
        if is_gone:
            lane.begin()
            raise Orphaned("no notifier has this name any more")
        if was_orphaned and not (lane.ending or self._standing.burns(lane.waiting[0])):
            # Nobody would ever tell its end: that was not made while the notifier was gone.
            lane.begin()
            raise Orphaned("it was over before its notifier was back", permanent=True)

    def _refused(self, lane: Lane, state: RetryCallState) -> None:
        """A try that will be followed by another."""
        if not lane.orphaned:
            self._counted(lane.notifier, "retried")
        error = state.outcome.exception() if state.outcome else None
        if self._news.first_heard(str(error), lane.notifier, lane):
            first = lane.waiting[0]
            told = "%s not delivered, trying again: %s"
            log.warning(told, shown(first), error, extra=of_notice(first))
        lane.release()
        self._start(lane)

    async def _accepted(self, lane: Lane) -> None:
        delivery = lane.waiting[0]
        log.info("delivered %s", shown(delivery), extra=of_notice(delivery))
        self._counted(lane.notifier, "accepted")
        self._standing.accepted(lane, delivery)
        self._well.accepted(lane.notifier)
        answered = (lane.answer,) if lane.answer else ()
        await self._mark(delivery.id, "delivered", "", *answered)

    async def _given_up(self, lane: Lane, error: DeliveryError) -> None:
        delivery = lane.waiting[0]
        if isinstance(error, NotRun):
            log.warning("%s was %s", shown(delivery), error, extra=of_notice(delivery))
            self._counted(lane.notifier, "not_run")
            lane.receipts.setdefault(delivery.notice.key, str(error))
            await self._mark(delivery.id, "not_run", str(error))
            return
        log.error("gave up %s: %s", shown(delivery), error, extra=of_notice(delivery))
        self._counted(lane.notifier, "dead")
        self._standing.given_up(lane, delivery, permanent=error.permanent)
        if not isinstance(error, Orphaned):
            self._well.lost(lane.notifier, f"{shown(delivery)}: {error}")
        await self._mark(delivery.id, "dead", str(error))
