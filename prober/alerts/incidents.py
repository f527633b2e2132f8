"""Which alerts burn now, and what is to be said about it.

All alert states, in memory, under the plan of the day. Decides and remembers;
writes nothing, sends nothing, and is told what time it is. What has gathered
in `dirty` and `said` is taken by whoever keeps and delivers it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace

from prober.alerts import notice
from prober.alerts.notice import Delivery, Ended, Event, Links, Notice
from prober.alerts.route import Route, routed
from prober.alerts.rules import LEAST_REMIND, EffectiveRule
from prober.alerts.state import QUIET, AlertState, Change, advance, remind, set_back, wake_at
from prober.result import Outcome, Result

CHECK_GONE = "the check was removed from the config"
RULE_GONE = "the rule was removed from the config"
OUTDATED = 100  # alarms that may be set for nothing before they are cleared away


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
        self._burning: set[str] = set()  # the incident keys of what fires
        self._looked = 0.0  # the wall clock when it was last looked at

    @property
    def states(self) -> Mapping[tuple[str, str], AlertState]:
        """By (check, rule); one that is not there is quiet."""
        return self._states

    @property
    def burning(self) -> Set[str]:
        """The incident keys (`Notice.key`) of what fires now."""
        return self._burning

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
        for key, state in states.items():
            if state.firing:
                self._unseen.add(key)
                self._burning.add(notice.incident_key(state))

    def join(self, states: Mapping[tuple[str, str], AlertState], now: float) -> None:
        """The same, found only after `configure`: an incident that nobody has ended goes on.

        Where another one burns by now that one counts; streaks are of no use any more.
        """
        mine = self._states
        self.load(
            {
                key: state
                for key, state in states.items()
                if state.firing and not (key in mine and mine[key].firing)
            }
        )
        self.configure(self._plan, now)

    def configure(self, plan: Plan, now: float) -> None:
        """A new plan. States are kept by name; what lost its check or rule is over."""
        self._plan = plan
        self._rules = {
            name: tuple(((name, rule.name), rule) for rule in watched.rules)
            for name, watched in plan.checks.items()
        }
        rules = {key for pairs in self._rules.values() for key, _ in pairs}
        for key, state in list(self._states.items()):
            if key not in rules:
                self._forget(key, state, now)
        self._wake_all(now)

    def standing(self) -> list[Delivery]:
        """The firings of what burns now, to whom they were told and by the ids they had then."""
        return [
            notice.delivery(notice.firing(state, self._links(key)), name, 0)
            for key, state in self._states.items()
            if state.firing
            for name in state.told
        ]

    def put(self, result: Result, now: float) -> None:
        """One result moves the states of its check. A thousand times a second: no work if all is well."""
        for key, rule in self._rules.get(result.check, ()):
            before = self._states.get(key)
            if before is None:
                if result.outcome is not Outcome.DOWN:
                    continue
                before = QUIET
            if key in self._unseen and result.outcome is Outcome.DOWN:
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
        """What only time moves: reminders, each at most once a call."""
        if now < self._looked:
            self._wake_all(now)
        self._looked = now
        due = []
        while self._wakes and self._wakes[0][0] <= now:
            moment, key = heapq.heappop(self._wakes)
            if self._due.get(key) == moment:
                due.append(key)
        for key in due:
            rule = self._rule(key)
            after, change = remind(self._states[key], rule, now)
            if change is not None:
                self._keep(key, after)
                if self._plan.notify:
                    self._say(notice.reminder(after, self._links(key)), after, after.reminders)
            self._wake(key, after, rule, earliest=now + LEAST_REMIND)

    def _wake_all(self, now: float) -> None:
        """All alarms set anew, under the rules and the clock of today."""
        self._looked = now
        self._wakes, self._due = [], {}
        for key, state in list(self._states.items()):
            if not state.firing:
                continue
            if (after := set_back(state, now)) is not state:
                self._keep(key, after)
            rule = self._rule(key)
            self._show(key, rule.severity)
            self._wake(key, after, rule)

    def _rule(self, key: tuple[str, str]) -> EffectiveRule:
        return next(rule for its, rule in self._rules[key[0]] if its == key)

    def _fired(self, key: tuple[str, str], state: AlertState, rule: EffectiveRule) -> AlertState:
        plan, watched = self._plan, self._plan.checks[key[0]]
        labels = notice.identity(plan.region, key[0], watched.kind, rule, watched.labels)
        told = routed(plan.routes, plan.notifiers, labels) if plan.notify else ()
        state = replace(state, labels=labels, told=told)
        self._states[key] = state
        self._burning.add(notice.incident_key(state))
        self._show(key, rule.severity)
        self._wake(key, state, rule)
        self._say(notice.firing(state, self._links(key)), state, 0)
        return state

    def _resolved(self, key: tuple[str, str], state: AlertState, ended: Ended) -> None:
        self._show(key, None)
        self._due.pop(key, None)
        self._unseen.discard(key)
        self._burning.discard(notice.incident_key(state))
        self._say(notice.resolved(state, self._links(key), ended), state, 0)

    def _forget(self, key: tuple[str, str], state: AlertState, now: float) -> None:
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
        """To those who were told of the firing, whatever the routes are now.

        A notifier that is not there at the moment is spared the reminders; the
        resolution waits for it.
        """
        there = state.told if said.event is Event.RESOLVED else self._plan.notifiers
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

    def _wake(
        self,
        key: tuple[str, str],
        state: AlertState,
        rule: EffectiveRule,
        *,
        earliest: float = 0.0,
    ) -> None:
        """`earliest` keeps a `tick` from being due again at once, whatever the rule says."""
        moment = wake_at(state, rule)
        if moment is None or key in self._unseen:
            return
        self._due[key] = max(moment, earliest)
        heapq.heappush(self._wakes, (self._due[key], key))
        if len(self._wakes) > 2 * len(self._due) + OUTDATED:
            self._wakes = [(due, its) for its, due in self._due.items()]
            heapq.heapify(self._wakes)

    def _links(self, key: tuple[str, str]) -> Links:
        watched = self._plan.checks.get(key[0])
        runbook = watched.runbook if watched else None
        return Links(external_url=self._plan.external_url, runbook=runbook)
