"""What is wrong with the agent itself, and who hears of it?

    agent-fault   while it gets no verdict on a check (faults.py)
    store         while its store has been gone for a minute
    undelivered   from a notice that was given up until that notifier accepts one
    offline       it was cut off; told when it is back, and over a while later

They are alerts like any other, without a check, moved by what other parts say.
Which notifiers an alert is about is kept with its state, and so outlives the agent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from prober.alerts.book import Book, is_held
from prober.alerts.faults import AGENT, FAULT, NO_VERDICT, OWN, RUNS, judged
from prober.alerts.notice import Ended
from prober.alerts.rules import EffectiveRule
from prober.alerts.saying import Saying
from prober.alerts.state import QUIET, AlertState, Key
from prober.alerts.telling import Telling
from prober.alerts.watching import Watching
from prober.errors import ProberError
from prober.result import Result

OFFLINE, STORE, UNDELIVERED = "offline", "store", "undelivered"
STORE_GONE = 60.0  # seconds until anybody is told
TOLD_OFFLINE = 300.0  # seconds for which it is told that it was offline
NOTIFIER_GONE = "the notifier was removed from the config"
_ABOUT = "about "  # before the name of a notifier, among an alert's details: what it has lost


class Own:
    def __init__(self, *, book: Book, saying: Saying, telling: Telling, watching: Watching) -> None:
        self._book = book
        self._saying = saying
        self._telling = telling
        self._watching = watching
        # By alert and by what it is about: since when, and what.
        self._troubles: dict[str, dict[str, tuple[float, str]]] = {name: {} for name in OWN}
        self._well: set[str] = set()  # what was last said to be in no trouble, in this life

    @property
    def next(self) -> float | None:
        """When `tick` has something to do."""
        moments = []
        if (gone := self._troubles[STORE].get("")) and not self._fires(STORE):
            moments.append(gone[0] + STORE_GONE)
        if (until := self._told_until()) is not None:
            moments.append(until)
        return min(moments, default=None)

    def load(self, states: Mapping[Key, AlertState]) -> None:
        """What the alerts of an earlier life are about. What is known by now counts more."""
        state = states.get((AGENT, UNDELIVERED), QUIET)
        if not state.firing:
            return
        found = {
            about: (state.since or 0.0, text)
            for name, text in state.details.items()
            if name.startswith(_ABOUT) and (about := name.removeprefix(_ABOUT)) not in self._well
        }
        self._troubles[UNDELIVERED] = {**found, **self._troubles[UNDELIVERED]}

    def put(self, name: str, trouble: str | None, now: float, about: str = "") -> None:
        """`trouble` is what is wrong, None: nothing. `about` is the part that it is wrong with.

        None without `about` means that nothing of it is wrong any more.
        """
        if name not in OWN or name == FAULT[1]:
            raise ProberError(f"no alert {name!r} of the agent's own")
        troubles = self._troubles[name]
        if name == OFFLINE:
            if trouble is not None:
                self._offline(trouble, now)
        elif trouble is not None:
            self._well.discard(about)
            since = troubles[about][0] if about in troubles else now
            troubles[about] = (since, trouble)
            if name != STORE or self._fires(name):
                self._wrong(name, now)
        else:
            self._well.add(about)
            if about:
                troubles.pop(about, None)
            else:
                troubles.clear()
            self._righted(name, Ended(at=now, up_since=now), now)

    def tick(self, now: float) -> None:
        moment = self.next
        if moment is None or now < moment:
            return
        if (gone := self._troubles[STORE].get("")) and now >= gone[0] + STORE_GONE:
            self._wrong(STORE, now)
        if (until := self._told_until()) is not None and now >= until:
            self._righted(OFFLINE, Ended(at=now), now)

    def set_back(self, now: float) -> None:
        """After somebody set the clock back to `now`."""
        key = (AGENT, OFFLINE)
        if (state := self._book.get(key)).firing and _back_since(state) > now:
            self._book.keep(key, replace(state, up_since=now))
        for troubles in self._troubles.values():
            for about, (since, text) in troubles.items():
                troubles[about] = (min(since, now), text)

    def keep(self, notifiers: Collection[str], now: float) -> None:
        """A notifier that has left the config is in no trouble."""
        troubles = self._troubles[UNDELIVERED]
        state = self._book.get((AGENT, UNDELIVERED))
        if state.firing and not troubles:  # of a prober that did not write down whom it is about
            suspects = [one for one in _suspects(state, notifiers) if one not in self._well]
            troubles |= dict.fromkeys(suspects, (state.since or 0.0, ""))
        gone = [name for name in troubles if name and name not in notifiers]
        for name in gone:
            del troubles[name]
        if gone or not troubles:
            is_gone = bool(gone) or not notifiers
            ended = Ended(at=now, because=NOTIFIER_GONE) if is_gone else Ended(at=now, up_since=now)
            self._righted(UNDELIVERED, ended, now)

    def judge(self, result: Result, now: float) -> None:
        """Whether the agent itself is at fault about this check."""
        if result.check not in self._saying.plan.checks:
            return
        key = (result.check, NO_VERDICT)
        before, fault = self._book.get(key), self._book.get(FAULT)
        after = judged(before, result)
        if after is not before:
            self._book.keep(key, after)
        if fault.firing:
            self.review(Ended(at=now, up_since=result.started_at), now)
            if after.streak >= RUNS:
                self._goes_on(FAULT, now)
        elif after.streak >= RUNS:
            state = self._book.faults.fired(after, result, now)
            self._telling.fired(FAULT, state, self._rule(FAULT[1]), now)

    def review(self, ended: Ended, now: float) -> None:
        """The alert of faults, where what is faulty may have changed."""
        fault = self._book.get(FAULT)
        if not fault.firing:
            return
        if not self._book.faults.checks:
            self._end(FAULT, fault, ended, now)
        elif (after := self._book.faults.reworded(fault)) is not fault:
            self._reword(FAULT, after)

    def _offline(self, trouble: str, now: float) -> None:
        """Nobody can hear of it before it is over, so it is news for a while and then over."""
        key = (AGENT, OFFLINE)
        state = self._book.get(key)
        if state.firing:
            self._reword(key, replace(state, last_message=trouble, up_since=now))
            self._goes_on(key, now)
        else:
            self._fire(OFFLINE, now, trouble, now)

    def _told_until(self) -> float | None:
        """How long it is told that it was offline; None where it is not."""
        state = self._book.get((AGENT, OFFLINE))
        if not state.firing:
            return None
        return _back_since(state) + TOLD_OFFLINE

    def _wrong(self, name: str, now: float) -> None:
        troubles = self._troubles[name]
        text = "; ".join(filter(None, (text for _, text in troubles.values())))
        about = {_ABOUT + part: text for part, (_, text) in troubles.items() if part}
        key = (AGENT, name)
        state = self._book.get(key)
        if not state.firing:
            since = min(since for since, _ in troubles.values())
            self._fire(name, since, text, now, about)
            return
        after = replace(state, last_message=text or state.last_message, details=about)
        if after != state:
            self._reword(key, after)
        self._goes_on(key, now)

    def _goes_on(self, key: Key, now: float) -> None:
        """An alert of an earlier life, as this one has seen by now: what waits for that may go on."""
        state = self._book.get(key)
        if key in self._book.unseen and state.firing:
            rule = self._rule(key[1])
            self._telling.seen(key, state, rule, now)
            if is_held(state):
                self._telling.release(key, state, rule, now)

    def _righted(self, name: str, ended: Ended, now: float) -> None:
        key = (AGENT, name)
        state = self._book.get(key)
        if not state.firing:
            return
        if self._troubles[name]:
            self._wrong(name, now)
        else:
            self._end(key, state, ended, now)

    def _fire(
        self, name: str, since: float, text: str, now: float, about: Mapping[str, str] | None = None
    ) -> None:
        state = AlertState(
            incident=f"{now * 1000:.0f}",
            since=since,
            fired_at=now,
            notified_at=now,
            up_since=now if name == OFFLINE else None,
            first_message=text,
            last_message=text,
            details=about or {},
        )
        self._telling.fired((AGENT, name), state, self._rule(name), now)

    def _end(self, key: Key, state: AlertState, ended: Ended, now: float) -> None:
        self._book.keep(key, QUIET)
        self._telling.over(key, state, ended, now)

    def _reword(self, key: Key, state: AlertState) -> None:
        self._book.keep(key, state)
        self._saying.reword(key, state)

    def _rule(self, name: str) -> EffectiveRule:
        rules = self._watching.watched(AGENT).rules
        return next(rule for rule in rules if rule.name == name)

    def _fires(self, name: str) -> bool:
        return self._book.get((AGENT, name)).firing


def _back_since(state: AlertState) -> float:
    """When it was last told that the agent is connected again."""
    return state.fired_at or 0.0 if state.up_since is None else state.up_since


def _suspects(state: AlertState, notifiers: Collection[str]) -> Collection[str]:
    """Whom an alert may be about that does not say: those whom its words name, or else all."""
    named = [name for name in notifiers if f" to {name}: " in state.last_message]
    return named or notifiers
