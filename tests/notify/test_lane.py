"""How long a lane pauses, and what ends a pause."""

from __future__ import annotations

import asyncio

import pytest
from tenacity import AsyncRetrying, RetryCallState

from prober.errors import DeliveryError
from prober.notify.lane import Lane, Nap, may_help, pause
from tests.fake_clock import FakeClock
from tests.notify.notices import firing


def after(attempt: int, error: DeliveryError) -> RetryCallState:
    state = RetryCallState(AsyncRetrying(), None, (), {})
    state.attempt_number = attempt
    state.set_exception((DeliveryError, error, None))
    return state


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 2.0), (2, 4.0), (5, 32.0), (8, 256.0), (9, 300.0), (500, 300.0)]
)
def test_pauses_grow_and_are_spread(attempt: int, longest: float) -> None:
    pauses = [pause(after(attempt, DeliveryError("no"))) for _ in range(200)]

    assert min(pauses) >= 1.0
    assert max(pauses) <= longest
    assert max(pauses) - min(pauses) > longest / 4


def test_a_wish_of_the_receiver_comes_first_but_is_never_at_once() -> None:
    assert pause(after(9, DeliveryError("no", retry_after=17.0))) == 17.0
    assert pause(after(9, DeliveryError("no", retry_after=0.0))) == 1.0


def test_only_what_is_not_permanent_is_asked_again() -> None:
    assert may_help(DeliveryError("no"))
    assert not may_help(DeliveryError("no", permanent=True))
    assert not may_help(asyncio.CancelledError())


def test_the_same_delivery_twice_waits_once() -> None:
    lane = Lane("alert", "ops", FakeClock())

    lane.add(firing())
    lane.add(firing())
    lane.add(firing(incident="run-2"))

    assert len(lane.waiting) == 2


async def test_a_nap_ends_by_the_clock_or_by_being_woken() -> None:
    clock = FakeClock()
    nap = Nap(clock)
    nap.wake()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(nap(10.0))
        await clock.until_asleep()
        await clock.advance(9.0)
        slept_on = not task.done()
        await clock.advance(1.0)
        await task
        nap.wake()
        task = tasks.create_task(nap(10.0))
        await clock.until_asleep()
        nap.wake()
        await asyncio.sleep(0)
        nap.wake()
        await task

    assert slept_on
    assert clock.asleep == 0


async def test_a_nap_that_is_cancelled_is_no_nap_that_was_woken() -> None:
    clock = FakeClock()
    nap = Nap(clock)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(nap(10.0))
        await clock.until_asleep()
        task.cancel()

    assert task.cancelled()
