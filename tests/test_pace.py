"""Many go on a few at a time, and the loop belongs to others in between."""

from __future__ import annotations

import asyncio

from prober.pace import Pace

AT_ONCE = 4


async def in_line(pace: Pace, count: int) -> tuple[list[asyncio.Task[None]], list[tuple[int, int]]]:
    """So many who want to go on, and which did in which turn of the loop."""
    went: list[tuple[int, int]] = []
    turn = 0

    async def one(number: int) -> None:
        await pace.turn()
        went.append((number, turn))

    tasks = [asyncio.create_task(one(number)) for number in range(count)]

    async def count_turns() -> None:
        nonlocal turn
        while not all(task.done() for task in tasks):
            turn += 1
            await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await asyncio.create_task(count_turns())
    return tasks, went


async def test_no_more_than_a_few_go_on_in_one_turn_of_the_loop_and_in_their_order() -> None:
    _, went = await in_line(Pace(AT_ONCE), AT_ONCE * 3 + 1)
    turns = [turn for _, turn in went]

    assert [number for number, _ in went] == list(range(AT_ONCE * 3 + 1))
    assert max(turns.count(turn) for turn in turns) == AT_ONCE


async def test_where_few_come_nobody_waits() -> None:
    pace = Pace(AT_ONCE)

    def at_once() -> bool:
        try:
            pace.turn().send(None)
        except StopIteration:
            return True
        return False

    first = [at_once() for _ in range(AT_ONCE)]
    await asyncio.sleep(0)
    later = [at_once() for _ in range(AT_ONCE)]

    assert all(first)
    assert all(later)


async def test_who_is_cancelled_in_line_takes_nobodys_turn() -> None:
    pace = Pace(AT_ONCE)
    tasks = [asyncio.create_task(pace.turn()) for _ in range(AT_ONCE * 3)]
    await asyncio.sleep(0)  # all are in line or through
    for task in tasks[AT_ONCE : AT_ONCE * 2]:
        task.cancel()
    for _ in range(2):
        await asyncio.sleep(0)

    assert all(task.done() for task in tasks)
    assert [task.cancelled() for task in tasks].count(True) == AT_ONCE
