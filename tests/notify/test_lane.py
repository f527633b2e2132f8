"""How long a lane pauses, and what ends a pause."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tenacity import AsyncRetrying, RetryCallState

from prober.alerts.notice import Delivery, Event
from prober.errors import DeliveryError
from prober.notify.lane import Lane, Lanes, Nap, Trip, may_help, pause
from tests.fake_clock import FakeClock
from tests.notify.notices import delivery, firing, notice, resolved


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
    assert pause(after(9, DeliveryError("no", retry_after=170.0)), 60.0) == 170.0


def test_pauses_can_be_kept_short() -> None:
    assert max(pause(after(9, DeliveryError("no")), 60.0) for _ in range(200)) == 60.0


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


def reminder(n: int, incident: str = "run-1") -> Delivery:
    return delivery(notice(Event.REMINDER, incident=incident), n=n)


def test_a_reminder_is_superseded_by_whatever_is_newer() -> None:
    lane = Lane("alert", "ops", FakeClock())

    for one in (firing(), reminder(1), reminder(2)):
        lane.add(one)
    before = list(lane.waiting)
    lane.add(resolved())

    assert before == [firing(), reminder(2)]
    assert list(lane.waiting) == [firing(), resolved()]
    assert lane.superseded == [reminder(1), reminder(2)]


def test_a_reminder_on_its_way_is_superseded_only_when_it_comes_back() -> None:
    lane = Lane("alert", "ops", FakeClock())
    lane.add(reminder(1))
    lane.begin()
    lane.add(reminder(2))
    lane.add(resolved())
    during = list(lane.waiting)
    lane.release()

    assert during == [reminder(1), resolved()]
    assert list(lane.waiting) == [resolved()]
    assert lane.superseded == [reminder(2), reminder(1)]


def test_firings_and_resolutions_are_never_superseded() -> None:
    lane = Lane("alert", "ops", FakeClock())
    said = [firing(), resolved(), firing(incident="run-2"), resolved(incident="run-2")]
    for one in said:
        lane.add(one)

    assert list(lane.waiting) == said
    assert lane.superseded == []


def for_people() -> Lane:
    lane = Lane("alert", "ops", FakeClock())
    lane.people = True
    return lane


@pytest.mark.parametrize(
    "event",
    [Event.FIRING, Event.REMINDER, Event.ESCALATED, Event.FLAPPING, Event.ACKNOWLEDGED],
)
def test_people_hear_of_what_is_over_only_how_it_ended(event: Event) -> None:
    lane = for_people()
    began = delivery(notice(event))

    lane.add(began)
    lane.add(resolved())

    assert list(lane.waiting) == [resolved()]
    assert lane.superseded == [began]


def test_what_people_have_not_heard_of_another_incident_stays() -> None:
    lane = for_people()
    said = [firing(), firing(incident="run-2"), resolved(incident="run-2"), resolved()]
    for one in said:
        lane.add(one)

    assert list(lane.waiting) == said[2:]


def test_a_firing_on_its_way_is_superseded_when_it_comes_back_refused() -> None:
    lane = for_people()
    lane.add(firing())
    lane.begin()
    lane.add(resolved())
    during = list(lane.waiting)
    lane.release()

    assert during == [firing(), resolved()]
    assert list(lane.waiting) == [resolved()]


def test_windows_and_reports_are_of_no_incident_and_stay() -> None:
    lane = for_people()
    said = [delivery(notice(Event.WINDOW_BEGUN)), delivery(notice(Event.WINDOW_OVER))]
    for one in said:
        lane.add(one)

    assert list(lane.waiting) == said


def test_a_lane_with_a_receipt_is_kept_until_that_is_of_no_use() -> None:
    lanes = Lanes(FakeClock())
    lane = lanes.at(firing().notice.key, "ops")
    lane.receipts[firing().notice.key] = "1699.22"
    lanes.tidy(lane)
    kept = lanes.of(firing())
    lane.receipts.clear()
    lanes.tidy(lane)

    assert kept is lane
    assert list(lanes) == []


def test_who_fails_together_pauses_for_as_long() -> None:
    trip = Trip(shared=True)

    assert [trip.agreed(one) for one in (3.0, 1.0, 7.0)] == [3.0] * 3


async def test_a_nap_ends_by_the_clock_or_by_being_woken() -> None:
    clock = FakeClock()
    nap = Nap(clock)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(nap(10.0))
        await clock.until_asleep()
        await clock.advance(9.0)
        slept_on = not task.done()
        await clock.advance(1.0)
        await task
        task = tasks.create_task(nap(10.0))
        await clock.until_asleep()
        nap.wake()
        await task

    assert slept_on
    assert clock.asleep == 0


async def test_a_wake_counts_for_the_next_nap_and_no_further_unless_it_is_forgotten() -> None:
    clock = FakeClock()
    nap = Nap(clock)
    nap.wake()
    nap.wake()
    await nap(10.0)
    nap.wake()
    nap.forget()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(nap(10.0))
        await clock.advance(9.0)
        slept_on = not task.done()
        await clock.advance(1.0)
        await task

    assert slept_on


async def test_a_nap_that_is_cancelled_is_no_nap_that_was_woken() -> None:
    clock = FakeClock()
    nap = Nap(clock)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(nap(10.0))
        await clock.until_asleep()
        task.cancel()

    assert task.cancelled()


def test_other_words_take_the_place_of_what_waits_and_of_what_stands_and_nothing_is_added() -> None:
    lane = Lane("alert", "ops", FakeClock())
    lane.add(firing())
    new = replace(firing(), notice=replace(firing().notice, annotations={"summary": "both"}))
    lane.add(replace(new, again=True))
    assert list(lane.waiting) == [new]

    lane.done()
    lane.standing = lane.refused = firing()
    lane.add(replace(new, again=True))
    lane.add(replace(firing(incident="run-2"), again=True))
    assert (lane.standing, lane.refused, list(lane.waiting)) == (new, new, [])
