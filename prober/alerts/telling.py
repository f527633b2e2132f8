"""Who is told of what an alert does, and when?

    fires, nothing holds it back    told at once
    fires, something holds it back  told at the end of that, if it is still bad then
    is over, and was told           told; inside of a hold: at the end of that
    is over, and was not told       nobody hears of it

An end that is owed is kept under a name of its own, since the alert may fire
again meanwhile: that is not told before the end is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from prober.alerts import escalation, notice
from prober.alerts.book import Book, is_held, is_owed, owed
from prober.alerts.depend import Parents
from prober.alerts.faults import listed
from prober.alerts.hold import AFTER, ASKING, IS_DOWN, Holding
from prober.alerts.moves import Change, Phase
from prober.alerts.notice import Ended
from prober.alerts.rules import LEAST_REMIND, EffectiveRule
from prober.alerts.saying import Saying
from prober.alerts.state import QUIET, AlertState, Key, elapse, lapse, wake_at, well_since
from prober.alerts.watching import Watching

_BAD = (Phase.FIRING, Phase.PENDING)  # where the last run was


class Telling:
    def __init__(
        self,
        *,
        book: Book,
        saying: Saying,
        watching: Watching,
        parents: Parents,
        holding: Holding,
        ended: Callable[[Key, AlertState, Ended], None],
    ) -> None:
        self._book = book
        self._saying = saying
        self._watching = watching
        self._parents = parents
        self._holding = holding
        self._ended = ended
        self.blamed: set[str] = set()  # checks for which something else is held back by now
        self._quiet: dict[Key, None] = {}  # that would have said more, had there been no hold
        self._changes_at: float | None = None  # when a hold may begin or end by time alone

    @property
    def next(self) -> float | None:
        """When a hold may be over."""
        return self._changes_at if self._book.waiting or self._quiet else None

    def children(self, check: str) -> str:
        """What is held back because this check is down."""
        if check not in self._saying.plan.parents:
            return ""
        states = self._book.states
        names = (key[0] for key in self._book.waiting if states[key].held == check + IS_DOWN)
        return listed(dict.fromkeys(names))

    def reword(self) -> None:
        """The alerts of checks for which something else is held back by now."""
        if not self.blamed:
            return
        for key, state in list(self._book.firing()):
            if key[0] in self.blamed and state.told and not is_owed(key):
                self._saying.reword(key, state)
        self.blamed.clear()

    def turned(self, now: float) -> list[Key]:
        """Whom a change of the holds may concern, owed ends first; asked where there may be one."""
        self._changes_at = self._holding.next(now)
        keys = sorted(self._book.waiting, key=lambda key: self._book.states[key].ended_at is None)
        keys += self._quiet
        self._quiet.clear()
        return keys

    def fired(self, key: Key, state: AlertState, rule: EffectiveRule, now: float) -> None:
        its, plan = self._watching.watched(key[0]), self._saying.plan
        labels = notice.identity(plan.region, key[0], its.kind, rule, its.labels)
        state = replace(state, labels=labels)
        self._book.keep(key, state)  # before anybody hears of it
        self._book.burning.add(notice.incident_key(state))
        self._book.show(key, rule.severity)
        why = self._holding.why(key[0], labels, now) or self._parents.ask(key, now)
        if why:
            state = replace(state, held=why, notified_at=None)
            self._book.keep(key, state)
            self._saying.fired(key, state)
            self._changes_at = self._holding.next(now)
            self.wake(key, state, rule)
        else:
            self._tell(key, state, rule, now)

    def seen(self, key: Key, state: AlertState, rule: EffectiveRule, now: float) -> None:
        """The first run since the start says that an alert of an earlier life goes on."""
        self._book.unseen.discard(key)
        if is_held(state) and state.held.startswith(ASKING):
            self._parents.ask(key, now)  # nobody has heard the answer
        self.wake(key, state, rule)

    def release(self, key: Key, state: AlertState, rule: EffectiveRule, now: float) -> None:
        """Told now, if nothing holds it back any more and the last run was bad."""
        if key in self._book.unseen or state.below not in _BAD:
            return
        why = self._holding.why(key[0], state.labels, now) or self._parents.why(key)
        if not why and not _is_asked(state.held) and (why := self._parents.ask(key, now)):
            why += AFTER + state.held
        if why.endswith(IS_DOWN):
            self._parents.doubt(key, now)
        if not why:
            self._tell(key, state, rule, now)
        elif why != state.held.partition(AFTER)[0]:
            self._blame(state.held, why)
            state = replace(state, held=why)
            self._book.keep(key, state)
            self._saying.fired(key, state)

    def over(self, key: Key, state: AlertState, ended: Ended, now: float) -> None:
        """`state` is the one before it became quiet; what is left of it has been kept."""
        self._book.over(key)
        self._ended(key, state, ended)
        self._parents.forget(key)
        self._blame(state.held)
        self._quiet.pop(key, None)
        self._saying.over(key, state, ended)
        if state.told and self._holding.why(key[0], state.labels, now):
            end = replace(
                state, ended_at=ended.at, up_since=ended.up_since, because=ended.because, streak=0
            )
            self._book.keep(owed(key), end)
            self._changes_at = self._holding.next(now)
            return
        self._book.burning.discard(notice.incident_key(state))
        self._saying.tell_end(key, state, ended, now)

    def pay(self, key: Key, state: AlertState, now: float) -> None:
        """An end that was owed under `key` is told, if nothing holds it back any more."""
        if not self._holding.why(key[0], state.labels, now):
            self._pay(key, state, now)

    def in_time(self, key: Key, now: float) -> None:
        """What only time does to an alert: reminders, escalation, calm, and nobody answered."""
        rule, state = self._watching.rule(key), self._book.get(key)
        if rule is None:
            return  # not yet looked at since the rule was removed
        if self._parents.give_up(key, now) and is_held(state):
            self.release(key, state, rule, now)
            self.wake(key, self._book.get(key), rule)
            return
        held = is_held(state) or self._holding.why(key[0], state.labels, now) != ""
        after, change = elapse(state, _timed(state, rule, held=held), now)
        if after is not state:
            self._book.keep(key, after)
        if change is Change.RESOLVED:
            self.over(key, state, Ended(at=now, up_since=well_since(state, None)), now)
            self.wake(key, after, rule)
            return
        if held and not is_held(state):
            self._quiet[key] = None
        elif not held:
            if change is Change.REMINDED and self._saying.plan.notify:
                self._saying.reminded(key, after)
            after = self._escalate(key, after, now)
        self.wake(key, after, rule, earliest=now + LEAST_REMIND, held=held)

    def lapsed(self, key: Key, now: float) -> None:
        """What it fired by is too old to count, and its check was up when it was last seen."""
        rule, state = self._watching.rule(key), self._book.get(key)
        if rule is None:
            return
        after, change = lapse(state, rule, now)
        if change is Change.RESOLVED:
            self._book.keep(key, after)
            self.over(key, state, Ended(at=now, up_since=well_since(state, None)), now)
            self.wake(key, after, rule)

    def flaps(self, key: Key, state: AlertState, rule: EffectiveRule, now: float) -> None:
        """It is held open from now on; kept already."""
        quietly = is_held(state) or self._holding.why(key[0], state.labels, now) != ""
        self._saying.flaps(key, state, quietly=quietly)
        self.wake(key, state, rule)

    def acknowledged(self, key: Key, state: AlertState, comment: str, now: float) -> None:
        """Somebody looks after it: no more is said before it is over."""
        self._book.keep(key, state)
        self._book.alarms.drop(key)
        quietly = is_held(state) or self._holding.why(key[0], state.labels, now) != ""
        self._saying.acknowledged(key, state, comment, quietly=quietly)
        if (rule := self._watching.rule(key)) is not None:
            self.wake(key, state, rule)

    def wake(
        self,
        key: Key,
        state: AlertState,
        rule: EffectiveRule,
        *,
        earliest: float = 0.0,
        held: bool = False,
    ) -> None:
        """`earliest` keeps a `tick` from being due again at once, whatever the rule says."""
        if key in self._book.unseen:
            return
        moments = [wake_at(state, _timed(state, rule, held=held)), self._parents.due_at(key)]
        if not held:
            moments.append(escalation.next_at(self._saying.plan.routes, state))
        moment = min((one for one in moments if one is not None), default=None)
        if moment is not None:
            self._book.alarms.set(key, max(moment, earliest))

    def _tell(self, key: Key, state: AlertState, rule: EffectiveRule, now: float) -> None:
        if (end := self._book.states.get(owed(key))) is not None:
            self._pay(owed(key), end, now)
        self._blame(state.held)
        told = self._saying.plan.routed(state.labels, now)
        asked = state.held.startswith(ASKING)
        held = state.held.partition(AFTER)[2] if asked else state.held
        state = replace(state, told=told, told_at=now, notified_at=now, held=held)
        self._book.keep(key, state)
        self._saying.fired(key, state)
        self.wake(key, state, rule)

    def _blame(self, *why: str) -> None:
        self.blamed |= {one.removesuffix(IS_DOWN) for one in why if one.endswith(IS_DOWN)}

    def _pay(self, key: Key, state: AlertState, now: float) -> None:
        self._book.keep(key, QUIET)
        self._book.burning.discard(notice.incident_key(state))
        ended = Ended(at=state.ended_at or now, up_since=state.up_since, because=state.because)
        self._saying.tell_end(key, state, ended, now)

    def _escalate(self, key: Key, state: AlertState, now: float) -> AlertState:
        plan = self._saying.plan
        reached, names = escalation.due(plan.routes, state, now)
        if reached == state.escalated or not plan.notify:
            return state
        there = [name for name in names if name in plan.notifiers]
        new = [name for name in there if name not in state.told]
        after = replace(state, escalated=reached, told=(*state.told, *new))
        self._book.keep(key, after)
        self._saying.escalated(key, after, there, state.told, now)
        return after


def _is_asked(held: str) -> bool:
    """Whether what it depends on has been asked since it fired."""
    return held.startswith(ASKING) or held.endswith(IS_DOWN)


def _timed(state: AlertState, rule: EffectiveRule, *, held: bool) -> EffectiveRule:
    """The rule as it counts for time: nobody is reminded of what somebody looks after."""
    if rule.remind is not None and (held or state.acked_at is not None):
        return replace(rule, remind=None)
    return rule
