"""Which windows does a check have, and do they know its earlier runs yet?"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from prober.alerts.conditions import BudgetBroken, Windowed
from prober.alerts.past import NOW, Past, Ran, fitting
from prober.alerts.rules import EffectiveRule


class Back(NamedTuple):
    """How many seconds the rules of a check look back, and whether at budgets too."""

    over: float
    budgets: bool


class Pasts:
    """One for each rule that looks at more than failures; they outlive a reload.

    From `wait` on, those of each check say nothing until their earlier runs
    came by `remember`, or nobody brings them (`wait_no_more`).
    """

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Past]] = {}
        self._waiting = False
        self._known: set[str] = set()  # while waiting: of whom it came

    def wait(self) -> None:
        self._waiting = True

    def remember(self, check: str, runs: Sequence[Ran], now: float) -> None:
        """`runs` are those of before all that were added. What is ready has no need of them."""
        for past in self._kept.get(check, {}).values():
            if not past.ready:
                past.refill(runs, now)
                past.ready = True
        if self._waiting:
            self._known.add(check)

    def wait_no_more(self) -> None:
        self._waiting = False
        self._known.clear()
        for kept in self._kept.values():
            for past in kept.values():
                past.ready = True

    def keep(self, checks: Container[str]) -> None:
        """The others are forgotten."""
        for check in [one for one in self._kept if one not in checks]:
            del self._kept[check]

    def of(self, check: str, rules: Iterable[EffectiveRule]) -> Sequence[Past | None]:
        """For each rule; None where a run that is up says nothing new."""
        kept = self._kept.pop(check, {})
        pasts: list[Past | None] = []
        mine: dict[str, Past] = {}
        for rule in rules:
            before = kept.get(rule.name)
            past = fitting(before, rule.condition)
            pasts.append(past)
            if past is not None and past is not NOW:
                mine[rule.name] = past
                if past is not before:
                    past.ready = not self._waiting or check in self._known
        if mine:
            self._kept[check] = mine
        return pasts


def looks_back(rules: Iterable[EffectiveRule]) -> Back | None:
    """None where no rule has a window."""
    windowed = [rule.condition for rule in rules if isinstance(rule.condition, Windowed)]
    if not windowed:
        return None
    budgets = any(isinstance(one, BudgetBroken) for one in windowed)
    return Back(max(one.over for one in windowed), budgets)
