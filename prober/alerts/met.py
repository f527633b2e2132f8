"""Does a run meet a rule's condition, and in what words?

Counts and rates are met at the number itself; durations, budgets and values
beyond it. Whatever a run or its window does not say is None: it moves nothing.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

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
from prober.alerts.past import Past, Rates, Spent, Times
from prober.alerts.sliding import FRESH, Window
from prober.result import Outcome, Result
from prober.units import show_duration

_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
_WORDS = {"lt": "below", "le": "at most", "gt": "above", "ge": "at least"}


class Met(NamedTuple):
    """`about` is what the words are about; of failures they are the run's own, and so is the reason.

    `past` is the window that was judged, if one was. `is_over`: it has too few runs to be
    judged, but all of what it fired by has left it.
    """

    met: bool | None
    found: str = ""
    about: str = ""
    past: Rates | Times | Spent | None = None
    is_over: bool = False

    def since(self, result: Result) -> float:
        """When the first of the runs began for which it is met; `result` is the newest."""
        since = self.past.since if self.past is not None else None
        return result.started_at if since is None else min(since, result.started_at)

    def run(self, result: Result) -> Result | None:
        """The last of them, whose details are worth being told; None where they are not known."""
        return self.past.blamed.run if isinstance(self.past, Rates | Times) else result

    def errors(self, known: Mapping[str, str]) -> dict[str, str]:
        """How the first of them failed, which stays as it is `known`, and how the last did."""
        if not isinstance(self.past, Rates | Times) or not self.past.blamed.last:
            return {}
        first = known.get("first_error") or self.past.blamed.first
        return {"first_error": first, "last_error": self.past.blamed.last}


OFTEN = "often"  # what failures are about where some of the runs between them may be up
NOTHING = Met(None)
MISSED = Met(False)
OVER = Met(False, is_over=True)


def met(condition: Condition, result: Result, past: Past | None, now: float) -> Met:
    """`past` has the run in it already. Of failures it is this run alone that is judged."""
    if result.finding.outcome is Outcome.UNKNOWN:
        return NOTHING
    if past is not None and (result.maintenance or not past.ready):
        past = None  # no window is judged by a run that it does not take in, nor before it is full
    match condition:
        case Failures():
            down = result.finding.outcome is Outcome.DOWN
            return Met(True, result.message, _of_failures(condition)) if down else MISSED
        case ErrorRate():
            return _rate(condition, past, now)
        case Percentile():
            return _percentile(condition, past, now)
        case BudgetBroken():
            return _budget(condition, past, now)
        case Expiring():
            return _expiring(condition, result, now)
        case ValueIs():
            return _value(condition, result)
        case StepSlow():
            return _step(condition, result)


def _of_failures(condition: Failures) -> str:
    return "" if condition.of is None or condition.of == condition.failures else OFTEN


def _rate(condition: ErrorRate, past: Past | None, now: float) -> Met:
    if not isinstance(past, Rates):
        return NOTHING
    window = past.window
    if len(window) < condition.min_runs:
        return _of_few(past, now)
    failed, runs = window.above, len(window)
    if failed < condition.min_failures or failed < round(condition.rate * runs, 9):
        window.said_at = -math.inf
        return MISSED

    def sentence() -> str:
        return (
            f"{_percent(failed / runs)} of {runs} runs failed within"
            f" {show_duration(condition.over)}, allowed is less than {_percent(condition.rate)}"
        )

    return Met(True, _said(window, now, sentence), "error_rate", past)


def _percentile(condition: Percentile, past: Past | None, now: float) -> Met:
    if not isinstance(past, Times):
        return NOTHING
    window = past.window
    if len(window) < condition.min_runs:
        return _of_few(past, now)
    if not window.beyond(condition.share):
        window.said_at = -math.inf
        return MISSED

    def sentence() -> str:
        actual = show_duration(window.quantile(condition.share))
        limit = show_duration(condition.limit)
        return f"{condition.name} of {len(window)} runs {_apart(actual, limit)}, at most {limit}"

    return Met(True, _said(window, now, sentence), "latency", past)


def _budget(condition: BudgetBroken, past: Past | None, now: float) -> Met:
    if not isinstance(past, Spent):
        return NOTHING
    if not (judged := past.judged(condition.min_runs)):
        return _of_few(past, now)
    broken = [f"p75 of {one}" for one in judged if not one.ok]
    return Met(True, "; ".join(broken), "budget", past) if broken else MISSED


def _of_few(past: Past, now: float) -> Met:
    """Nobody looked for a while: too few runs to fire by, but enough to be over, where all are good."""
    return OVER if any(map(len, past.asked)) and is_clear(past, now) else NOTHING


def is_clear(past: Past, now: float) -> bool:
    """Whether nothing bad can be in its windows."""
    return all(window.is_clear(now) for window in past.asked)


def _expiring(condition: Expiring, result: Result, now: float) -> Met:
    end = result.facts.get("chain_not_after", result.facts.get("cert_not_after"))
    if not isinstance(end, datetime):
        return NOTHING
    left = end.timestamp() - now
    if left >= condition.within:
        return MISSED
    said = (
        f"expires in {show_duration(left)}" if left > 0 else f"expired {show_duration(-left)} ago"
    )
    limit = show_duration(condition.within)
    return Met(True, f"the certificate {said}, at least {limit} are asked for", "certificate")


def _value(condition: ValueIs, result: Result) -> Met:
    actual = result.values.get(condition.name)
    if actual is None:
        return NOTHING
    if not all(_HOLDS[name](actual, limit) for name, limit in condition.bounds):
        return MISSED
    bounds = " and ".join(f"{_WORDS[name]} {limit:g}" for name, limit in condition.bounds)
    return Met(True, f"{condition.name} is {actual:g}, {bounds}", "value")


def _step(condition: StepSlow, result: Result) -> Met:
    took = max((one.seconds for one in result.steps if one.name == condition.step), default=None)
    if took is None:
        return NOTHING
    if took <= condition.limit:
        return MISSED
    limit = show_duration(condition.limit)
    shown = _apart(show_duration(took), limit)
    return Met(True, f"step {condition.step} took {shown}, at most {limit}", "step")


def _said(window: Window, now: float, sentence: Callable[[], str]) -> str:
    """A figure that moves with every run is told anew once a minute: each time it is written down."""
    if not window.said_at <= now < window.said_at + FRESH:
        window.said, window.said_at = sentence(), now
    return window.said


def _apart(actual: str, limit: str) -> str:
    """Where rounding makes them the same, what is known is that it is more."""
    return f"more than {actual}" if actual == limit else actual


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
