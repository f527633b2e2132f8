"""What did the runs of a window come to? Kept in memory, for the rules that look back.

Nothing here knows the clock: who adds a run says when it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from prober.alerts.blamed import Blamed, words
from prober.alerts.conditions import (
    ANY,
    BUDGET_SHARE,
    BudgetBroken,
    Condition,
    ErrorRate,
    Failures,
    Percentile,
)
from prober.alerts.sliding import Window
from prober.result import Budget, Outcome, Reason, Result

_SLOW = frozenset({Reason.LATENCY, Reason.TIMEOUT})  # failures that say how long it takes
_FAILED = 0.5  # between 0, which is up, and the moment at which a run that failed began


class Ran(NamedTuple):
    """What is kept of a run of an earlier life, as far as a window asks; it ended `at`."""

    at: float
    outcome: Outcome
    reason: Reason | None
    seconds: float
    budgets: Sequence[Budget] = ()
    message: str = ""  # of one that is down


class _One:
    """A window, and how its bad runs failed. Not `ready` while those of an earlier life are being read."""

    __slots__ = ("blamed", "ready", "window")

    def __init__(self, over: float, limit: float) -> None:
        self.window = Window(over, limit)
        self.blamed = Blamed()
        self.ready = True

    @property
    def asked(self) -> Sequence[Window]:
        """What the rule is about."""
        return (self.window,)


class Rates(_One):
    """Which of the runs failed."""

    __slots__ = ()

    def __init__(self, condition: ErrorRate) -> None:
        super().__init__(condition.over, _FAILED)

    @property
    def since(self) -> float | None:
        """When the first run began that failed in this window."""
        first = self.window.first_above()
        return None if first is None else first[1]

    def add(self, result: Result, now: float) -> None:
        is_down = result.outcome is Outcome.DOWN
        if result.outcome is Outcome.UNKNOWN or result.maintenance:
            self.window.forget(now)
        else:
            self.window.add(result.started_at if is_down else 0.0, now)
            if is_down:
                self.blamed.add(result, now)
        self.blamed.forget(now - self.window.over)

    def refill(self, runs: Iterable[Ran], now: float) -> None:
        said = [run for run in runs if run.outcome is not Outcome.UNKNOWN]
        began = ((one.at, one.at - one.seconds if _is_down(one) else 0.0) for one in said)
        self.window.put_before(began, now)
        _blame_earlier(self.blamed, filter(_is_down, said), now - self.window.over)


class Times(_One):
    """How long the runs took of which that can be said."""

    __slots__ = ()

    def __init__(self, condition: Percentile) -> None:
        super().__init__(condition.over, condition.limit)

    @property
    def since(self) -> float | None:
        """When the first run began that was too slow in this window."""
        first = self.window.first_above()
        return None if first is None else first[0] - first[1]

    def add(self, result: Result, now: float) -> None:
        if _is_timed(result.outcome, result.reason) and not result.maintenance:
            self.window.add(result.seconds, now)
            if result.seconds > self.window.limit:
                self.blamed.add(result, now)
        else:
            self.window.forget(now)
        self.blamed.forget(now - self.window.over)

    def refill(self, runs: Iterable[Ran], now: float) -> None:
        timed = [run for run in runs if _is_timed(run.outcome, run.reason)]
        self.window.put_before(((one.at, one.seconds) for one in timed), now)
        slow = (one for one in timed if one.seconds > self.window.limit)
        _blame_earlier(self.blamed, slow, now - self.window.over)


def _is_down(run: Ran) -> bool:
    return run.outcome is Outcome.DOWN


def _blame_earlier(blamed: Blamed, runs: Iterable[Ran], until: float) -> None:
    said = ((run.at, words(run.reason, run.message)) for run in runs)
    blamed.put_before(one for one in said if one[1])
    blamed.forget(until)


def _is_timed(outcome: Outcome, reason: Reason | None) -> bool:
    return outcome is Outcome.UP or (outcome is Outcome.DOWN and reason in _SLOW)


class Spent:
    """What the runs of a journey measured where they have a budget, by budget and page."""

    __slots__ = ("_knows_all", "budget", "over", "ready", "windows")

    def __init__(self, condition: BudgetBroken) -> None:
        self.budget = condition.budget
        self.over = condition.over
        self.windows: dict[tuple[str, str | None], Window] = {}
        self._knows_all = False  # also of what was not measured before
        self.ready = True

    @property
    def since(self) -> float | None:
        """When the first run was over that was over a budget which is broken."""
        broken = filter(_is_over, self.asked)
        return min((first[0] for its in broken if (first := its.first_above())), default=None)

    def add(self, result: Result, now: float) -> None:
        if result.outcome is Outcome.UNKNOWN or result.maintenance:
            return
        for one in result.budgets:
            place = (one.budget, one.page)
            if place not in self.windows:
                self.windows[place] = Window(self.over, one.limit)
                if self._knows_all:
                    self.windows[place].put_before((), now)
            self.windows[place].fit(self.over, one.limit)
            self.windows[place].add(one.actual, now)
        self._leave_out(now)

    def refill(self, runs: Iterable[Ran], now: float) -> None:
        """The limits are those of the newest run."""
        self._knows_all = True
        figures: dict[tuple[str, str | None], list[tuple[float, float]]] = {}
        limits: dict[tuple[str, str | None], float] = {}
        for run in runs:
            for one in run.budgets if run.outcome is not Outcome.UNKNOWN else ():
                figures.setdefault((one.budget, one.page), []).append((run.at, one.actual))
                limits[one.budget, one.page] = one.limit
        for place, earlier in figures.items():
            window = self.windows.setdefault(place, Window(self.over, limits[place]))
            window.put_before(earlier, now)
        self._leave_out(now)

    @property
    def asked(self) -> Sequence[Window]:
        """Those of the budgets that the rule is about."""
        return [its for (name, _), its in self.windows.items() if self.budget in (ANY, name)]

    def judged(self, least: int) -> list[Budget]:
        """The p75 beside the limit, for each with so many runs."""
        return [
            Budget(budget=name, page=page, limit=window.limit, actual=actual, ok=not broken)
            for (name, page), window in self.windows.items()
            if len(window) >= least and self.budget in (ANY, name)
            for actual, broken in [(window.quantile(BUDGET_SHARE), _is_over(window))]
        ]

    def _leave_out(self, now: float) -> None:
        """Places that are measured no more."""
        for place, window in list(self.windows.items()):
            window.forget(now)
            if not len(window):
                del self.windows[place]


def _is_over(window: Window) -> bool:
    return window.beyond(BUDGET_SHARE)


class Now:
    """The past of what is seen in one run: there is none."""

    __slots__ = ("ready",)
    asked: Sequence[Window] = ()

    def __init__(self) -> None:
        self.ready = True

    def add(self, result: Result, now: float) -> None:
        """Nothing is kept."""

    def refill(self, runs: Iterable[Ran], now: float) -> None:
        """Nor brought back."""


Past: TypeAlias = Rates | Times | Spent | Now
NOW = Now()


def fitting(past: Past | None, condition: Condition) -> Past | None:
    """`past` under a rule that may have been edited; another one where it can be of no use."""
    match condition:
        case Failures():
            return None
        case ErrorRate():
            rates = past if isinstance(past, Rates) else Rates(condition)
            rates.window.fit(condition.over, _FAILED)
            return rates
        case Percentile():
            times = past if isinstance(past, Times) else Times(condition)
            times.window.fit(condition.over, condition.limit)
            return times
        case BudgetBroken():
            spent = past if isinstance(past, Spent) else Spent(condition)
            spent.over, spent.budget = condition.over, condition.budget
            return spent
        case _:
            return NOW
