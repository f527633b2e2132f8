"""Dues: spread, without drift, never twice, never made up for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.schedule import CALM, GRID, MANY, SPREAD, Rhythm, Start, missed, waking

SECONDS = st.floats(min_value=0.05, max_value=86_400)
MOMENTS = st.floats(min_value=0, max_value=1e7)


NAMES = st.text(min_size=1)
COUNTS = st.integers(1, 100_000)


@given(NAMES, SECONDS, MOMENTS, COUNTS)
def test_the_first_run_is_within_the_interval_and_the_spread(
    name: str, interval: float, at: float, count: int
) -> None:
    start = Start(at, count)

    assert at <= start.rhythm(name, interval).due(0) <= at + min(interval, start.spread)


@given(NAMES, SECONDS, MOMENTS, st.integers(1, int(CALM * SPREAD)))
def test_a_small_agent_has_seen_everything_within_ten_seconds(
    name: str, interval: float, at: float, count: int
) -> None:
    assert Start(at, count).rhythm(name, interval).due(0) <= at + SPREAD


@given(COUNTS)
def test_no_more_than_fifty_begin_in_a_second_where_the_interval_allows(count: int) -> None:
    assert count / Start(0.0, count).spread <= CALM * (1 + 1e-9)


@given(SECONDS, st.integers(0, 1000), MOMENTS)
def test_the_next_slot_is_later_than_the_last_and_than_now(
    interval: float, slot: int, late: float
) -> None:
    dues = Rhythm(100.0, interval)
    now = dues.due(slot) + late

    following = dues.next_slot(slot, now)

    assert following > slot
    assert dues.due(following) > now or math.isclose(dues.due(following), now, rel_tol=1e-9)
    assert dues.due(following) <= now + interval * (1 + 1e-6) + 1e-6


def test_a_timer_that_fires_early_does_not_run_a_slot_twice() -> None:
    dues = Rhythm(100.0, 10.0)

    assert dues.next_slot(3, now=dues.due(3) - 0.004) == 4


def test_slots_that_passed_are_skipped_not_bunched() -> None:
    dues = Rhythm(100.0, 10.0)

    assert dues.next_slot(3, now=dues.due(7) + 0.1) == 8


def test_a_million_slots_do_not_drift() -> None:
    dues = Rhythm(0.3, 0.1)

    assert math.isclose(dues.due(1_000_000), 100_000.3, abs_tol=1e-6)


def starts(count: int, interval: float, start: Start) -> list[float]:
    return [start.rhythm(f"check-{n}", interval).due(0) for n in range(count)]


def test_checks_of_one_interval_start_apart() -> None:
    firsts = starts(1000, 10.0, Start(0.0))

    in_each_second = [sum(1 for first in firsts if n <= first < n + 1) for n in range(10)]
    assert min(in_each_second) > 50


def test_many_checks_fill_their_whole_interval() -> None:
    firsts = starts(10_000, 30.0, Start(0.0, 10_000))

    in_each_second = [sum(1 for first in firsts if n <= first < n + 1) for n in range(30)]
    assert sum(in_each_second) == 10_000
    assert min(in_each_second) > 250
    assert max(in_each_second) < 420


@given(NAMES, SECONDS, COUNTS)
def test_a_restart_keeps_the_place_of_a_check(name: str, interval: float, count: int) -> None:
    first, second = (Start(at, count).rhythm(name, interval).due(0) for at in (0.0, 5.0))

    assert math.isclose(second - first, 5.0, rel_tol=1e-9)


def test_where_there_are_many_those_due_within_10_ms_begin_together() -> None:
    firsts = starts(1000, 1.0, Start(0.0, rate=1000.0))

    assert 75 < len({round(first / GRID) for first in firsts}) <= 101
    assert max(abs(first / GRID - round(first / GRID)) for first in firsts) < 1e-6


def test_a_grid_delays_by_less_than_itself_and_few_checks_have_none() -> None:
    exact, many, few = (
        Start(0.0, rate=rate).rhythm("shop", 1.0).due(0) for rate in (0.0, 1000.0, MANY)
    )

    assert exact <= many < exact + GRID
    assert few == exact


@pytest.mark.parametrize(
    ("due", "early", "now", "wakes"),
    [
        (100.0, 0.0, 90.0, 100.0),
        (100.0, 2.0, 90.0, 98.0),
        (100.0, 2.0, 99.0, 99.0),  # no time to get ready in whole: now, and not late for it
        (100.0, 0.0, 101.0, 100.0),  # late
        (100.0, 2.0, 101.0, 100.0),
    ],
)
def test_a_run_is_called_before_it_is_due_by_what_it_needs(
    due: float, early: float, now: float, wakes: float
) -> None:
    assert waking(due, early, now) == wakes


@pytest.mark.parametrize(
    ("following", "begun", "counted"),
    [
        (4, 3.2, {}),
        (7, 3.2, {"late": 0, "overrun": 3}),  # it began in time and took three intervals
        (7, 6.5, {"late": 3, "overrun": 0}),  # it began when three were over already
        (9, 5.5, {"late": 2, "overrun": 3}),
    ],
)
def test_slots_missed_before_the_run_began_are_late_and_those_after_it_overrun(
    following: int, begun: float, counted: dict[str, int]
) -> None:
    assert dict(missed(Rhythm(0.0, 1.0), 3, following, begun)) == counted
