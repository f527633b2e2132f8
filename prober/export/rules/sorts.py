"""What are the users' rules about, as far as it matters to whom Prometheus tells?

A rule has the same name for every check, but a check may override what it is
about. So a sort is names of rules, and for some names the checks as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from prober.alerts.conditions import (
    BudgetBroken,
    Condition,
    ErrorRate,
    Expiring,
    Failures,
    needed,
)
from prober.export.rules.promql import names, quoted
from prober.export.scene import Scene


class Sort(Enum):
    FAILURES = auto()
    BUDGET = auto()
    CERTIFICATE = auto()
    RATE = auto()
    OTHER = auto()


def sort_of(condition: Condition) -> Sort:
    match condition:
        case Failures():
            return Sort.FAILURES
        case BudgetBroken():
            return Sort.BUDGET
        case Expiring():
            return Sort.CERTIFICATE
        case ErrorRate():
            return Sort.RATE
        case _:
            return Sort.OTHER


@dataclass(frozen=True, slots=True)
class Chosen:
    """Of these names all rules, and of those the rules of some checks."""

    pure: tuple[str, ...]
    mixed: Mapping[str, Sequence[str]]

    def __bool__(self) -> bool:
        return bool(self.pure or self.mixed)

    def of(self, metric: str) -> str:
        """Its series of what is chosen; `metric` has the labels `alert` and `check`."""
        return " or ".join([*self._pure(metric), *self._mixed(metric)])

    def but(self, metric: str) -> str:
        """Its series of all else."""
        most = f"{metric}{{alert!~{names(self.pure)}}}" if self.pure else metric
        return " unless ".join([most, *self._mixed(metric)])

    def _pure(self, metric: str) -> Iterable[str]:
        return [f"{metric}{{alert=~{names(self.pure)}}}"] if self.pure else []

    def _mixed(self, metric: str) -> Iterable[str]:
        return (
            f"{metric}{{alert={quoted(alert)},check=~{names(checks)}}}"
            for alert, checks in self.mixed.items()
        )


class Sorts:
    """The rules of all checks of a scene."""

    def __init__(self, scene: Scene) -> None:
        self._by_name: dict[str, dict[Sort, list[str]]] = {}
        self._of_check = {check.name: {rule.name for rule in check.rules} for check in scene.checks}
        for check in scene.checks:
            for rule in check.rules:
                sorts = self._by_name.setdefault(rule.name, {})
                sorts.setdefault(sort_of(rule.condition), []).append(check.name)

    def choose(self, *wanted: Sort) -> Chosen:
        pure, mixed = [], {}
        for name, sorts in self._by_name.items():
            checks = [check for sort in wanted for check in sorts.get(sort, ())]
            if sorts.keys() <= set(wanted):
                pure.append(name)
            elif checks:
                mixed[name] = checks
        return Chosen(tuple(pure), mixed)

    def without(self, sort: Sort) -> Sequence[str]:
        """The checks that have no rule whose name is always of this sort."""
        always = {*self.always(sort)}
        return [name for name, rules in self._of_check.items() if not rules & always]

    def always(self, sort: Sort) -> tuple[str, ...]:
        """The names of rules that are of this sort whatever the check."""
        return self.choose(sort).pure

    def ever(self, sort: Sort) -> tuple[str, ...]:
        """The names of rules that are of this sort for some check."""
        return tuple(name for name, sorts in self._by_name.items() if sort in sorts)


def longest_rate(scene: Scene) -> float:
    """Seconds that a rule on an error rate looks back at most; 0 where there is none."""
    return max(
        (
            max(rule.condition.over, needed(rule.condition, check.interval) or 0.0)
            for check in scene.checks
            for rule in check.rules
            if isinstance(rule.condition, ErrorRate)
        ),
        default=0.0,
    )
