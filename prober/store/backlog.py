"""What has yet to be written, and what is to be written if the file turns out to be a new one.

Mostly that is what is new since the last commit. After a commit that failed,
after a change of files and at the start it is the whole truth: all states, all
open deliveries, and that nothing else is. Then nobody has to know what the
file held; and while the store is gone nothing has to be gathered but results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from itertools import islice

from prober.alerts.decisions import Entry, Mute
from prober.alerts.notice import Delivery
from prober.alerts.records import Record
from prober.alerts.state import QUIET, AlertState, Key
from prober.result import Outcome, Result
from prober.store.batch import Batch
from prober.store.history import CheckState
from prober.store.kept import Kept
from prober.store.outbox import CLAIMED, Mark

MOST = 1000  # results in one transaction
RESULTS = 20_000  # that wait for the store; the oldest go first
OPEN = 50_000  # deliveries that would be written to a new file; the oldest go first
NEWS = 10_000  # deliveries or marks: where more wait than that, the whole truth is less to write


class Backlog:
    """`lost` hears how many rows were given up because too many waited."""

    def __init__(self, lost: Callable[[int], None]) -> None:
        self._lost = lost
        self._results: deque[Result] = deque()
        self._checks: dict[str, CheckState] = {}
        self._moved: dict[tuple[str, Outcome], CheckState] = {}
        self._open: dict[str, Delivery] = {}  # neither delivered nor given up
        self._said: dict[str, Delivery] = {}  # not yet written
        self._marks: list[Mark] = []
        self._claimed: dict[str, Mark] = {}
        self._kept = Kept(lost)
        self._whole = False

    def __bool__(self) -> bool:
        news = (self._results, self._moved, self._said, self._marks, self._kept)
        return self._whole or any(news)

    @property
    def results(self) -> int:
        return len(self._results)

    @property
    def mutes(self) -> Mapping[str, Mute]:
        """By id; some may be over by now."""
        return self._kept.mutes

    def load(
        self,
        undelivered: Iterable[Delivery],
        since: Mapping[str, CheckState],
        mutes: Iterable[Mute] = (),
    ) -> None:
        """What an earlier life left. The first commit of this one says all of it again."""
        self._open = {one.id: one for one in undelivered}
        self._checks = dict(since)
        self._kept.load(mutes)
        self.owe_whole()

    def join(
        self,
        undelivered: Iterable[Delivery],
        since: Mapping[str, CheckState],
        mutes: Iterable[Mute] = (),
    ) -> None:
        """The same, found late: what is known by now counts more."""
        self._open = {**{one.id: one for one in undelivered}, **self._open}
        for name, found in since.items():
            known = self._checks.get(name)
            if known is not None and known.state is found.state and found.since < known.since:
                self._checks[name] = found
        self._kept.join(mutes)
        self.owe_whole()

    def watch(self, checks: Collection[str]) -> None:
        """Those that the config has; the others are forgotten."""
        self._checks = {name: state for name, state in self._checks.items() if name in checks}

    def add(self, result: Result) -> None:
        """Called a thousand times a second."""
        self._results.append(result)
        if len(self._results) > RESULTS:
            self._results.popleft()
            self._lost(1)
        known = self._checks.get(result.check)
        if known is None or known.state is not result.finding.outcome:
            self._note_verdict(result)

    def say(self, deliveries: Sequence[Delivery]) -> None:
        new = {one.id: one for one in deliveries}
        self._open |= new
        if (surplus := len(self._open) - OPEN) > 0:
            for id_ in list(islice(self._open, surplus)):
                del self._open[id_]
            self._lost(surplus)
        if not self._whole:
            self._said |= new
            if len(self._said) > NEWS:
                self.owe_whole()

    def keep(
        self,
        incidents: Iterable[Record] = (),
        mutes: Mapping[str, Mute | None] | None = None,
        audit: Iterable[Entry] = (),
    ) -> None:
        """For whoever asks later. A mute that is None is over."""
        self._kept.note(incidents, mutes or {}, audit)

    def mark(self, mark: Mark) -> None:
        if mark.status == CLAIMED:  # it stays open: a new file has to hear of both
            self._claimed[mark.id] = mark
        else:
            self._open.pop(mark.id, None)
            self._claimed.pop(mark.id, None)
        self._marks.append(mark)
        if len(self._marks) > NEWS:
            # What is not open is closed by the whole truth, if without the reason.
            del self._marks[: NEWS // 2]
            self.owe_whole()

    def owe_whole(self) -> None:
        """The next batch says everything, so what is new need not be known apart."""
        self._whole = True
        self._moved, self._said = {}, {}

    def take(self, states: Mapping[Key, AlertState], dirty: Set[Key], now: float) -> Batch:
        """The next transaction; `put_back` is to be told if it fails."""
        whole, self._whole = self._whole, False
        moved, self._moved = self._moved, {}
        said, self._said = self._said, {}
        marks, self._marks = self._marks, []
        incidents, mutes, audit = self._kept.take(now, whole=whole)
        count = min(MOST, len(self._results))
        return Batch(
            results=[self._results.popleft() for _ in range(count)],
            checks=tuple((self._checks if whole else moved).values()),
            states=dict(states) if whole else {key: states.get(key, QUIET) for key in dirty},
            deliveries=tuple((self._open if whole else said).values()),
            marks=[*self._claimed.values(), *marks] if whole else marks,
            incidents=incidents,
            mutes=mutes,
            audit=audit,
            whole=now if whole else None,
        )

    def put_back(self, batch: Batch) -> None:
        """As if it had never been taken. Should it be in the file all the same: ids are the same."""
        self._results.extendleft(reversed(batch.results))
        if (surplus := len(self._results) - RESULTS) > 0:
            for _ in range(surplus):
                self._results.popleft()
            self._lost(surplus)
        self._marks = [*batch.marks, *self._marks]
        self._kept.put_back(batch.incidents, batch.audit)
        self.owe_whole()

    def _note_verdict(self, result: Result) -> None:
        if result.outcome is Outcome.UNKNOWN:
            return
        state = CheckState(check=result.check, state=result.outcome, since=result.started_at)
        self._checks[result.check] = state
        if not self._whole:
            # In the order of time, and no more than two a check however long the store stalls.
            self._moved.pop((state.check, state.state), None)
            self._moved[state.check, state.state] = state
