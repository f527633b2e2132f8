from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from prober.alerts.conditions import (
    BudgetBroken,
    Condition,
    ErrorRate,
    Expiring,
    Failures,
    Percentile,
    StepSlow,
    ValueIs,
)
from prober.alerts.met import Met, met
from prober.alerts.past import fitting
from prober.result import Budget, Reason, Result, Step
from tests.alerts.samples import DOWN, UNKNOWN, UP, result
from tests.fake_clock import NOON

RATE = ErrorRate(rate=0.05, over=900, min_runs=20, min_failures=2)
P95 = Percentile(share=0.95, limit=2, over=3600, min_runs=20)
ANY_BUDGET = BudgetBroken(budget="any", over=3600, min_runs=4)
PAY = StepSlow("pay", 5)


def last(condition: Condition, runs: Iterable[Result]) -> Met:
    """What the last of `runs`, a second apart, is judged to be."""
    past, found, now = fitting(None, condition), Met(None), NOON
    for one in runs:
        if past is not None:
            past.add(one, now)
        found = met(condition, one, past, now)
        now += 1
    return found


def took(seconds: float) -> Result:
    return result(UP)._replace(seconds=seconds)


def slow(reason: Reason) -> Result:
    return result(DOWN, reason=reason)._replace(seconds=10.0)


def ends(days: float, fact: str = "cert_not_after") -> Result:
    end = datetime.fromtimestamp(NOON + days * 86400, UTC)
    return result(UP)._replace(facts={fact: end})


def queue(value: float) -> Result:
    return result(UP)._replace(values={"queue": value})


def steps(*seconds: float) -> Result:
    made = tuple(Step(name="pay", ok=True, seconds=one) for one in seconds)
    return result(UP)._replace(steps=(Step(name="sign in", ok=True, seconds=99.0), *made))


def lcp(actual: float, page: str = "checkout") -> Result:
    one = Budget(budget="lcp", page=page, limit=2.5, actual=actual, ok=actual <= 2.5)
    return result(UP)._replace(budgets=(one,))


def failed(failures: int, of: int) -> list[Result]:
    return [result(DOWN)] * failures + [result(UP)] * (of - failures)


@pytest.mark.parametrize(
    ("condition", "runs", "is_met"),
    [
        (Failures(3), [result(DOWN)], True),
        (Failures(3), [result(UP)], False),
        (Failures(3), [result(UNKNOWN)], None),
        (RATE, failed(2, 19), None),  # too few runs
        (RATE, failed(2, 20), True),
        (RATE, failed(1, 20), False),  # the rate, and too few failures
        (RATE, failed(2, 40), True),  # 5 % itself
        (RATE, failed(2, 41), False),
        (RATE, [*failed(2, 20), result(UNKNOWN)], None),
        (RATE, [*failed(2, 19), result(UNKNOWN), result(UP)], True),  # unknown runs do not count
        (ErrorRate(rate=0.07, over=900), failed(7, 100), True),
        (P95, [took(3)] * 19, None),
        (P95, [took(3)] * 20, True),
        (P95, [took(2)] * 20, False),  # 2 s itself
        (P95, [took(3)] + [took(1)] * 19, False),
        (P95, [took(3)] * 2 + [took(1)] * 18, True),
        (P95, [slow(Reason.TIMEOUT), slow(Reason.LATENCY)] + [took(1)] * 18, True),
        (P95, [slow(Reason.CONNECT), slow(Reason.STATUS)] + [took(1)] * 18, None),
        (Percentile(share=0.5, limit=1, over=60, min_runs=2), [took(1), took(2)], False),
        (Percentile(share=0.5, limit=1, over=60, min_runs=2), [took(2), took(2)], True),
        (ANY_BUDGET, [lcp(4)] * 3, None),
        (ANY_BUDGET, [lcp(4)] + [lcp(1)] * 3, False),
        (ANY_BUDGET, [lcp(4)] * 2 + [lcp(1)] * 2, True),
        (ANY_BUDGET, [result(UP)] * 9, None),
        (ANY_BUDGET, [lcp(4, "a"), lcp(4, "b")] * 3, None),  # each page by itself
        (BudgetBroken(budget="cls", over=3600, min_runs=4), [lcp(4)] * 9, None),
        (BudgetBroken(budget="lcp", over=3600, min_runs=4), [lcp(4)] * 9, True),
        (Expiring(30 * 86400), [ends(29)], True),
        (Expiring(30 * 86400), [ends(30)], False),
        (Expiring(30 * 86400), [ends(-1)], True),
        (Expiring(30 * 86400), [ends(29, "chain_not_after")], True),
        (Expiring(30 * 86400), [result(UP)], None),
        (ValueIs("queue", (("gt", 100.0),)), [queue(101)], True),
        (ValueIs("queue", (("gt", 100.0),)), [queue(100)], False),
        (ValueIs("queue", (("ge", 100.0),)), [queue(100)], True),
        (ValueIs("queue", (("lt", 100.0),)), [queue(100)], False),
        (ValueIs("queue", (("le", 100.0),)), [queue(100)], True),
        (ValueIs("queue", (("gt", 1.0), ("lt", 3.0))), [queue(2)], True),
        (ValueIs("queue", (("gt", 1.0), ("lt", 3.0))), [queue(4)], False),
        (ValueIs("queue", (("gt", 100.0),)), [result(DOWN)], None),
        (PAY, [steps(5)], False),
        (PAY, [steps(6)], True),
        (PAY, [steps(1, 6, 2)], True),
        (PAY, [steps()], None),
    ],
)
def test_a_condition_is_met_or_not_or_nothing_is_said(
    condition: Condition, runs: list[Result], is_met: bool | None
) -> None:
    assert last(condition, runs).met is is_met


@pytest.mark.parametrize(
    ("condition", "runs", "found"),
    [
        (Failures(3), [result(DOWN, message="refused")], "refused"),
        (
            ErrorRate(rate=0.05, over=900, min_runs=40),
            failed(3, 40),
            "7.5 % of 40 runs failed within 15 m, allowed is less than 5 %",
        ),
        (P95, [took(2.3)] * 20, "p95 of 20 runs 2.3 s, at most 2 s"),
        (P95, [took(2.001)] * 20, "p95 of 20 runs more than 2 s, at most 2 s"),
        (ANY_BUDGET, [lcp(4.1)] * 4, "p75 of lcp of checkout: 4.1 s, at most 2.5 s"),
        (Expiring(30 * 86400), [ends(12)], "the certificate expires in 12 d, at least 30 d are asked for"),
        (Expiring(30 * 86400), [ends(-2)], "the certificate expired 2 d ago, at least 30 d are asked for"),
        (ValueIs("queue", (("gt", 100.0),)), [queue(130)], "queue is 130, above 100"),
        (PAY, [steps(6.1)], "step pay took 6.1 s, at most 5 s"),
    ],
)  # fmt: skip
def test_what_was_found_is_said_beside_what_is_allowed(
    condition: Condition, runs: list[Result], found: str
) -> None:
    assert last(condition, runs).found == found


def test_a_figure_that_moves_with_every_run_is_told_anew_once_a_minute() -> None:
    past, said = fitting(None, P95), []
    for second in range(200):
        run = took(3 + second)
        assert past is not None
        past.add(run, NOON + second)
        said.append(met(P95, run, past, NOON + second).found)

    assert len(set(said)) == 5  # nothing, and four minutes


def test_a_new_incident_has_new_figures() -> None:
    past = fitting(None, RATE)
    assert past is not None
    said = []
    for second, run in enumerate([*failed(2, 20), *[result(UP)] * 30, *[result(DOWN)] * 2]):
        past.add(run, NOON + second)
        said.append(met(RATE, run, past, NOON + second).found)

    assert said[19].startswith("10 % of 20")
    assert said[-1].startswith("5.88 % of 51")
