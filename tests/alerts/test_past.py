from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from prober.alerts.conditions import BudgetBroken, ErrorRate, Expiring, Failures, Percentile
from prober.alerts.past import NOW, Pasts, Rates, Spent, Times, Window, fitting
from prober.alerts.rules import EffectiveRule
from prober.result import Budget
from tests.alerts.samples import DOWN, UP, result
from tests.fake_clock import NOON

RATE = ErrorRate(rate=0.05, over=900)
figures = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 40)), max_size=80)


def watched(condition: ErrorRate | Percentile | Expiring | Failures) -> EffectiveRule:
    return EffectiveRule(name="errors", condition=condition)


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
