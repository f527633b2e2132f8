"""Which alerts burn now, and what is to be said about it.

All alert states, in memory, under the plan of the day. Decides and remembers;
writes nothing, sends nothing, and is told what time it is. What has gathered
in `dirty` and `said` is taken by whoever keeps and delivers it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from prober.alerts import notice
from prober.alerts.notice import Delivery, Ended, Links, Notice
from prober.alerts.route import Route, routed
from prober.alerts.rules import EffectiveRule
from prober.alerts.state import QUIET, AlertState, Change, advance, remind, wake_at
from prober.result import Outcome, Result

CHECK_GONE = "the check was removed from the config"
RULE_GONE = "the rule was removed from the config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One check, as alerts see it. `labels` are the agent's and the check's together."""

    kind: str
    rules: tuple[EffectiveRule, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the config says of alerts. Without `notify`, states move and no firing is told."""

    region: str
    checks: Mapping[str, Watched] = field(default_factory=dict)
    notifiers: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    notify: bool = True
    external_url: str = ""


class Incidents:
    """`alerted` hears (check, rule, severity, firing) whenever that changes."""

    def __init__(self, alerted: Callable[[str, str, str, bool], None]) -> None:
        self.dirty: set[tuple[str, str]] = set()  # states that differ from what is kept
        self.said: list[Delivery] = []  # in order, not yet taken
        self._alerted = alerted
        self._plan = Plan(region="")
        self._rules: dict[str, tuple[tuple[tuple[str, str], EffectiveRule], ...]] = {}
        self._states: dict[tuple[str, str], AlertState] = {}  # without those that are quiet
        self._shown: dict[tuple[str, str], str] = {}  # severity, as `alerted` has heard it
        self._wakes: list[tuple[float, tuple[str, str]]] = []  # a heap; may hold what is outdated
        self._due: dict[tuple[str, str], float] = {}  # the entry of it that counts
        self._unseen: set[tuple[str, str]] = set()

    @property
    def states(self) -> Mapping[tuple[str, str], AlertState]:
        """By (check, rule); one that is not there is quiet."""
        return self._states

    @property
    def next_wake(self) -> float | None:
        """When `tick` has something to do, in Unix seconds."""
        return self._wakes[0][0] if self._wakes else None

    def load(self, states: Mapping[tuple[str, str], AlertState]) -> None:
        """The states of an earlier life; before the first `configure`.

        Nothing is said of them: an incident goes on where it was. A reminder
        waits for the first result, since until then nobody has looked.
        """
        self._states.update(states)
        self._unseen.update(key for key, state in states.items() if state.firing)
        self.touch()

    def touch(self) -> None:
        """Everything is to be kept again, since the place where it was kept is gone."""
        self.dirty.update(self._states)

    def configure(self, plan: Plan, now: float) -> None:
        """A new plan. States are kept by name; what lost its check or rule is over."""
        self._plan = plan
        self._rules = {
            name: tuple(((name, rule.name), rule) for rule in watched.rules)
            for name, watched in plan.checks.items()
        }
        rules = {key: rule for pairs in self._rules.values() for key, rule in pairs}
        for key, state in list(self._states.items()):
            if key not in rules:
                self._forget(key, state, now)
        self._wakes, self._due = [], {}
        for key, state in self._states.items():
            if state.firing:
                self._show(key, rules[key].severity)
                self._wake(key, state, rules[key])

    def put(self, result: Result, now: float) -> None:
        """One result moves the states of its check. A thousand times a second: no work if all is well."""
        for key, rule in self._rules.get(result.check, ()):
            before = self._states.get(key)
            if before is None:
                if result.outcome is not Outcome.DOWN:
                    continue
                before = QUIET
            if key in self._unseen:
                self._unseen.discard(key)
                self._wake(key, before, rule)
            after, change = advance(before, result, rule, now)
            if after is before:
                continue
            if change is Change.FIRED:
                after = self._fired(key, after, rule)
            elif change is Change.RESOLVED:
                up_since = before.up_since if before.streak else result.started_at
                self._resolved(key, before, Ended(at=now, up_since=up_since))
            self._keep(key, after)

    def tick(self, now: float) -> None:
        """What only time moves: reminders."""
        while self._wakes and self._wakes[0][0] <= now:
            moment, key = heapq.heappop(self._wakes)
            if self._due.get(key) != moment:
                continue
            rule = next(rule for its, rule in self._rules[key[0]] if its == key)
            after, change = remind(self._states[key], rule, now)
            if change is not None:
                self._keep(key, after)
                if self._plan.notify:
                    self._say(notice.reminder(after, self._links(key)), after, after.reminders)
            self._wake(key, after, rule)

    def _fired(self, key: tuple[str, str], state: AlertState, rule: EffectiveRule) -> AlertState:
        plan, watched = self._plan, self._plan.checks[key[0]]
        labels = notice.identity(plan.region, key[0], watched.kind, rule, watched.labels)
        told = routed(plan.routes, plan.notifiers, labels) if plan.notify else ()
        state = replace(state, labels=labels, told=told)
        self._states[key] = state
        self._show(key, rule.severity)
        self._wake(key, state, rule)
        self._say(notice.firing(state, self._links(key)), state, 0)
        return state

    def _resolved(self, key: tuple[str, str], state: AlertState, ended: Ended) -> None:
        self._show(key, None)
        self._due.pop(key, None)
        self._say(notice.resolved(state, self._links(key), ended), state, 0)

    def _forget(self, key: tuple[str, str], state: AlertState, now: float) -> None:
        self._unseen.discard(key)
        self._keep(key, QUIET)
        if state.firing:
            because = RULE_GONE if key[0] in self._plan.checks else CHECK_GONE
            self._resolved(key, state, Ended(at=now, because=because))

    def _keep(self, key: tuple[str, str], state: AlertState) -> None:
        self.dirty.add(key)
        if state == QUIET:
            self._states.pop(key, None)
        else:
            self._states[key] = state

    def _say(self, said: Notice, state: AlertState, nth: int) -> None:
        """To those who were told of the firing and still exist, whatever the routes are now."""
        there = self._plan.notifiers
        self.said += [notice.delivery(said, name, nth) for name in state.told if name in there]

    def _show(self, key: tuple[str, str], severity: str | None) -> None:
        shown = self._shown.pop(key, None)
        if severity is not None:
            self._shown[key] = severity
        if severity == shown:
            return
        if shown is not None:
            self._alerted(*key, shown, False)
        if severity is not None:
            self._alerted(*key, severity, True)

    def _wake(self, key: tuple[str, str], state: AlertState, rule: EffectiveRule) -> None:
        moment = wake_at(state, rule)
        if moment is not None and key not in self._unseen:
            self._due[key] = moment
            heapq.heappush(self._wakes, (moment, key))

    def _links(self, key: tuple[str, str]) -> Links:
        watched = self._plan.checks.get(key[0])
        runbook = watched.runbook if watched else None
        return Links(external_url=self._plan.external_url, runbook=runbook)
