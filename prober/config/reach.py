"""Is there a check that can meet a rule at all? A rule that waits for what is not there never fires.

Rules for all may pass checks by: only one that passes all of them by is worth
a word. Which steps a journey has, its script says, which is looked into last;
where that cannot say it either, nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from prober.alerts.conditions import (
    ANY,
    BudgetBroken,
    Condition,
    Expiring,
    StepSlow,
    Subject,
    ValueIs,
)
from prober.config.listing import Fit
from prober.config.report import Report
from prober.config.tree import Path

FOR_ALL = ("alerts", "defaults")  # what a rule stands under that is not one check's
NAMED = 3  # checks, or steps, that a warning names


@dataclass(slots=True)
class _Rule:
    """One that no check has been seen to meet; `there` is what they have of what it waits for."""

    condition: Condition
    checks: list[str] = field(default_factory=list)
    there: set[str] = field(default_factory=set)
    journeys: list[Path] = field(default_factory=list)  # whose steps are not known yet
    is_met: bool = False


class Reach:
    def __init__(self) -> None:
        self._rules: dict[Path, _Rule] = {}
        self._is_whole = True

    def lose(self) -> None:
        """There is a check of which is not known what it can meet."""
        self._is_whole = False

    def note(self, at: Path, condition: Condition, who: tuple[str, Path], about: Subject) -> None:
        """The rule that stands at `at` watches `who`: a check and its place."""
        if not isinstance(condition, BudgetBroken | Expiring | StepSlow | ValueIs):
            return
        rule = self._rules.setdefault(at, _Rule(condition))
        if rule.is_met:
            return
        name, place = who
        rule.checks.append(name)
        if isinstance(condition, StepSlow) and about.steps is None:
            rule.journeys.append(place)
        elif about.can_meet(condition):
            rule.is_met = True
        rule.there |= _there(condition, about)

    def warn(self, report: Report, fits: Mapping[Path, Fit]) -> None:
        """Of each that can never fire. `fits` is what is known of journeys, by their checks."""
        for at, rule in self._rules.items():
            if rule.is_met or (at[0] in FOR_ALL and not self._is_whole):
                continue
            found = [fits.get(place) for place in rule.journeys]
            if not any(fit is None or _may_have(fit, rule.condition) for fit in found):
                there = rule.there.union(*(fit.steps for fit in found if fit))
                report.warn(at, f"can never fire: {_lacking(rule, sorted(there))}")


def lacking_step(fit: Fit, name: str) -> str | None:
    """Why no run of this journey takes a step of that name; None where one may."""
    if name in fit.steps or not fit.no_more_steps:
        return None
    return f"{fit.function} has no such step{_meant(name, fit.steps)}"


def _may_have(fit: Fit, condition: Condition) -> bool:
    return isinstance(condition, StepSlow) and lacking_step(fit, condition.step) is None


def _there(condition: Condition, about: Subject) -> frozenset[str]:
    match condition:
        case BudgetBroken():
            return about.budgets
        case ValueIs():
            return about.values
        case StepSlow():
            return about.steps or frozenset()
        case _:
            return frozenset()


def _lacking(rule: _Rule, there: Sequence[str]) -> str:
    what, name = _wanted(rule.condition)
    listed = ", ".join(rule.checks[:NAMED])
    if len(rule.checks) > NAMED:
        listed += f" and {len(rule.checks) - NAMED} more"
    has = "has" if len(rule.checks) == 1 else "have"
    return f"{listed} {has} no {what}{_meant(name, there)}"


def _wanted(condition: Condition) -> tuple[str, str]:
    """What a check needs to have, and how that is called."""
    match condition:
        case BudgetBroken(budget=name):
            return ("budget", "") if name == ANY else (f"budget {name!r}", name)
        case ValueIs(name=name):
            return f"value {name!r}", name
        case StepSlow(step=name):
            return f"step {name!r}", name
        case _:
            return "certificate", ""


def _meant(name: str, there: Sequence[str]) -> str:
    """What would be right."""
    if close := get_close_matches(name, there, 1):
        return f"; did you mean {close[0]!r}?"
    if not there:
        return ""
    more = f" and {len(there) - NAMED} more" if len(there) > NAMED else ""
    return (
        f"; there {'is' if len(there) == 1 else 'are'} {', '.join(map(repr, there[:NAMED]))}{more}"
    )
