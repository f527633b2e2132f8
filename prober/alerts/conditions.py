"""What is it that a rule waits for? Durations are in seconds, rates and shares from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

ANY = "any"  # in place of a budget's name: whichever it is
BUDGET_SHARE = 0.75  # of the runs of a window that have to keep a budget


@dataclass(frozen=True, slots=True)
class Failures:
    """So many runs down in a row, or of the last `of` runs."""

    failures: int
    of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRate:
    """At least this share of the runs of a window is down."""

    rate: float
    over: float
    min_runs: int = 10
    min_failures: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile:
    """Less than `share` of the runs of a window took `limit` at most."""

    share: float
    limit: float
    over: float
    min_runs: int = 20

    @property
    def name(self) -> str:
        return f"p{self.share * 100:.0f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetBroken:
    """The p75 of a window is beyond the budget of this name, on some page."""

    budget: str
    over: float
    min_runs: int = 10


@dataclass(frozen=True, slots=True)
class Expiring:
    """The certificate is valid for less than this."""

    within: float


@dataclass(frozen=True, slots=True)
class ValueIs:
    """What the check reads is within all of `bounds`: pairs of lt, le, gt or ge and a number."""

    name: str
    bounds: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class StepSlow:
    """A step took longer than this."""

    step: str
    limit: float


Windowed: TypeAlias = ErrorRate | Percentile | BudgetBroken
Condition: TypeAlias = Failures | Windowed | Expiring | ValueIs | StepSlow


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a check is that a rule can be about. `steps` is None where only a run knows them."""

    interval: float = 60.0
    tls: bool = False
    budgets: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    steps: frozenset[str] | None = frozenset()

    def can_meet(self, condition: Condition) -> bool:
        match condition:
            case BudgetBroken(budget=name):
                return name in self.budgets or (name == ANY and bool(self.budgets))
            case Expiring():
                return self.tls
            case ValueIs(name=name):
                return name in self.values
            case StepSlow(step=name):
                return self.steps is None or name in self.steps
            case _:
                return True


def needed(condition: Condition, interval: float) -> float | None:
    """How long a window has to be for its runs to come together; None where it is, or there is none."""
    if not isinstance(condition, Windowed):
        return None
    least = condition.min_runs * interval
    return least if least > condition.over else None
