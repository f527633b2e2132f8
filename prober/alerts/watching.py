"""By which rules is a check watched, and what do they look back on?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from prober.alerts.faults import AGENT, watched
from prober.alerts.met import is_clear
from prober.alerts.past import NOW, Past, Ran
from prober.alerts.pasts import Back, Pasts, looks_back
from prober.alerts.plan import Plan, Watched
from prober.alerts.rules import EffectiveRule
from prober.alerts.state import Key

# Without a past where a run that is up means nothing as long as nothing is wrong.
Looking: TypeAlias = tuple[Key, EffectiveRule, Past | None]


class Watching:
    def __init__(self) -> None:
        self.looking: dict[str, tuple[Looking, ...]] = {}  # of who was asked for under this plan
        self._plan = Plan(region="")
        self._pasts = Pasts()

    def configure(self, plan: Plan) -> None:
        """Windows go on over a change of the plan."""
        self._plan = plan
        self.looking.clear()
        self._pasts.keep(plan.checks)

    def wait(self) -> None:
        """From now on, what looks back says nothing until it has its earlier runs; before `configure`."""
        self._pasts.wait()

    def looks_back(self, check: str) -> Back | None:
        """Which of its earlier runs `remember` has to be given; None for none."""
        return looks_back(self._plan.checks[check].rules) if check in self._plan.checks else None

    def remember(self, check: str, runs: Sequence[Ran], now: float) -> Sequence[Key]:
        """What is kept of the runs of an earlier life, once for each check; there may be none.

        Gives the alerts by windows for which none of these speaks any more.
        """
        looking = self.looking.get(check) or self.rules(check)
        self._pasts.remember(check, runs, now)
        return [key for key, _, past in looking if past and past is not NOW and is_clear(past, now)]

    def wait_no_more(self) -> None:
        """There are no more to be remembered, or they cannot be read."""
        self._pasts.wait_no_more()

    def has(self, check: str) -> bool:
        return check in self._plan.checks

    def watched(self, check: str) -> Watched:
        return watched(self._plan) if check == AGENT else self._plan.checks[check]

    def rules(self, check: str) -> tuple[Looking, ...]:
        """None for a check that is not there."""
        if check not in self._plan.checks and check != AGENT:
            return ()
        rules = self.watched(check).rules
        pasts = self._pasts.of(check, rules)
        made = tuple(
            ((check, rule.name), rule, past) for rule, past in zip(rules, pasts, strict=True)
        )
        self.looking[check] = made
        return made

    def rule(self, key: Key) -> EffectiveRule | None:
        found = self.looking.get(key[0]) or self.rules(key[0])
        return next((rule for its, rule, _ in found if its == key), None)
