"""Is an alert only about what a check depends on?

Before such a check is told of, those that it depends on (and theirs) are asked
again. While one of them is down the alert is held back; what was seen of them
before the question does not count, unless they do not answer in time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from prober.alerts.faults import listed
from prober.alerts.hold import ASKING, IS_DOWN
from prober.alerts.state import Key
from prober.alerts.watching import Watching
from prober.result import Outcome, Result

LONGER = 5.0  # seconds that an answer may take beyond the timeout of a run
AGAIN = 30.0  # seconds after which one that was down is asked again, while others wait for it


@dataclass(slots=True)
class _Question:
    at: float
    until: float
    awaited: set[str]


class Parents:
    """The last verdicts of those that others depend on, and who waits for a new one."""

    def __init__(self, watching: Watching) -> None:
        self.asks: set[str] = set()  # checks to be looked at now
        self._watching = watching
        self._parents: frozenset[str] = frozenset()
        self._verdicts: dict[str, Outcome] = {}
        self._heard_at: dict[str, float] = {}  # or asked last
        self._questions: dict[Key, _Question] = {}

    def load(self, verdicts: Mapping[str, Outcome]) -> None:
        """Of an earlier life; nothing is told by them alone."""
        self._verdicts = dict(verdicts)

    def configure(self, parents: frozenset[str]) -> None:
        self._parents = parents
        self._verdicts = {name: it for name, it in self._verdicts.items() if name in parents}
        self._heard_at = {name: at for name, at in self._heard_at.items() if name in parents}

    def ask(self, key: Key, now: float) -> str:
        """Why it has to wait until they have answered; "" where it depends on none."""
        above = list(self._above(key[0]))
        if not above:
            return ""
        timeouts = (self._watching.watched(name).timeout for name in above)
        until = now + max(timeouts) + LONGER
        self._questions[key] = _Question(now, until, set(above))
        self.asks |= set(above)
        return ASKING + listed(above)

    def why(self, key: Key) -> str:
        """What it is held back for: a question, or a check that is down; "" where it is free."""
        above = list(self._above(key[0]))
        if above and key in self._questions:
            return ASKING + listed(above)
        for name in above:
            if self._verdicts.get(name) is Outcome.DOWN:
                return name + IS_DOWN
        return ""

    def doubt(self, key: Key, now: float) -> None:
        """It is held back still: those that are down may run seldom, and be up by now."""
        for name in self._above(key[0]):
            since = now - self._heard_at.get(name, 0.0)
            if self._verdicts.get(name) is Outcome.DOWN and not 0 <= since < AGAIN:
                self._heard_at[name] = now
                self.asks.add(name)

    def heard(self, result: Result) -> list[Key]:
        """Who need not wait any longer after this run."""
        name = result.check
        if name not in self._parents or result.outcome is Outcome.UNKNOWN:
            return []
        self._verdicts[name] = result.outcome
        self._heard_at[name] = result.started_at
        decided = []
        for key, question in self._questions.items():
            if name not in question.awaited or result.started_at < question.at:
                continue
            question.awaited.discard(name)
            if not question.awaited or result.outcome is Outcome.DOWN:
                decided.append(key)
        for key in decided:
            del self._questions[key]
        return decided

    def due_at(self, key: Key) -> float | None:
        """When it waits no longer, in Unix seconds."""
        question = self._questions.get(key)
        return question.until if question else None

    def give_up(self, key: Key, now: float) -> bool:
        """Whether it has waited long enough; from then on the last verdicts count."""
        question = self._questions.get(key)
        if question is None or now < question.until:
            return False
        del self._questions[key]
        return True

    def forget(self, key: Key) -> None:
        """It fires no more."""
        self._questions.pop(key, None)

    def set_back(self, now: float) -> None:
        """After somebody set the clock back: nobody waits for longer than before."""
        for question in self._questions.values():
            if question.at > now:
                question.until -= question.at - now
                question.at = now

    def _above(self, check: str) -> Iterator[str]:
        """What a check depends on, and what that does, each once and only what is there."""
        seen, ahead = {check}, list(self._of(check))
        while ahead:
            name = ahead.pop(0)
            if name in seen or name not in self._parents or not self._watching.has(name):
                continue
            seen.add(name)
            yield name
            ahead += self._of(name)

    def _of(self, check: str) -> Collection[str]:
        watched = self._watching
        return watched.watched(check).depends_on if watched.has(check) else ()
