"""Steps that take long: a few in each turn of the loop, in order, and everybody comes to it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.wire.handshake import Handshake
from prober.wire.network import Endpoint, Network
from prober.wire.threads import Threads
from prober.wire.tls import Contexts, TlsPolicy
from prober.wire.turns import MOST, TURN, Turns
from tests.fake_clock import FakeClock
from tests.servers.raw import Do, raw_server
from tests.servers.tls import Authority
from tests.wire.ways import new_attempt

STEP = 0.0005  # seconds
LATE = 2.0  # seconds for which nobody looks: a handshake takes less than the half of it


def block(seconds: float) -> None:
    time.sleep(seconds)


class Hands(FakeClock):
    def work(self, seconds: float) -> None:
        self._monotonic += seconds


class Loop:
    """Counts its turns, and what was done in which."""

    def __init__(self) -> None:
        self.clock = Hands()
        self.turns = Turns(self.clock)
        self.turn = 0
        self.done: list[tuple[int, int]] = []  # who, in which turn

    async def step(self, who: int, seconds: float = STEP) -> None:
        def work() -> None:
            self.clock.work(seconds)
            self.done.append((who, self.turn))

        await self.turns.step(work, new_attempt())

    async def run(self, tasks: list[asyncio.Task[None]], others: float = 0.0) -> None:
        """Until all are done; others take so many seconds in each turn."""
        while not all(task.done() for task in tasks):
            assert self.turn < 10_000
            self.turn += 1
            self.clock.work(others)
            await asyncio.sleep(0)


def in_each_turn(loop: Loop) -> Counter[int]:
    return Counter(turn for _, turn in loop.done)


@settings(max_examples=30)
@given(st.lists(st.floats(1e-6, 0.005), min_size=1, max_size=120))
def test_everybody_comes_to_it_in_order(steps: list[float]) -> None:
    async def all_of_them() -> Loop:
        loop = Loop()
        steps_of = enumerate(steps)
        await loop.run([asyncio.create_task(loop.step(who, took)) for who, took in steps_of])
        return loop

    loop = asyncio.run(all_of_them())

    assert [who for who, _ in loop.done] == list(range(len(steps)))


async def test_after_two_milliseconds_the_others_wait_for_the_next_turn() -> None:
    loop = Loop()
    await loop.run([asyncio.create_task(loop.step(who)) for who in range(200)])

    assert max(in_each_turn(loop).values()) <= TURN / STEP + 1
    assert len(in_each_turn(loop)) >= 200 * STEP / TURN * 0.8


async def test_where_others_are_busy_steps_get_as_much_of_the_loop_as_they() -> None:
    loop = Loop()
    await loop.run([asyncio.create_task(loop.step(who)) for who in range(300)], others=0.006)

    typical = sorted(in_each_turn(loop).values())[len(in_each_turn(loop)) // 2]
    assert 0.004 <= typical * STEP <= 0.007


async def test_and_never_more_than_ten_milliseconds_in_a_turn() -> None:
    loop = Loop()
    await loop.run([asyncio.create_task(loop.step(who)) for who in range(300)], others=0.5)

    assert max(in_each_turn(loop).values()) * STEP <= MOST + STEP


async def test_a_single_step_never_waits() -> None:
    loop = Loop()
    for who in range(5):
        before = loop.turn
        await loop.run([asyncio.create_task(loop.step(who, seconds=0.05))])
        assert loop.turn == before + 1
        await asyncio.sleep(0)  # an idle turn between two


async def test_who_comes_later_does_not_overtake_those_in_line() -> None:
    loop = Loop()
    first = [asyncio.create_task(loop.step(who)) for who in range(20)]
    await asyncio.sleep(0)
    later = asyncio.create_task(loop.step(20))
    await loop.run([*first, later])

    assert [who for who, _ in loop.done] == list(range(21))


async def test_who_is_cut_off_in_line_holds_up_nobody() -> None:
    loop, faults = Loop(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    tasks = [asyncio.create_task(loop.step(who)) for who in range(40)]
    await asyncio.sleep(0)
    for task in tasks[10:39]:
        task.cancel()
    await loop.run(tasks)

    assert [who for who, _ in loop.done] == [*range(10), 39]
    assert faults == []


async def test_a_step_that_fails_counts_and_holds_up_nobody() -> None:
    loop, attempt = Loop(), new_attempt()

    async def fails() -> None:
        def work() -> None:
            loop.clock.work(1.0)
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await loop.turns.step(work, new_attempt())

    failing = asyncio.create_task(fails())
    waiting = asyncio.create_task(loop.turns.step(lambda: "done", attempt))
    await asyncio.sleep(0)
    loop.clock.work(0.25)

    assert failing.done()
    assert await waiting == ("done", 0.25)
    assert attempt.queued == 0.25


async def test_the_time_in_line_is_told_of_those_too_who_are_cut_off_there() -> None:
    loop, attempt = Loop(), new_attempt()
    before = asyncio.create_task(loop.step(0, seconds=1.0))
    waiting = asyncio.create_task(loop.turns.step(lambda: None, attempt))
    await asyncio.sleep(0)
    loop.clock.work(0.5)
    waiting.cancel()
    await asyncio.wait([before, waiting])

    assert waiting.cancelled()
    assert attempt.queued == 0.5


async def test_a_handshake_does_not_count_its_time_in_line(
    net: Network, authority: Authority
) -> None:
    turns, policy = Turns(net.clock), TlsPolicy(ca_file=authority.ca_file)
    handshake = Handshake(Contexts(Threads()), turns, "127.0.0.1", policy)
    with raw_server(Do.READ, Do.HANG, tls=authority.server()) as server:
        to, attempt = Endpoint("127.0.0.1", server.port), new_attempt()
        first, second = await net.connect(to, new_attempt()), await net.connect(to, attempt)
        await handshake.shake(first)  # the CA file has been read
        before = asyncio.create_task(turns.step(lambda: block(TURN * 2), new_attempt()))
        shaking = asyncio.create_task(handshake.shake(second))
        await asyncio.sleep(0)
        block(LATE)
        late = await shaking
        first.close()
        second.close()

    assert before.done()
    assert attempt.queued >= LATE
    assert late >= LATE
    assert attempt.phases["tls"] < LATE / 2
