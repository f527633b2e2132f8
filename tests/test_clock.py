"""The real clock: who sleeps until one moment, and how long work may be polite."""

from __future__ import annotations

import asyncio

from prober.clock import AT_ONCE, TURNS, Courtesy, SystemClock
from tests.fake_clock import FakeClock


class Counted(FakeClock):
    """Each look at it takes a second: no turn is ever quiet."""

    def monotonic(self) -> float:
        self._monotonic += 1
        return self._monotonic


async def turns_while(task: asyncio.Task[None]) -> int:
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    return turns


async def test_those_of_one_moment_wake_in_order_and_a_few_in_each_turn() -> None:
    clock, moment = SystemClock(), SystemClock.monotonic() + 0.05
    woken: list[tuple[int, int]] = []
    turn = 0

    async def one(number: int) -> None:
        await clock.sleep_until(moment)
        woken.append((number, turn))

    async with asyncio.TaskGroup() as group:
        sleepers = [group.create_task(one(number)) for number in range(AT_ONCE * 3)]
        await asyncio.sleep(0)
        while not all(sleeper.done() for sleeper in sleepers):
            await asyncio.sleep(0)
            turn += 1

    by_turn = [turn for _, turn in woken]
    assert [number for number, _ in woken] == list(range(AT_ONCE * 3))
    assert max(by_turn.count(turn) for turn in by_turn) == AT_ONCE


async def test_who_is_cancelled_among_sleepers_holds_up_nobody() -> None:
    clock, moment = SystemClock(), SystemClock.monotonic() + 0.05
    sleepers = [asyncio.create_task(clock.sleep_until(moment)) for _ in range(AT_ONCE + 2)]
    await asyncio.sleep(0)
    for sleeper in sleepers[: AT_ONCE + 1]:
        sleeper.cancel()

    async with asyncio.timeout(5):
        await sleepers[-1]
    assert all(sleeper.cancelled() for sleeper in sleepers[:-1])


async def test_sleepers_of_a_moment_that_has_passed_wake_at_once() -> None:
    clock = SystemClock()
    before = clock.monotonic()

    async with asyncio.timeout(5):
        await clock.sleep_until(before)
        await clock.sleep_until(0.0)
    assert clock.monotonic() >= before


async def test_courtesy_on_a_loop_that_is_never_quiet_ends_with_its_patience() -> None:
    courtesy = Courtesy(Counted(), patience=20.0)

    async def work() -> None:
        for _ in range(100):
            await courtesy.turn()

    turns = await turns_while(asyncio.create_task(work()))

    assert TURNS <= turns <= 2 * TURNS + 100
