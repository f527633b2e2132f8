"""Kills at random moments: some of real agents, and very many of what an agent keeps and forgets."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from prober.errors import DeliveryError
from prober.notify import AnyNotifier, Means, Told
from tests.alerts.samples import DOWN, UP, result
from tests.fake_clock import FakeClock
from tests.kill.forgetful import breathe, life, plan
from tests.kill.lives import Heard, broken_laws, kill_at_random
from tests.kill.nursery import Nursery
from tests.notify.rig import people, webhook

KILLS = 6
IN_PROCESS = int(os.environ.get("PROBER_TEST_LIVES", "50"))  # of them
CHECKS = ("a", "b", "c")
SHM = Path("/dev/shm")  # what a disk keeps through a loss of power is not the question here
IN_MEMORY = SHM if SHM.is_dir() else None


@pytest.mark.timeout(240)  # eight agents
async def test_kills_at_random_moments_lose_nothing_and_repeat_only_what_was_just_answered(
    tmp_path: Path, agents: Nursery
) -> None:
    lives = await kill_at_random(tmp_path, agents, KILLS, seed=random.randrange(10**6), longest=1.0)

    assert broken_laws(lives.heard) == []
    assert lives.said("firing") >= 6


class Pager:
    """Takes, refuses or takes without a word, as it is told to; remembers in which life it heard what."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.heard: list[Heard] = []
        self.life = 0

    async def __call__(self, told: Told, means: Means) -> Mapping[str, str]:
        await asyncio.sleep(0)
        answer = self.answers.pop() if self.answers else "taken"
        if answer == "refused":
            raise DeliveryError("not now")
        # What nobody knows to be taken is told again: each such time counts by itself.
        life = self.life if answer == "taken" else -len(self.heard) - 1
        for one in told.deliveries:
            status = "resolved" if one.notice.event.is_over else "firing"
            name = one.notice.labels["check"]
            self.heard.append(Heard(life, name, one.notice.key, status))
        await asyncio.sleep(0)
        if answer == "lost":
            raise DeliveryError("no answer")
        return {one.id: "seen" for one in told.deliveries}

    @property
    def open(self) -> set[str]:
        last = {one.check: one.status for one in self.heard}
        return {name for name, status in last.items() if status == "firing"}


NOWHERE = "http://127.0.0.1:1"
Answer = Literal["taken", "refused", "lost"]
Step = tuple[str, bool, int]  # a check, whether it is up, and how much happens before the next
STEPS = st.lists(st.tuples(st.sampled_from(CHECKS), st.booleans(), st.integers(0, 4)), max_size=8)
ANSWERS = st.lists(st.sampled_from(get_args(Answer)), max_size=12)


@given(
    st.lists(STEPS, min_size=1, max_size=3),
    ANSWERS,
    st.sampled_from([webhook(NOWHERE), people(NOWHERE, group_wait=0), people(NOWHERE)]),
)
@settings(
    max_examples=IN_PROCESS,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    database=None,
    phases=[Phase.generate],  # what is lost takes long to be missed: once is enough
)
@pytest.mark.timeout(600)
def test_whatever_an_agent_forgets_at_any_moment_every_incident_is_told_in_order(
    lives: list[list[Step]], answers: list[Answer], ops: AnyNotifier
) -> None:
    pager = Pager(answers)
    with pytest.MonkeyPatch.context() as patched, TemporaryDirectory(dir=IN_MEMORY) as folder:
        patched.setattr("prober.notify.telling.send", pager)
        asyncio.run(live(Path(folder), lives, pager, ops))

    assert broken_laws(pager.heard, people=ops.TRAITS.people) == []
    assert {one.check for one in pager.heard} == set(CHECKS)


async def live(folder: Path, lives: list[list[Step]], pager: Pager, ops: AnyNotifier) -> None:
    clock = FakeClock()
    for steps in lives:
        pager.life += 1
        async with life(folder, clock, {"ops": ops}, plan(CHECKS)) as settle:
            for name, up, turns in steps:
                settle.put(result(UP if up else DOWN, check=name, at=clock.now()))
                await breathe(clock, turns, 0.5)
    pager.life += 1
    async with asyncio.timeout(30), life(folder, clock, {"ops": ops}, plan(CHECKS)) as settle:
        for outcome, told in ((DOWN, set(CHECKS)), (UP, set[str]())):
            while pager.open != told:
                for name in CHECKS:
                    settle.put(result(outcome, check=name, at=clock.now()))
                await breathe(clock, 2, 1.0)
