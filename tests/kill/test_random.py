"""Kills at random moments: some of real agents, and very many of what an agent keeps and forgets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prober.deliver import Deliverer
from prober.errors import DeliveryError
from prober.notify import Means, Told
from prober.settle import Plan, Settle, Watched
from prober.store.database import Store
from tests.alerts.samples import DOWN, UP, result, rule
from tests.fake_clock import FakeClock
from tests.kill.lives import Heard, broken_laws, kill_at_random
from tests.notify.rig import webhook

KILLS = 12
IN_PROCESS = 200
CHECKS = ("a", "b", "c")
SHM = Path("/dev/shm")  # what a disk keeps through a loss of power is not the question here
IN_MEMORY = SHM if SHM.is_dir() else None


@pytest.mark.timeout(240)  # fourteen agents
async def test_kills_at_random_moments_lose_nothing_and_repeat_only_what_was_just_answered(
    tmp_path: Path,
) -> None:
    lives = await kill_at_random(tmp_path, KILLS, seed=random.randrange(10**6))

    assert broken_laws(lives.heard) == []
    assert lives.said("firing") >= 6


class Pager:
    """Accepts or refuses as it is told to; remembers in which life it heard what."""

    def __init__(self, answers: list[bool]) -> None:
        self.answers = answers
        self.heard: list[Heard] = []
        self.life = 0

    async def __call__(self, told: Told, means: Means) -> Mapping[str, str]:
        (one,) = told.deliveries
        await asyncio.sleep(0)
        if self.answers and not self.answers.pop():
            raise DeliveryError("not now")
        status = "resolved" if one.notice.event.is_over else "firing"
        name = one.notice.labels["check"]
        self.heard.append(Heard(self.life, name, one.notice.key, status))
        await asyncio.sleep(0)
        return {one.id: "seen"}

    @property
    def open(self) -> set[str]:
        last = {one.check: one.status for one in self.heard}
        return {name for name, status in last.items() if status == "firing"}


class Counters:
    def store_up(self, up: bool) -> None: ...
    def store_errors(self, count: int) -> None: ...
    def committed(self, seconds: float) -> None: ...


@asynccontextmanager
async def life(folder: Path, clock: FakeClock) -> AsyncIterator[Settle]:
    """All that stands between a result and its receiver; at its end nothing is written any more."""
    store = Store.open(folder, clock)
    handed: list[Callable[..., None]] = []
    settle = Settle(
        store=store,
        clock=clock,
        hand=lambda deliveries: handed[0](deliveries),
        alerted=lambda *_: None,
        counters=Counters(),
    )
    notifiers = {"ops": webhook("http://127.0.0.1:1")}
    deliverer = Deliverer(
        notifiers=notifiers,
        clock=clock,
        mark=settle.mark,
        counted=lambda *_: None,
        burns=settle.burns,
    )
    handed.append(deliverer.hand)
    loaded = await store.load()
    settle.load(loaded.states, loaded.undelivered, loaded.since)
    watched = Watched(kind="http", rules=(rule(2, 2),))
    checks = dict.fromkeys(CHECKS, watched)
    settle.configure(Plan(region="eu-west-1", checks=checks, notifiers=("ops",)))
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


Step = tuple[str, bool, int]  # a check, whether it is up, and how much happens before the next
STEPS = st.lists(st.tuples(st.sampled_from(CHECKS), st.booleans(), st.integers(0, 4)), max_size=8)


@given(st.lists(STEPS, min_size=1, max_size=3), st.lists(st.booleans(), max_size=8))
@settings(
    max_examples=IN_PROCESS, deadline=None, suppress_health_check=[*HealthCheck], database=None
)
@pytest.mark.timeout(240)
def test_whatever_an_agent_forgets_at_any_moment_every_incident_is_told_in_order(
    lives: list[list[Step]], answers: list[bool]
) -> None:
    pager = Pager(answers)
    with pytest.MonkeyPatch.context() as patched, TemporaryDirectory(dir=IN_MEMORY) as folder:
        patched.setattr("prober.notify.telling.send", pager)
        asyncio.run(live(Path(folder), lives, pager))

    assert broken_laws(pager.heard) == []
    assert {one.check for one in pager.heard} == set(CHECKS)


async def live(folder: Path, lives: list[list[Step]], pager: Pager) -> None:
    clock = FakeClock()
    for steps in lives:
        pager.life += 1
        async with life(folder, clock) as settle:
            for name, up, turns in steps:
                settle.put(result(UP if up else DOWN, check=name, at=clock.now()))
                await breathe(clock, turns)
    pager.life += 1
    async with asyncio.timeout(60), life(folder, clock) as settle:
        for outcome, told in ((DOWN, set(CHECKS)), (UP, set[str]())):
            while pager.open != told:
                for name in CHECKS:
                    settle.put(result(outcome, check=name, at=clock.now()))
                await breathe(clock, 2, 1.0)
