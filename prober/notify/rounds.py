"""Who tells Alertmanagers every minute what stands? Never what something newer is on its way about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from logging import getLogger
from typing import TypeAlias

from prober.alerts.notice import Delivery
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify import alertmanager
from prober.notify.again import Standing, batches, held_up
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.gate import Gate
from prober.notify.lane import Lane, Lanes, Nap
from prober.notify.news import News

log = getLogger(__name__)

# Of the notifier of a name.
GateOf: TypeAlias = Callable[[str], Gate]
# Sends what stands, in one request. Raises DeliveryError.
Tell: TypeAlias = Callable[[str, AlertmanagerNotifier, Sequence[Delivery]], Awaitable[object]]


class Rounds:
    """`run` is over soon after `stop`, whatever the receivers do."""

    def __init__(
        self,
        lanes: Lanes,
        standing: Standing,
        clock: Clock,
        *,
        news: News,
        gate: GateOf,
        tell: Tell,
    ) -> None:
        self._lanes = lanes
        self._standing = standing
        self._news = news
        self._gate = gate
        self._tell = tell
        self._between = Nap(clock)
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        self._between.wake()

    async def run(self) -> None:
        """Once a minute, all Alertmanagers at the same time."""
        while not self._stopped:
            for lane in self._lanes:
                self._standing.sweep(lane)
                self._lanes.tidy(lane)
            async with asyncio.TaskGroup() as round_:
                for name, notifier in self._standing.notifiers.items():
                    if isinstance(notifier, AlertmanagerNotifier):
                        round_.create_task(self._tell_one(name, notifier))
            if not self._stopped:
                await self._between(alertmanager.AGAIN_EVERY)

    async def _tell_one(self, name: str, notifier: AlertmanagerNotifier) -> None:
        for batch in batches(self._lanes, name):
            try:
                await self._tell_batch(name, notifier, batch)
            except DeliveryError as error:
                if self._news.first_heard(str(error), name):
                    log.warning("alerts not told again to %s: %s", name, error)

    async def _tell_batch(
        self, name: str, notifier: AlertmanagerNotifier, batch: Sequence[Lane]
    ) -> None:
        """Leaves out every lane on which something newer is on its way, and holds that up."""
        gate = self._gate(name)
        if gate.pause > 0:
            return
        async with gate.aside() as said:
            lanes = [lane for lane in batch if not lane.waiting]
            for lane in lanes:
                self._standing.sweep(lane)
            standing = [lane.standing for lane in lanes if lane.standing is not None]
            if not standing or self._stopped:
                return
            with held_up(lanes):
                await self._tell(name, notifier, standing)
            said()
