"""Very much that is told together leaves the loop to others in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from prober.alerts.notice import Delivery
from prober.deliver import AT_ONCE
from prober.notify.gather import Gather
from prober.notify.lane import Lane
from tests.notify.notices import firing
from tests.notify.rig import Rig, delivering, people
from tests.servers.receivers import Receiver, receiver

MOST = people("http://127.0.0.1:1").TRAITS.most


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


def some(count: int) -> list[Delivery]:
    return [firing(check=f"check-{n}") for n in range(count)]


async def test_many_that_are_told_together_begin_and_end_a_few_in_a_turn_of_the_loop(
    hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    ended: list[int] = []
    all_ride = asyncio.Event()
    turn = 0
    ride, counted = Gather.ride, Rig._counted

    async def riding(gather: Gather, lane: Lane) -> None:
        begun.append(turn)
        if len(begun) == 1 + MOST:
            all_ride.set()
        await ride(gather, lane)

    def counting(rig: Rig, notifier: str, outcome: str) -> None:
        ended.append(turn)
        counted(rig, notifier, outcome)

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(Gather, "ride", riding)
    monkeypatch.setattr(Rig, "_counted", counting)
    async with delivering({"ops": people(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        turns = asyncio.create_task(count_turns())
        rig.deliverer.hand(some(MOST))
        await asyncio.wait_for(all_ride.wait(), 10)
        await rig.clock.advance(10)
        await rig.until_marked(1 + MOST)
        turns.cancel()

    assert len(hook.received) == 2
    assert max(begun.count(one) for one in begun) <= AT_ONCE
    assert max(ended.count(one) for one in ended) <= AT_ONCE


async def test_what_is_accepted_while_the_agent_stops_is_written_down(hook: Receiver) -> None:
    async with delivering({"ops": people(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand(some(MOST))
        await rig.deliverer.drain(10)

    assert len(rig.marks) == 1 + MOST
    assert {status for _, status, _ in rig.marks} == {"delivered"}
