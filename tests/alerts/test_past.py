from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from prober.alerts.conditions import (
    BudgetBroken,
    Condition,
    ErrorRate,
    Expiring,
    Failures,
    Percentile,
)
from prober.alerts.met import met
from prober.alerts.past import NOW, Now, Past, Ran, Rates, Spent, Times, fitting
from prober.alerts.pasts import Back, Pasts, looks_back
from prober.alerts.rules import EffectiveRule
from prober.alerts.sliding import Window
from prober.result import Budget, Outcome, Reason
from tests.alerts.samples import DOWN, UNKNOWN, UP, result
from tests.fake_clock import NOON

RATE = ErrorRate(rate=0.05, over=900)
figures = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 40)), max_size=80)


def watched(condition: Condition) -> EffectiveRule:
    return EffectiveRule(name="errors", condition=condition)


@settings(deadline=None)
@given(figures, st.sampled_from([0.5, 0.75, 0.9, 0.95, 0.99]), st.floats(0, 10))
def test_a_window_agrees_with_a_list_of_everything(
    runs: list[tuple[float, float]], share: float, limit: float
) -> None:
    window, everything, now = Window(100, limit), list[tuple[float, float]](), NOON
    for value, gap in runs:
        now += gap
        window.add(value, now)
        everything.append((now, value))
        there = sorted(value for at, value in everything if at > now - 100)

        assert len(window) == len(there)
        assert window.above == sum(value > limit for value in there)
        quantile = next(
            one
            for one in there
            if sum(other <= one for other in there) >= share * len(there) - 1e-9
        )
        assert window.quantile(share) == quantile
        assert window.beyond(share) == (quantile > limit)


@settings(deadline=None)
@given(figures, st.floats(1, 200), st.floats(0, 10))
def test_a_window_with_new_bounds_is_as_if_it_had_had_them(
    runs: list[tuple[float, float]], over: float, limit: float
) -> None:
    edited, other, now = Window(200, 5), Window(over, limit), NOON
    for value, gap in runs:
        now += gap
        edited.add(value, now)
        other.add(value, now)
    edited.fit(over, limit)
    edited.forget(now)

    assert (len(edited), edited.above) == (len(other), other.above)


def test_a_clock_that_is_set_back_keeps_nothing_for_ever() -> None:
    window = Window(100, 0.5)
    window.add(1.0, NOON)
    window.add(1.0, NOON - 5000)
    window.add(0.0, NOON - 4950)

    assert (len(window), window.above) == (3, 2)
    window.forget(NOON - 4900)
    assert (len(window), window.above) == (1, 0)


def test_a_window_is_clear_only_where_it_knows_all_that_could_be_in_it() -> None:
    window = Window(10, 0.5)
    assert not window.is_clear(NOON)
    window.add(0.0, NOON)
    assert not window.is_clear(NOON)
    window.add(0.0, NOON + 10)
    assert window.is_clear(NOON + 10)

    window.fit(20, 0.5)  # the half of it was forgotten
    assert not window.is_clear(NOON + 10)
    window.add(0.0, NOON + 20)
    assert window.is_clear(NOON + 20)

    window.add(1.0, NOON + 21)
    assert not window.is_clear(NOON + 21)
    window.add(0.0, NOON - 5000)  # the clock was set back
    window.add(0.0, NOON - 4979)
    assert window.is_clear(NOON - 4979)


def test_a_window_that_was_told_of_an_earlier_life_knows_all() -> None:
    window = Window(10, 0.5)
    window.put_before([], NOON)
    window.add(0.0, NOON)
    assert window.is_clear(NOON)


def test_what_is_forgotten_takes_no_room() -> None:
    window = Window(10, math.inf)
    for second in range(10_000):
        window.add(1.0, NOON + second)

    assert len(window) == 10
    assert len(window._values) < 100


def test_failures_need_no_past_and_a_single_run_none_that_is_kept() -> None:
    assert fitting(None, Failures(3)) is None
    assert fitting(None, Failures(3, 5)) is None
    assert fitting(None, Expiring(1)) is NOW
    pasts = Pasts()
    assert list(pasts.of("api", [watched(Failures(3))])) == [None]
    assert pasts._kept == {}


def test_a_window_goes_on_over_a_reload_and_goes_with_its_check() -> None:
    pasts = Pasts()
    (rates,) = pasts.of("api", [watched(RATE)])
    assert isinstance(rates, Rates)
    rates.add(result(DOWN), NOON)

    pasts.keep({"api"})
    assert pasts.of("api", [watched(ErrorRate(rate=0.5, over=60))])[0] is rates
    assert (len(rates.window), rates.window.over) == (1, 60)
    (times,) = pasts.of("api", [watched(Percentile(share=0.5, limit=1, over=60))])
    assert isinstance(times, Times)
    assert len(times.window) == 0
    pasts.keep(())
    assert pasts.of("api", [watched(RATE)])[0] is not rates


def test_a_page_that_is_gone_is_forgotten() -> None:
    spent = fitting(None, BudgetBroken(budget="any", over=60))
    assert isinstance(spent, Spent)
    one = Budget(budget="lcp", page="old", limit=1, actual=2, ok=False)
    spent.add(result(UP)._replace(budgets=(one,)), NOON)
    assert list(spent.windows) == [("lcp", "old")]

    spent.add(result(UP), NOON + 60)
    assert spent.windows == {}


def test_a_budget_that_nobody_measured_lately_is_clear_where_the_earlier_life_is_known() -> None:
    one = Budget(budget="lcp", page="p", limit=1, actual=0.5, ok=True)
    rule = BudgetBroken(budget="any", over=60, min_runs=9)
    for known in (False, True):
        spent = fitting(None, rule)
        assert isinstance(spent, Spent)
        if known:
            spent.refill([], NOON)
        spent.add(result(UP)._replace(budgets=(one,)), NOON)
        found = met(rule, result(UP), spent, NOON)
        assert (found.met, found.is_over) == ((False, True) if known else (None, False))


runs = st.lists(
    st.tuples(st.sampled_from([UP, DOWN, UNKNOWN]), st.integers(1, 9), st.integers(0, 30)),
    max_size=40,
)
CONDITIONS: list[Condition] = [
    ErrorRate(rate=0.5, over=60),
    Percentile(share=0.9, limit=4, over=60),
    BudgetBroken(budget="any", over=60),
]


def figures_of(past: Past, now: float) -> list[tuple[str, list[float], int]]:
    """Of each window that has some, by its place."""
    assert not isinstance(past, Now)
    windows = past.windows.items() if isinstance(past, Spent) else [("", past.window)]
    for _, window in windows:
        window.forget(now)
    return [
        (str(place), sorted(window._values[window._first :]), window.above)
        for place, window in windows
        if len(window)
    ]


@settings(deadline=None)
@given(runs, st.sampled_from(CONDITIONS), st.integers(0, 40))
def test_a_window_that_is_filled_again_is_as_if_it_had_never_been_lost(
    told: list[tuple[Outcome, int, int]], condition: Condition, split: int
) -> None:
    whole, later = fitting(None, condition), fitting(None, condition)
    assert whole is not None
    assert later is not None
    before, now = list[Ran](), NOON
    for index, (outcome, figure, gap) in enumerate(told):
        now += gap
        spent = Budget(budget="lcp", page="p", limit=4, actual=figure, ok=figure <= 4)
        made = result(
            outcome, at=now - figure, reason=Reason.TIMEOUT, message=f"{figure % 3}"
        )._replace(seconds=figure, budgets=(spent,))
        whole.add(made, now)
        if index < split:
            before.append(Ran(now, outcome, made.reason, figure, (spent,), made.message))
        else:
            later.add(made, now)
    later.refill(before, now)

    assert figures_of(later, now) == figures_of(whole, now)
    assert blame(later) == blame(whole)


def blame(past: Past) -> tuple[float | None, str, str]:
    """Since when, and in what words the first failed and the last."""
    if isinstance(past, Now):
        return None, "", ""
    said = ("", "") if isinstance(past, Spent) else (past.blamed.first, past.blamed.last)
    return past.since, *said


def test_runs_in_maintenance_are_in_no_window_and_judged_by_none() -> None:
    within = result(DOWN, reason=Reason.TIMEOUT)._replace(maintenance="weekly")
    spent = Budget(budget="lcp", page="p", limit=1, actual=2, ok=False)
    for condition in CONDITIONS:
        past = fitting(None, condition)
        assert past is not None
        past.add(within._replace(budgets=(spent,)), NOON)
        assert figures_of(past, NOON) == []
    once = replace(RATE, min_runs=1, min_failures=1)
    rates = Rates(once)
    rates.add(result(DOWN), NOON)
    assert met(once, within, rates, NOON).met is None
    assert met(once, result(DOWN), rates, NOON).met


def test_a_window_says_nothing_until_its_check_is_remembered() -> None:
    pasts = Pasts()
    pasts.wait()
    rules = [watched(replace(RATE, min_runs=1, min_failures=1))]
    (late,), (never,) = pasts.of("late", rules), pasts.of("never", rules)
    assert late is not None
    assert never is not None
    late.add(result(DOWN), NOON)
    assert not late.ready

    pasts.remember("late", [Ran(NOON - 5, UP, None, 0.1)], NOON)
    pasts.remember("late", [Ran(NOON - 5, UP, None, 0.1)], NOON)
    assert late.ready
    assert figures_of(late, NOON) == [("", [0.0, NOON], 1)]
    assert not never.ready
    (edited,) = pasts.of("late", [watched(Percentile(share=0.5, limit=1, over=60))])
    assert edited is not None
    assert edited.ready
    assert pasts.of("never", rules)[0] is never
    pasts.wait_no_more()
    assert never.ready
    (new,) = pasts.of("new", rules)
    assert new is not None
    assert new.ready


def test_what_is_looked_back_at_is_the_longest_window() -> None:
    three = [watched(one) for one in (RATE, Failures(3), Percentile(share=0.5, limit=1, over=60))]

    assert looks_back(three) == Back(900, budgets=False)
    assert looks_back([watched(Failures(3)), watched(Expiring(60))]) is None
    assert looks_back([*three, watched(BudgetBroken(budget="any", over=60))]) == Back(900, True)
