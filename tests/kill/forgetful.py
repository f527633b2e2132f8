"""An agent without a process: all that stands between a result and its receiver, on one file.

It is dropped at any moment without a word, and the next one reads the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prober.alerts.hold import FREE, Holding
from prober.alerts.route import Route
from prober.alerts.rules import EffectiveRule
from prober.deliver import Deliverer
from prober.notify import AnyNotifier
from prober.settle import Plan, Settle, Watched
from prober.store.database import Store
from tests.alerts.samples import rule
from tests.fake_clock import FakeClock


class Counters:
    def store_up(self, up: bool) -> None: ...
    def store_errors(self, count: int) -> None: ...
    def committed(self, seconds: float) -> None: ...


def plan(
    checks: Iterable[str], of_each: EffectiveRule | None = None, routes: Sequence[Route] = ()
) -> Plan:
    watched = Watched(kind="http", rules=(of_each or rule(2, 2),))
    return Plan(
        region="eu-west-1",
        checks=dict.fromkeys(checks, watched),
        notifiers=("ops", "boss"),
        by_default=("ops",),
        routes=tuple(routes),
    )


@asynccontextmanager
async def life(
    folder: Path,
    clock: FakeClock,
    notifiers: Mapping[str, AnyNotifier],
    planned: Plan,
    holding: Holding = FREE,
) -> AsyncIterator[Settle]:
    """At its end nothing is written any more."""
    store = Store.open(folder, clock)
    handed: list[Callable[..., None]] = []
    settle = Settle(
        store=store,
        clock=clock,
        hand=lambda deliveries: handed[0](deliveries),
        alerted=lambda *_: None,
        counters=Counters(),
        holding=holding,
    )
    deliverer = Deliverer(
        notifiers=notifiers,
        clock=clock,
        mark=settle.mark,
        counted=lambda *_: None,
        burns=settle.burns,
        claim=settle.claim,
    )
    handed.append(deliverer.hand)
    loaded = await store.load()
    settle.load(loaded.states, loaded.undelivered, loaded.since, mutes=loaded.mutes)
    settle.configure(planned)
    deliverer.resume(settle.standing(), loaded.receipts)
    deliverer.hand(loaded.undelivered)
    try:
        async with asyncio.TaskGroup() as tasks:
            both = [tasks.create_task(settle.run()), tasks.create_task(deliverer.run())]
            yield settle
            for task in both:
                task.cancel()
    finally:
        await store.close()


async def breathe(clock: FakeClock, turns: int, seconds: float = 0.1) -> None:
    """Lets the thread that writes have some real time, and everybody a little of ours."""
    for _ in range(turns):
        await clock.advance(seconds)
        await asyncio.sleep(0.0005)
