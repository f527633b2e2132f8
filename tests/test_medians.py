from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.medians import as_one, medians
from prober.result import Finding, Outcome, Reason, Result
from tests.export.samples import Trip, budget, result

UP, DOWN = Finding.up(), Finding.down(Reason.STEP, "no button")
UNKNOWN = Finding.unknown("starved")


def ran(*actuals: float, limit: float = 1.0, finding: Finding = UP) -> list[Result]:
    trips = [Trip(budgets=[budget("lcp", "cart", limit=limit, actual=one)]) for one in actuals]
    return [result("buy", finding, kind="journey", trip=trip) for trip in trips]


@pytest.mark.parametrize(
    ("actuals", "middle", "ok"),
    [
        ([0.4], 0.4, True),
        ([9.0, 0.2, 0.4], 0.4, True),  # one bad run is noise
        ([9.0, 0.2, 1.1], 1.1, False),
        (
            [0.5, 1.5],
            1.0,
            True,
        ),  # of an even number between the two in the middle; at the limit is in it
        ([0.5, 1.6, 9.0, 0.1], 1.05, False),
    ],
)
def test_the_median_of_the_runs_is_judged(actuals: list[float], middle: float, ok: bool) -> None:
    (found,) = medians(ran(*actuals))

    assert found.budget.actual == pytest.approx(middle)
    assert (found.budget.ok, found.budget.limit, found.runs) == (ok, 1.0, actuals)


def test_each_budget_has_its_own_for_each_page_of_the_runs_that_measured_it() -> None:
    first = Trip(budgets=[budget("lcp", "cart", actual=0.2), budget("duration", actual=3)])
    second = Trip(budgets=[budget("lcp", "cart", actual=0.4), budget("lcp", "home", actual=0.9)])

    found = medians([result("buy", trip=first), result("buy", trip=second)])

    assert [(one.budget.budget, one.budget.page, len(one.runs)) for one in found] == [
        ("lcp", "cart", 2),
        ("duration", None, 1),
        ("lcp", "home", 1),
    ]
    assert [one.budget.ok for one in found] == [True, False, True]


def test_runs_as_one_are_the_last_of_the_worst_with_the_medians() -> None:
    good, bad, blind = ran(0.1), ran(0.9, 2.0, finding=DOWN), ran(0.2, finding=UNKNOWN)

    assert as_one([*good, *blind]).outcome is Outcome.UNKNOWN
    one = as_one([*good, *bad, *blind])
    assert (one.outcome, one.run_id) == (Outcome.DOWN, bad[-1].run_id)
    assert [budget.actual for budget in one.budgets] == [pytest.approx(0.55)]


def test_how_long_runs_took_is_their_median_where_all_are_up_and_else_the_one_that_is_told_of() -> (
    None
):
    def took(seconds: float, finding: Finding) -> Result:
        (one,) = ran(0.1, finding=finding)
        return one._replace(seconds=seconds)

    up = [took(seconds, UP) for seconds in (9.0, 2.0, 3.0)]

    assert as_one(up).seconds == 3.0
    assert as_one([*up, took(7.0, DOWN), took(1.0, DOWN), took(8.0, UP)]).seconds == 1.0
    assert as_one([*up, took(0.5, UNKNOWN)]).seconds == 0.5
    assert as_one(up[:1]).seconds == 9.0


def test_runs_without_budgets_have_no_medians() -> None:
    assert medians([result(), result()]) == []
    assert as_one([result()]).budgets == ()


@given(st.lists(st.floats(0, 100), min_size=1, max_size=9))
def test_a_median_keeps_a_limit_that_most_of_the_runs_keep(actuals: list[float]) -> None:
    (found,) = medians(ran(*actuals, limit=50.0))

    kept = sum(one <= 50.0 for one in actuals)
    if kept * 2 != len(actuals):
        assert found.budget.ok is (kept * 2 > len(actuals))
