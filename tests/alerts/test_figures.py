"""Runs are counted so that hours can be put together to weeks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.alerts.figures import EDGES, MEASURED, Figures
from prober.export import tally
from prober.result import Budget, Outcome, Reason, Result
from tests.alerts.samples import DOWN, UNKNOWN, UP, result

SLOW = Budget(budget="lcp", page="cart", limit=2.5, actual=4.0, ok=False)
QUICK = Budget(budget="duration", page=None, limit=9.0, actual=4.0, ok=True)
LATE = Budget(budget="duration", page=None, limit=3.0, actual=4.0, ok=False)


def counted(*results: Result) -> Figures:
    figures = Figures()
    for one in results:
        figures.count(one)
    return figures


def test_the_edges_are_those_of_the_metrics() -> None:
    assert set(EDGES) == {*tally.EDGES, *tally.JOURNEY_EDGES}
    assert list(EDGES) == sorted(EDGES)
    assert MEASURED == tally.MEASURED


def test_every_run_counts_once() -> None:
    window = result(DOWN)._replace(maintenance="weekly")
    found = counted(result(UP), result(UP), result(DOWN), result(UNKNOWN), window)

    assert (found.up, found.down, found.unknown, found.maintenance) == (2, 1, 1, 1)
    assert found.judged == 3


def test_how_long_it_took_counts_where_the_target_answered_or_was_too_slow() -> None:
    late = result(DOWN, reason=Reason.TIMEOUT)._replace(seconds=10.0)
    refused = result(DOWN, reason=Reason.CONNECT)._replace(seconds=0.001)
    found = counted(result(UP)._replace(seconds=0.2), late, refused, result(UNKNOWN))

    assert found.measured == 2
    assert found.seconds == pytest.approx(10.2)


@pytest.mark.parametrize(
    ("took", "edge"), [(2.5, 2.5), (2.500001, 5.0), (120.0, 120.0), (121.0, None)]
)
def test_what_took_as_long_as_an_edge_is_within_it(took: float, edge: float | None) -> None:
    assert counted(result(UP)._replace(seconds=took)).at_most(95) == edge


def test_a_run_that_breaks_budgets_is_degraded_and_each_is_counted() -> None:
    up = result(UP)._replace(budgets=(SLOW, QUICK, LATE))
    down = result(DOWN)._replace(budgets=(SLOW,))
    well = result(UP)._replace(budgets=(QUICK,))
    found = counted(up, down, well)

    assert found.budgets == {"lcp of cart": 2, "duration": 1}
    assert (found.up, found.degraded) == (2, 1)


@given(st.lists(st.floats(min_value=0.0001, max_value=300), min_size=1, max_size=60))
def test_a_percentile_is_the_edge_that_so_many_runs_do_not_pass(seconds: list[float]) -> None:
    found = counted(*(result(UP)._replace(seconds=one) for one in seconds))

    exact = sorted(seconds)[math.ceil(len(seconds) * 95 / 100) - 1]
    edge = next((one for one in EDGES if exact <= one), None)
    assert found.at_most(95) == edge


@given(st.lists(st.sampled_from([UP, DOWN, UNKNOWN]), max_size=30), st.integers(0, 30))
def test_hours_that_are_put_together_are_what_their_runs_are(
    outcomes: list[Outcome], at: int
) -> None:
    runs = [result(one)._replace(budgets=(LATE,), seconds=0.25) for one in outcomes]

    first, second = counted(*runs[:at]), counted(*runs[at:])
    first.add(second)

    assert first == counted(*runs)
