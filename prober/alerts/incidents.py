"""Which alerts burn now, and what is to be said about it.

All alert states, in memory, under the plan of the day. Decides and remembers;
writes nothing, sends nothing, and is told what time it is. What has gathered
in `dirty` and `said` is taken by whoever keeps and delivers it. What concerns
very many alerts is done in slices, one at each `tick`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Set
from dataclasses import replace

from prober.alerts import notice
from prober.alerts.alarms import Alarms
from prober.alerts.faults import AGENT, FAULT, NO_VERDICT, RUNS, Faults, judged
from prober.alerts.met import met
from prober.alerts.notice import Delivery, Ended, Links, Notice
from prober.alerts.plan import Plan
from prober.alerts.route import routed
from prober.alerts.rules import LEAST_REMIND, EffectiveRule
from prober.alerts.state import QUIET, AlertState, Change, Key, advance, remind, set_back, wake_at
from prober.alerts.watching import Watching
from prober.result import Outcome, Result

CHECK_GONE = "the check was removed from the config"
RULE_GONE = "the rule was removed from the config"
SLICE = 25  # alerts that are brought in line or reminded of at once: some milliseconds


class Incidents:
    """`alerted` hears (check, rule, severity, firing) whenever that changes."""

    def __init__(self, alerted: Callable[[str, str, str, bool], None]) -> None:
        self.dirty: set[Key] = set()  # states that differ from what is kept
        self.said: list[Delivery] = []  # in order, not yet taken
        # By id: other words for firings that are told again.
        self.reworded: dict[str, Delivery] = {}
        self._alerted = alerted
        self._plan = Plan(region="")
        self._watching = Watching()
        self._looking = self._watching.looking  # itself: asked for with every result
        self._states: dict[Key, AlertState] = {}  # without those that are quiet
        self._faults = Faults()
        self._shown: dict[Key, str] = {}  # severity, as `alerted` has heard it
        self._alarms = Alarms()
        self._unseen: set[Key] = set()
        self._burning: set[str] = set()  # the incident keys of what fires
        self._strange: deque[Key] = deque()  # not yet looked at under the plan and clock of today
        self._looked = 0.0  # the wall clock when it was last looked at

    @property
    def states(self) -> Mapping[Key, AlertState]:
        """By (check, rule); one that is not there is quiet."""
        return self._states

    @property
    def burning(self) -> Set[str]:
        """The incident keys (`Notice.key`) of what fires now."""
        return self._burning

    @property
    def faulty(self) -> Mapping[str, str]:
        """The checks for which the agent's own alert fires, and the last message of each."""
        return self._faults.checks

    @property
    def next_wake(self) -> float | None:
        """When `tick` has something to do, in Unix seconds."""
        return self._looked if self._strange else self._alarms.next

    def load(self, states: Mapping[Key, AlertState]) -> None:
        """The states of an earlier life; before the first `configure`.

        Nothing is said of them: an incident goes on where it was. A reminder
        waits for the first result, since until then nobody has looked.
        """
        for key, state in states.items():
            self._set(key, state)
            if state.firing:
                self._unseen.add(key)
                self._burning.add(notice.incident_key(state))

    def join(self, states: Mapping[Key, AlertState], now: float) -> None:
        """The same, found only after `configure`: an incident that nobody has ended goes on.

        Where another one burns by now that one counts; streaks are of no use any more.
        """
        mine = self._states
        self.load(
            {
                key: state
                for key, state in states.items()
                if (state.firing and not (key in mine and mine[key].firing))
                or (key[1] == NO_VERDICT and state.streak >= RUNS and key not in mine)
            }
        )
        self.configure(self._plan, now)

    def configure(self, plan: Plan, now: float) -> None:
        """A new plan. States are kept by name; what lost its check or rule is over."""
        self._plan = plan
        self._watching.configure(plan)
        self._look_anew(now)

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
        outcome = result.finding.outcome
        if outcome is Outcome.UNKNOWN or result.check in self._faults.doubted:
            self._judge(result, now)
        for key, rule, past in self._looking.get(result.check) or self._watching.rules(
            result.check
        ):
            before = self._states.get(key)
            if past is not None:
                past.add(result, now)
            elif before is None and outcome is not Outcome.DOWN:
                continue
            if before is None:
                before = QUIET
            elif key in self._unseen and met(rule.condition, result, past, now).met:
                self._unseen.discard(key)
                self._wake(key, before, rule)
            after, change = advance(before, result, rule, now, past)
            if after is before:
                continue
            if change is Change.FIRED:
                after = self._fired(key, after, rule)
            elif change is Change.RESOLVED:
                up_since = before.up_since if before.streak else result.started_at
                self._resolved(key, before, Ended(at=now, up_since=up_since))
            self._keep(key, after)

    def tick(self, now: float) -> None:
        """What only time moves: reminders, each at most once a call; and the next slice of a plan."""
        if now < self._looked:
            self._look_anew(now)
        elif self._strange:
            self._look_on(now)
        self._looked = now
        for key in self._alarms.ringing(now, SLICE):
            rule = self._watching.rule(key)
            if rule is None:
                continue  # not yet looked at since the rule was removed
            after, change = remind(self._states[key], rule, now)
            if change is not None:
                self._keep(key, after)
                if self._plan.notify:
                    self._say(notice.reminder(after, self._links(key)), after, after.reminders)
            self._wake(key, after, rule, earliest=now + LEAST_REMIND)

    def _judge(self, result: Result, now: float) -> None:
        """Whether the agent itself is at fault about this check."""
        if result.check not in self._plan.checks:
            return
        key = (result.check, NO_VERDICT)
        before, fault = self._states.get(key, QUIET), self._states.get(FAULT, QUIET)
        after = judged(before, result)
        if after is not before:
            self._keep(key, after)
        if fault.firing:
            self._review(fault, Ended(at=now, up_since=result.started_at))
        elif after.streak >= RUNS:
            state = self._faults.fired(after, result, now)
            self._keep(FAULT, self._fired(FAULT, state, self._watching.watched(AGENT).rules[0]))

    def _review(self, fault: AlertState, ended: Ended) -> None:
        """The agent's own alert, where what is faulty may have changed."""
        if not self._faults.checks:
            self._resolved(FAULT, fault, ended)
            self._keep(FAULT, QUIET)
        elif (after := self._faults.reworded(fault)) is not fault:
            self._keep(FAULT, after)
            self._reword(FAULT, after)

    def _reword(self, key: Key, state: AlertState) -> None:
        """What nobody has taken yet is said in the new words at once."""
        said = notice.firing(state, self._links(key))
        new = {one.id: one for one in (notice.delivery(said, name, 0) for name in state.told)}
        untaken = {one.id for one in self.said}
        self.said = [new.get(one.id, one) for one in self.said]
        self.reworded |= {
            id_: replace(one, again=True) for id_, one in new.items() if id_ not in untaken
        }

    def _look_anew(self, now: float) -> None:
        """At everything, under the rules and the clock of today; all alarms are set anew."""
        self._looked = now
        self._alarms.clear()
        self._strange = deque(self._states)
        self._look_on(now)

    def _look_on(self, now: float) -> None:
        for _ in range(min(SLICE, len(self._strange))):
            key = self._strange.popleft()
            if (state := self._states.get(key)) is not None:
                self._look_at(key, state, now)
        fault = self._states.get(FAULT, QUIET)
        if fault.firing and not self._strange:  # for checks that are gone it must not burn for ever
            self._review(fault, Ended(at=now, because=CHECK_GONE))

    def _look_at(self, key: Key, state: AlertState, now: float) -> None:
        rule = self._watching.rule(key)
        if rule is None:
            if key[1] != NO_VERDICT or key[0] not in self._plan.checks:
                self._forget(key, state, now)
        elif state.firing:
            if (after := set_back(state, now)) is not state:
                self._keep(key, after)
            self._show(key, rule.severity)
            self._wake(key, after, rule)

    def _fired(self, key: Key, state: AlertState, rule: EffectiveRule) -> AlertState:
        plan, its = self._plan, self._watching.watched(key[0])
        labels = notice.identity(plan.region, key[0], its.kind, rule, its.labels)
        told = routed(plan.routes, plan.notifiers, labels) if plan.notify else ()
        state = replace(state, labels=labels, told=told)
        self._set(key, state)
        self._burning.add(notice.incident_key(state))
        self._show(key, rule.severity)
        self._wake(key, state, rule)
        self._say(notice.firing(state, self._links(key)), state, 0)
        return state

    def _resolved(self, key: Key, state: AlertState, ended: Ended) -> None:
        self._show(key, None)
        self._alarms.drop(key)
        self._unseen.discard(key)
        self._burning.discard(notice.incident_key(state))
        self._say(notice.resolved(state, self._links(key), ended), state, 0)

    def _forget(self, key: Key, state: AlertState, now: float) -> None:
        self._keep(key, QUIET)
        if state.firing:
            because = RULE_GONE if key[0] in self._plan.checks else CHECK_GONE
            self._resolved(key, state, Ended(at=now, because=because))

    def _keep(self, key: Key, state: AlertState) -> None:
        self.dirty.add(key)
        self._set(key, state)

    def _set(self, key: Key, state: AlertState) -> None:
        if state == QUIET:
            self._states.pop(key, None)
        else:
            self._states[key] = state
        if key[1] == NO_VERDICT:
            self._faults.note(key[0], state)

    def _say(self, said: Notice, state: AlertState, nth: int) -> None:
        """To those who were told of the firing, whatever the routes are now.

        A notifier that is not there at the moment is spared the reminders; the
        resolution waits for it.
        """
        there = state.told if said.event.is_over else self._plan.notifiers
        self.said += [notice.delivery(said, name, nth) for name in state.told if name in there]

    def _show(self, key: Key, severity: str | None) -> None:
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
        self, key: Key, state: AlertState, rule: EffectiveRule, *, earliest: float = 0.0
    ) -> None:
        """`earliest` keeps a `tick` from being due again at once, whatever the rule says."""
        moment = wake_at(state, rule)
        if moment is not None and key not in self._unseen:
            self._alarms.set(key, max(moment, earliest))

    def _links(self, key: Key) -> Links:
        its = self._plan.checks.get(key[0])
        runbook = its.runbook if its else None
        return Links(external_url=self._plan.external_url, runbook=runbook)
