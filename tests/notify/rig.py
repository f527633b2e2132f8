"""A Deliverer with a clock of its own, and what it says about its work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from pydantic import JsonValue

from prober.alerts.notice import Delivery
from prober.deliver import Deliverer
from prober.notify import AnyNotifier
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.webhook import WebhookNotifier
from tests.fake_clock import NOON, FakeClock
from tests.servers.receivers import Received, Receiver


class Machine(WebhookNotifier):
    """A webhook that nobody reads: it is told everything, each notice by itself."""

    TRAITS = replace(WebhookNotifier.TRAITS, people=False, most=1)


def webhook(url: str, **settings: JsonValue) -> WebhookNotifier:
    return Machine.model_validate({"webhook": {"url": url, "group_wait": 0, **settings}})


def cluster(*urls: str, timeout: float = 10.0) -> AlertmanagerNotifier:
    settings = {"urls": urls, "timeout": timeout}
    return AlertmanagerNotifier.model_validate({"alertmanager": settings})


def people(url: str, **settings: JsonValue) -> WebhookNotifier:
    """A webhook that people read, with its own ten seconds of gathering."""
    return WebhookNotifier.model_validate({"webhook": {"url": url, **settings}})


async def claimed(_: str) -> bool:
    return True


class Rig:
    """A Deliverer, the clock it lives by, and what it has said about its work."""

    def __init__(
        self,
        notifiers: Mapping[str, AnyNotifier],
        now: float,
        claim: Callable[[str], Awaitable[bool]] = claimed,
    ) -> None:
        self.clock = FakeClock(now)
        self.over: set[str] = set()  # what begins the keys of incidents that do not burn
        self.marks: list[tuple[str, str, str]] = []
        self.counts: list[tuple[str, str]] = []
        self.answers: dict[str, str] = {}  # that were marked, by delivery
        self.lost: list[tuple[str, str | None]] = []  # what was said of undelivered notices
        self.deliverer = Deliverer(
            notifiers=notifiers,
            clock=self.clock,
            mark=self._mark,
            counted=self._counted,
            burns=lambda key: not key.startswith(tuple(self.over)),
            claim=claim,
            undelivered=lambda name, what: self.lost.append((name, what)),
            scrub=lambda text: text.replace("s-e-c-r-e-t", "***"),
        )
        self.task: asyncio.Task[None] | None = None
        self._stir = asyncio.Event()

    async def _mark(self, delivery_id: str, status: str, error: str = "", answer: str = "") -> None:
        await asyncio.sleep(0)
        self.marks.append((delivery_id, status, error))
        self.answers |= {delivery_id: answer} if answer else {}
        self._stir.set()

    def _counted(self, notifier: str, outcome: str) -> None:
        self.counts.append((notifier, outcome))
        self._stir.set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Waits for what is marked or counted; time stands still."""
        async with asyncio.timeout(10):
            while not true():
                self._stir.clear()
                await self._stir.wait()

    async def until_marked(self, count: int) -> None:
        await self.until(lambda: len(self.marks) >= count)

    async def until_pausing(self, lanes: int = 1) -> None:
        """So many lanes are between two tries."""
        async with asyncio.timeout(10):
            await self.clock.until_asleep(lanes + 1)  # one waits for the next round of re-sends

    async def let_pass(self, seconds: float, true: Callable[[], bool]) -> None:
        """Lets time pass, in steps, until something is true."""
        async with asyncio.timeout(30):
            while not true():
                await self.clock.advance(seconds)

    @property
    def dead(self) -> list[str]:
        return [error for _, status, error in self.marks if status == "dead"]


@asynccontextmanager
async def delivering(
    notifiers: Mapping[str, AnyNotifier],
    *handed: Delivery,
    resumed: Sequence[Delivery] = (),
    over: Sequence[str] = (),
    now: float = NOON,
    claim: Callable[[str], Awaitable[bool]] = claimed,
) -> AsyncIterator[Rig]:
    rig = Rig(notifiers, now, claim)
    rig.over.update(over)
    rig.deliverer.resume(resumed)
    rig.deliverer.hand(handed)
    async with asyncio.TaskGroup() as tasks:
        rig.task = tasks.create_task(rig.deliverer.run())
        yield rig
        rig.task.cancel()


def told(one: Receiver) -> list[tuple[str, str]]:
    """(event, check) of every request, in the order of their arrival."""
    return [(r.headers["x-prober-event"], check_of(r)) for r in one.received]


def check_of(received: Received) -> str:
    return str(json.loads(received.raw)["commonLabels"]["check"])
