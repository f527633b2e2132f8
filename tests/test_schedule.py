"""Dues: spread, without drift, never twice, never made up for."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from prober.schedule import GRID, MANY, SPREAD, Rhythm, rhythm

SECONDS = st.floats(min_value=0.05, max_value=86_400)
MOMENTS = st.floats(min_value=0, max_value=1e7)


@given(st.text(min_size=1), SECONDS, MOMENTS)
def test_the_first_run_is_within_the_spread(name: str, interval: float, start: float) -> None:
    first = rhythm(name, interval, start).due(0)

    assert start <= first <= start + min(interval, SPREAD)


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


def test_checks_of_one_interval_start_apart() -> None:
    firsts = [rhythm(f"check-{n}", 10.0, 0.0).due(0) for n in range(1000)]

    in_each_second = [sum(1 for first in firsts if n <= first < n + 1) for n in range(10)]
    assert min(in_each_second) > 50


def test_a_restart_keeps_the_place_of_a_check() -> None:
    assert rhythm("shop", 5.0, 0.0).due(0) == rhythm("shop", 5.0, 5.0).due(0) - 5.0


def test_where_there_are_many_those_due_within_5_ms_begin_together() -> None:
    firsts = [rhythm(f"check-{n}", 1.0, 0.0, rate=1000.0).due(0) for n in range(1000)]

    assert 150 < len({round(first / GRID) for first in firsts}) <= 201
    assert max(abs(first / GRID - round(first / GRID)) for first in firsts) < 1e-6


def test_a_grid_delays_by_less_than_itself_and_few_checks_have_none() -> None:
    exact = rhythm("shop", 1.0, 0.0).due(0)

    assert exact <= rhythm("shop", 1.0, 0.0, rate=1000.0).due(0) < exact + GRID
    assert rhythm("shop", 1.0, 0.0, rate=MANY).due(0) == exact
