"""What do the runs of a check come to, in an hour or in many?

Counts and a histogram, because averages and percentiles of hours cannot be put
together to those of a week.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from prober.result import Budget, Outcome, Reason, Result

# Those of the metrics, of plain checks and of journeys, together.
EDGES = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0,
)  # fmt: skip
MEASURED = frozenset({Reason.LATENCY, Reason.TIMEOUT})  # down for taking long: durations that count


@dataclass(slots=True, kw_only=True)
class Figures:
    """`durations` counts runs by EDGES, those beyond the last at its end; `budgets` runs by what they broke.

    A run in maintenance counts as that alone; `degraded` ones are up as well.
    """

    up: int = 0
    down: int = 0
    unknown: int = 0
    maintenance: int = 0
    degraded: int = 0
    seconds: float = 0.0
    durations: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))
    budgets: dict[str, int] = field(default_factory=dict)

    @property
    def judged(self) -> int:
        """Runs that say whether the target was there."""
        return self.up + self.down

    @property
    def measured(self) -> int:
        return sum(self.durations)

    def count(self, result: Result) -> None:
        """Called a thousand times a second, mostly with what is well."""
        if result.maintenance:
            self.maintenance += 1
            return
        finding = result.finding
        outcome = finding.outcome
        if outcome is Outcome.UP:
            self.up += 1
        elif outcome is Outcome.DOWN:
            self.down += 1
        else:
            self.unknown += 1
            return
        if result.budgets:
            self._judge(result.budgets, up=outcome is Outcome.UP)
        if outcome is Outcome.UP or finding.reason in MEASURED:
            self.seconds += result.seconds
            self.durations[bisect_left(EDGES, result.seconds)] += 1

    def add(self, other: Figures) -> None:
        self.up += other.up
        self.down += other.down
        self.unknown += other.unknown
        self.maintenance += other.maintenance
        self.degraded += other.degraded
        self.seconds += other.seconds
        for at, count in enumerate(other.durations):
            self.durations[at] += count
        for name, count in other.budgets.items():
            self.budgets[name] = self.budgets.get(name, 0) + count

    def at_most(self, percent: int) -> float | None:
        """So long took this share of the measured runs at most; None: longer than the last edge.

        An edge of the histogram, for of the runs no more is known.
        """
        rank = -(-percent * self.measured // 100)
        for edge, count in zip(EDGES, self.durations, strict=False):
            if (rank := rank - count) <= 0:
                return edge
        return None

    def _judge(self, budgets: Sequence[Budget], *, up: bool) -> None:
        broken = {_named(one) for one in budgets if not one.ok}
        for name in broken:
            self.budgets[name] = self.budgets.get(name, 0) + 1
        self.degraded += up and bool(broken)


def _named(budget: Budget) -> str:
    return budget.budget if budget.page is None else f"{budget.budget} of {budget.page}"
