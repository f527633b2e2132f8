"""Which alerts burn now, and what is to be said about it.

All alert states, in memory, under the plan of the day. Decides and remembers;
writes nothing, sends nothing, and is told what time it is. What has gathered
in `dirty`, `said` and `records` is taken by whoever keeps and delivers it. What
concerns very many alerts is done in slices, one at each `tick`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace

from prober.alerts.announced import Announced, is_remark
from prober.alerts.book import Book, is_held, is_owed
from prober.alerts.deciding import Decided, Deciding
from prober.alerts.decisions import Decision, Mute
from prober.alerts.depend import Parents
from prober.alerts.faults import NO_VERDICT, RUNS
from prober.alerts.hold import FREE, Holding
from prober.alerts.met import met
from prober.alerts.notice import Delivery, Ended
from prober.alerts.own import OFFLINE, Own
from prober.alerts.plan import CHECK_GONE, Plan
from prober.alerts.rules import EffectiveRule
from prober.alerts.saying import Saying
from prober.alerts.state import QUIET, AlertState, Change, Key, advance, set_back, well_since
from prober.alerts.telling import Telling
from prober.alerts.watching import Watching
from prober.result import Outcome, Result

SLICE = 25  # alerts that are brought in line or reminded of at once: some milliseconds


class Incidents:
    """`alerted` hears (check, rule, severity, firing) whenever that changes, `ended` how it ended.

    `holding` says what nobody is told of for now, `last_good` when a check was
    last up.
    """

    def __init__(
        self,
        alerted: Callable[[str, str, str, bool], None],
        *,
        ended: Callable[[Key, AlertState, Ended], None] = lambda *_: None,
        holding: Holding = FREE,
        last_good: Callable[[str], float | None] = lambda _: None,
    ) -> None:
        self.book = Book(alerted)
        self.watching = Watching()
        self._parents = Parents(self.watching)
        self.asks = self._parents.asks  # checks to be looked at now; whoever does takes them out
        self.saying = Saying(last_good, lambda check: self._telling.children(check))
        self._telling = Telling(
            book=self.book,
            saying=self.saying,
            watching=self.watching,
            parents=self._parents,
            holding=holding,
            ended=ended,
        )
        self.own_alerts = Own(
            book=self.book, saying=self.saying, telling=self._telling, watching=self.watching
        )
        self.deciding = Deciding(book=self.book, telling=self._telling, holding=holding)
        self._announced = Announced(self.book, self.saying)
        self._plan = Plan(region="")
        # Themselves: asked for with every result.
        self._looking, self._states = self.watching.looking, self.book.states
        self._strange: deque[Key] = deque()  # to be looked at under the plan, clock, holds of today
        self._looked = 0.0  # the wall clock when it was last looked at

    @property
    def states(self) -> Mapping[Key, AlertState]:
        """By (check, rule); one that is not there is quiet."""
        return self.book.states

    @property
    def burning(self) -> Set[str]:
        """The incident keys (`Notice.key`) of what fires now, or whose end is yet to be told."""
        return self.book.burning

    @property
    def faulty(self) -> Mapping[str, str]:
        """The checks for which the agent's own alert fires, and the last message of each."""
        return self.book.faults.checks

    @property
    def next_wake(self) -> float | None:
        """When `tick` has something to do, in Unix seconds."""
        if self._strange or self._telling.blamed:
            return self._looked
        moments = (
            self.book.alarms.next,
            self._telling.next,
            self.own_alerts.next,
            self._announced.next,
        )
        return min((one for one in moments if one is not None), default=None)

    def load(
        self,
        states: Mapping[Key, AlertState],
        mutes: Iterable[Mute] = (),
        verdicts: Mapping[str, Outcome] | None = None,
    ) -> None:
        """What an earlier life left; before the first `configure`.

        Nothing is said of them: an incident goes on where it was. A reminder
        waits for the first result, since until then nobody has looked.
        """
        self.book.load(states)
        self.own_alerts.load(states)
        self.deciding.load(mutes)
        if verdicts:
            self._parents.load(verdicts)

    def join(
        self, states: Mapping[Key, AlertState], now: float, mutes: Iterable[Mute] = ()
    ) -> None:
        """The same, found only after `configure`: an incident that nobody has ended goes on.

        Where another one burns by now that one counts; streaks are of no use any more.
        """
        mine = self.book.states
        late = {
            key: state
            for key, state in states.items()
            if (state.firing and not (key in mine and mine[key].firing))
            or (key[1] == NO_VERDICT and state.streak >= RUNS and key not in mine)
        }
        self.load(late, mutes)
        self.configure(self._plan, now)

    def configure(self, plan: Plan, now: float) -> None:
        """A new plan. States are kept by name; what lost its check or rule is over."""
        self._plan = self.saying.plan = plan
        self.watching.configure(plan)
        self._parents.configure(plan.parents)
        self.book.configure(plan.parents)
        self.own_alerts.keep(plan.notifiers, now)
        self._announced.configure(now)
        self._look_anew(now)

    def standing(self) -> list[Delivery]:
        """The firings of what burns now, to whom they were told and by the ids they had then."""
        return self.saying.standing(self.book.firing())

    def lapse(self, keys: Iterable[Key], now: float) -> None:
        """What these fired by is too old to count, and their checks were up when last seen."""
        for key in keys:
            self._telling.lapsed(key, now)

    def decide(self, decision: Decision, now: float) -> Decided:
        """Raises ProberError where it is refused."""
        decided = self.deciding.decide(decision, now)
        self._look_at_holds(now)
        return decided

    def own(self, name: str, trouble: str | None, now: float, about: str = "") -> None:
        """The agent itself: `trouble` is what is wrong with it now, None: nothing.

        `name` is store, undelivered or offline (told when it is back); `about`
        tells several notifiers apart.
        """
        self.own_alerts.put(name, trouble, now, about)
        if name == OFFLINE:  # what was held back meanwhile may be free
            self._look_at_holds(now)

    def put(self, result: Result, now: float) -> bool:
        """One result moves the states of its check; whether there may be something to say or to ask.

        A thousand times a second: no work if all is well.
        """
        outcome = result.finding.outcome
        moved = False
        if outcome is Outcome.UNKNOWN or result.check in self.book.beside:
            self._beside(result, now)
            moved = True
        for key, rule, past in self._looking.get(result.check) or self.watching.rules(result.check):
            before = self._states.get(key)
            if past is not None:
                past.add(result, now)
            elif before is None and outcome is not Outcome.DOWN:
                continue
            if before is None:
                before = QUIET
            elif key in self.book.unseen and met(rule.condition, result, past, now).met:
                self._telling.seen(key, before, rule, now)
            after, change = advance(before, result, rule, now, past)
            if change is not None or (after.held and is_held(after)):
                self._moved(key, before, after, change, result, rule, now)
                moved = True
            elif after is not before:
                self.book.keep(key, after)
                if after.changes:  # how long they count may have moved
                    self._telling.wake(key, after, rule)
        return moved

    def tick(self, now: float) -> None:
        """What only time moves: reminders, each at most once a call; and the next slice of a plan."""
        if now < self._looked:
            self._parents.set_back(now)
            self.own_alerts.set_back(now)
            self._look_anew(now)
        elif (change := self._telling.next) is not None and change <= now:
            self._look_at_holds(now)
        elif self._strange:
            self._look_on(now)
        self._looked = now
        for key in self.book.alarms.ringing(now, SLICE):
            if key in self.book.states:
                self._telling.in_time(key, now)
        self.own_alerts.tick(now)
        self._announced.tick(now)
        if not self._strange:
            self._telling.reword()

    def _beside(self, result: Result, now: float) -> None:
        """What a run means for others than its own check."""
        self.own_alerts.judge(result, now)
        self._strange += self._parents.heard(result)

    def _moved(
        self,
        key: Key,
        before: AlertState,
        after: AlertState,
        change: Change | None,
        result: Result,
        rule: EffectiveRule,
        now: float,
    ) -> None:
        """A run has made an alert something else, or it is held back and the run was none of ours."""
        telling = self._telling
        if change is Change.FIRED:
            telling.fired(key, after, rule, now)
            return
        if after is not before:
            self.book.keep(key, after)
        if change is Change.RESOLVED:
            ended = Ended(at=now, up_since=well_since(before, result))
            telling.over(key, before, ended, now)
        elif change is Change.FLAPPING:
            telling.flaps(key, after, rule, now)
        elif is_held(after) and result.outcome is not Outcome.UNKNOWN:
            telling.release(key, after, rule, now)
        telling.wake(key, self.book.get(key), rule)

    def _look_at_holds(self, now: float) -> None:
        """Something may be held back no longer."""
        self._strange += self._telling.turned(now)
        self._look_on(now)

    def _look_anew(self, now: float) -> None:
        """At everything, under the rules and the clock of today; all alarms are set anew."""
        self._looked = now
        self.book.alarms.clear()
        ends_first = sorted(self.book.states, key=lambda key: not is_owed(key))
        self._telling.turned(now)
        self._strange = deque(ends_first)
        self._look_on(now)

    def _look_on(self, now: float) -> None:
        for _ in range(min(SLICE, len(self._strange))):
            key = self._strange.popleft()
            if (state := self.book.states.get(key)) is not None:
                self._look_at(key, state, now)
        if not self._strange:  # for checks that are gone it must not burn for ever
            self.own_alerts.review(Ended(at=now, because=CHECK_GONE), now)

    def _look_at(self, key: Key, state: AlertState, now: float) -> None:
        if is_owed(key):
            self._telling.pay(key, state, now)
            return
        rule = self.watching.rule(key)
        if rule is None:
            is_kept = key[1] == NO_VERDICT and key[0] in self._plan.checks
            if not is_kept and not is_remark(key):
                self._forget(key, state, now)
        elif state.firing:
            after = set_back(state, now)
            if after.told_at is not None and after.told_at > now:
                after = replace(after, told_at=now)
            if after is not state:
                self.book.keep(key, after)
            self.book.show(key, rule.severity)
            if is_held(after):
                self._telling.release(key, after, rule, now)
            self._telling.wake(key, self.book.get(key), rule)
        elif state.changes:
            self._telling.wake(key, state, rule)

    def _forget(self, key: Key, state: AlertState, now: float) -> None:
        self.book.keep(key, QUIET)
        if state.firing:
            because = self._plan.gone(key[0])
            self._telling.over(key, state, Ended(at=now, because=because), now)
