"""Do several runs of one check keep to its budgets? One is noise: their median is judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from prober.result import Budget, Outcome, Result

_WORST = (Outcome.DOWN, Outcome.UNKNOWN, Outcome.UP)


class Median(NamedTuple):
    """A budget whose `actual` is the median of what `runs` have measured."""

    budget: Budget
    runs: Sequence[float]


def medians(results: Sequence[Result]) -> list[Median]:
    """One for each budget and page, in the order in which they were first judged."""
    judged: dict[tuple[str, str | None], list[Budget]] = {}
    for result in results:
        for one in result.budgets:
            judged.setdefault((one.budget, one.page), []).append(one)
    return [_median(same) for same in judged.values()]


def as_one(results: Sequence[Result]) -> Result:
    """The worst of the runs, of several the last, with the medians as its budgets.

    Where all are up, how long it took is a median too: budgets speak of no single run.
    """
    worst = min(reversed(results), key=lambda result: _WORST.index(result.outcome))
    seconds = worst.seconds
    if worst.outcome is Outcome.UP:
        seconds = median(result.seconds for result in results)
    budgets = tuple(one.budget for one in medians(results))
    return worst._replace(seconds=seconds, budgets=budgets)


def _median(same: Sequence[Budget]) -> Median:
    runs = [one.actual for one in same]
    middle, last = median(runs), same[-1]
    return Median(
        Budget(
            budget=last.budget,
            page=last.page,
            limit=last.limit,
            actual=middle,
            ok=middle <= last.limit,
        ),
        runs,
    )
