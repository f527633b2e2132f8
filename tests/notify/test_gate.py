"""When a notifier may be sent something: how many at once, how often, and hardly at all while it is dead."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.errors import DeliveryError
from prober.notify.answers import Busy
from prober.notify.gate import IN_A_ROW, LONGEST_REST, PAUSE, SHORTEST_REST, Breaker, Bucket, Gate
from prober.notify.traits import Traits
from tests.fake_clock import FakeClock

TRAITS = Traits(people=False)
DEAD = DeliveryError("no answer")


def open_breaker(clock: FakeClock, longest: float = LONGEST_REST) -> Breaker:
    breaker = Breaker(clock, longest)
    for n in range(IN_A_ROW):
        breaker.failed([f"alert-{n}"], DEAD)
    return breaker


def test_five_failures_in_a_row_of_several_alerts_open_it() -> None:
    breaker = Breaker(FakeClock())
    for _ in range(IN_A_ROW - 1):
        breaker.failed(["a"], DEAD)
    before = breaker.is_open
    breaker.failed(["b"], DEAD)

    assert not before
    assert breaker.is_open
    assert breaker.left == SHORTEST_REST


def test_one_alert_alone_opens_nothing_however_often_it_fails() -> None:
    breaker = Breaker(FakeClock())
    for _ in range(100):
        breaker.failed(["a"], DEAD)

    assert not breaker.is_open


def test_an_acceptance_in_between_begins_the_row_anew() -> None:
    breaker = Breaker(FakeClock())
    for n in range(20):
        breaker.failed([f"alert-{n}"], DEAD)
        if n % 4 == 3:
            breaker.close()

    assert not breaker.is_open


def test_what_is_refused_for_good_is_an_answer() -> None:
    breaker = Breaker(FakeClock())
    refused = DeliveryError("400", permanent=True)
    for n in range(50):
        breaker.failed([f"alert-{n}"], refused)
    after_refusals = breaker.is_open
    dead = open_breaker(FakeClock())
    dead.failed(["a"], refused)

    assert not after_refusals
    assert not dead.is_open


def test_rests_double_up_to_five_minutes() -> None:
    clock = FakeClock()
    breaker = open_breaker(clock)
    rests = []
    for _ in range(7):
        rests.append(breaker.left)
        clock.move(breaker.left)
        breaker.failed(["a"], DEAD)

    assert rests == [15, 30, 60, 120, 240, 300, 300]


def test_a_wish_of_the_receiver_comes_before_our_own_rest() -> None:
    clock = FakeClock()
    breaker = open_breaker(clock)
    clock.move(15)
    breaker.failed(["a"], DeliveryError("429", retry_after=77))

    assert breaker.left == 77


@pytest.mark.parametrize("wish", [1, 6, 77])
def test_a_short_wish_when_it_opens_is_not_made_longer(wish: float) -> None:
    breaker = Breaker(FakeClock())
    for n in range(IN_A_ROW):
        breaker.failed([f"alert-{n}"], Busy("429", retry_after=wish))

    assert breaker.is_open
    assert breaker.left == wish


def test_what_was_on_its_way_when_it_opened_makes_no_rest_longer() -> None:
    breaker = open_breaker(FakeClock())
    breaker.failed(["late"], DEAD)

    assert breaker.left == SHORTEST_REST


@given(st.lists(st.floats(0, 5), max_size=60), st.sampled_from([0.5, 1.0, 2.0, 10.0]))
def test_never_more_pass_in_any_time_than_its_rate_and_one_seconds_worth(
    pauses: list[float], rate: float
) -> None:
    clock = FakeClock()
    bucket = Bucket(clock, rate)
    passed = []
    for pause in pauses:
        clock.move(pause)
        while not bucket.take():
            passed.append(clock.monotonic())
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= max(1.0, rate) + (passed[last] - begin) * rate + 1e-3


def test_a_bucket_says_how_long_to_wait_and_then_lets_pass() -> None:
    clock = FakeClock()
    bucket = Bucket(clock, 2.0)
    taken = [bucket.take() for _ in range(3)]
    clock.move(taken[2])

    assert taken == [0.0, 0.0, 0.5]
    assert bucket.take() == 0.0


def test_without_a_rate_there_is_no_waiting() -> None:
    bucket = Bucket(FakeClock(), None)

    assert [bucket.take() for _ in range(1000)] == [0.0] * 1000


async def entering(gate: Gate, tasks: asyncio.TaskGroup) -> asyncio.Task[None]:
    task = tasks.create_task(gate.enter())
    for _ in range(10):
        await asyncio.sleep(0)
    return task


async def test_no_more_enter_than_may_be_under_way() -> None:
    gate = Gate(FakeClock(), replace(TRAITS, at_once=2))
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        entered = [await entering(gate, tasks) for _ in range(3)]
        during = [task.done() for task in entered]
        gate.give_back()
        await entered[2]

    assert during == [True, True, False]


async def test_while_a_receiver_rests_nobody_enters_and_then_one_does() -> None:
    clock = FakeClock()
    gate = Gate(clock, TRAITS)
    gate.breaker = open_breaker(clock)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        first, second = await entering(gate, tasks), await entering(gate, tasks)
        await clock.advance(14.9)
        early = first.done(), second.done()
        await clock.advance(0.1)
        then = first.done(), second.done()
        gate.heard(["a"], None)
        gate.give_back()
        await second

    assert early == (False, False)
    assert then == (True, False)


async def test_if_that_one_fails_the_others_rest_again() -> None:
    clock = FakeClock()
    gate = Gate(clock, TRAITS)
    gate.breaker = open_breaker(clock)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        await entering(gate, tasks)
        await clock.advance(15)
        gate.heard(["a"], DEAD)
        gate.give_back()
        second = await entering(gate, tasks)
        await clock.advance(29.9)
        early = second.done()
        await clock.advance(0.1)
        await second

    assert not early


@pytest.mark.parametrize(("wish", "pause"), [(6.0, 6.0), (0.0, 1.0), (None, PAUSE)])
async def test_nobody_enters_while_the_receiver_asks_to_be_left_alone(
    wish: float | None, pause: float
) -> None:
    clock = FakeClock()
    gate = Gate(clock, replace(TRAITS, at_once=3))
    gate.leave_alone(Busy("429", retry_after=wish))
    gate.leave_alone(Busy("429", retry_after=0))
    gate.leave_alone(DeliveryError("500", retry_after=100))
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        several = [await entering(gate, tasks) for _ in range(3)]
        await clock.advance(pause - 0.1)
        early = [task.done() for task in several]
        await clock.advance(0.1)
        await asyncio.gather(*several)

    assert early == [False] * 3
    assert not gate.breaker.is_open


async def test_who_waits_for_a_token_when_it_asks_waits_on() -> None:
    clock = FakeClock()
    gate = Gate(clock, replace(TRAITS, per_second=1.0))
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        await entering(gate, tasks)
        second = await entering(gate, tasks)
        gate.leave_alone(Busy("429", retry_after=6))
        await clock.advance(1)
        early = second.done()
        await clock.advance(5)
        await second

    assert not early


@pytest.mark.parametrize("how", ["renew", "hurry"])
async def test_new_settings_and_a_stop_end_what_it_asked_for(how: str) -> None:
    clock = FakeClock()
    gate = Gate(clock, TRAITS)
    gate.leave_alone(Busy("429", retry_after=600))
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        first = await entering(gate, tasks)
        (gate.renew if how == "renew" else gate.hurry)()
        await first

    assert gate.pause == 0
    assert clock.now() == FakeClock().now()


@pytest.mark.parametrize("how", ["renew", "hurry", "aside"])
async def test_new_settings_a_stop_and_an_acceptance_by_the_way_end_the_rest(how: str) -> None:
    clock = FakeClock()
    gate = Gate(clock, TRAITS)
    gate.breaker = open_breaker(clock)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        first = await entering(gate, tasks)
        if how == "aside":
            async with gate.aside() as accepted:
                accepted()
        elif how == "renew":
            gate.renew()
        else:
            gate.hurry()
        await first

    assert clock.now() == FakeClock().now()


async def test_a_place_that_was_not_used_can_be_used_by_the_next() -> None:
    clock = FakeClock()
    gate = Gate(clock, replace(TRAITS, at_once=1))
    gate.breaker = open_breaker(clock)
    clock.move(15)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        await gate.enter()
        gate.give_back()
        cancelled = tasks.create_task(gate.enter())
        await cancelled
        gate.give_back()
        await gate.enter()

    assert gate.breaker.is_open
