"""What becomes of a result: history, alert states, and what is to be said to whom.

`put` decides at once, in memory, and writes nothing. `run` writes what has
gathered in one transaction, and only then hands new deliveries on. Where the
store is gone they are handed on from memory, each once, and everything is
written when it is back: a full disk must not silence the pager.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from prober.alerts.incidents import Incidents, Plan, Watched
from prober.alerts.notice import Delivery
from prober.alerts.state import QUIET, AlertState
from prober.clock import Clock
from prober.result import Outcome, Result
from prober.store.batch import Batch
from prober.store.database import Store, StoreError
from prober.store.history import CheckState
from prober.store.outbox import Key, Mark

__all__ = ["Counters", "Plan", "Settle", "Watched"]

log = logging.getLogger(__name__)

GROUP = 0.25  # seconds that a result may wait for others to be written with
RETRY = 5.0  # seconds between attempts at a store that is gone
LOOK = 30.0  # seconds after which the wall clock is looked at again: somebody may have set it
MOST = 1000  # results in one transaction
KEPT = 20_000  # results waiting for the store; the oldest go first


class Counters(Protocol):
    """What the agent's own metrics want to hear of the store."""

    def store_up(self, up: bool) -> None: ...

    def store_errors(self, count: int) -> None:
        """Commits that failed, and rows that were lost."""
        ...


class Settle:
    """Everything but `run` and `flush` returns at once; none of it may be called from a thread.

    `hand` is given deliveries once they are safe (or the store is gone);
    `alerted` hears (check, rule, severity, firing) as incidents begin and end.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        hand: Callable[[Sequence[Delivery]], None],
        alerted: Callable[[str, str, str, bool], None],
        counters: Counters,
    ) -> None:
        self._store = store
        self._clock = clock
        self._hand = hand
        self._counters = counters
        self._incidents = Incidents(alerted)
        self._results: deque[Result] = deque()
        self._checks: dict[str, CheckState] = {}
        self._moved_checks: dict[tuple[str, Outcome], CheckState] = {}
        self._open: dict[str, Delivery] = {}  # every delivery whose mark is not yet written
        self._unsaved: dict[str, Delivery] = {}
        self._unhanded: list[Delivery] = []
        self._marks: list[Mark] = []
        self._gone = False
        self._save_at: float | None = None  # monotonic; None while there is nothing to write
        self._stir = asyncio.Event()
        self._saving = asyncio.Lock()

    @property
    def states(self) -> Mapping[Key, AlertState]:
        """By (check, rule); one that is not there is quiet."""
        return self._incidents.states

    def load(
        self,
        states: Mapping[Key, AlertState],
        undelivered: Sequence[Delivery] = (),
        since: Mapping[str, CheckState] | None = None,
    ) -> None:
        """What an earlier life left, once, before `configure`; nothing is handed on."""
        self._incidents.load(states)
        self._checks.update(since or {})
        self._open.update((delivery.id, delivery) for delivery in undelivered)

    def configure(self, plan: Plan) -> None:
        """A new config. What burns goes on burning; what lost its check or rule is resolved."""
        self._incidents.configure(plan, self._clock.now())
        self._take_said()
        if self._has_work():
            self._due_in(GROUP)

    def put(self, result: Result) -> None:
        """Settle one result; called a thousand times a second on the loop that probes."""
        self._results.append(result)
        if len(self._results) > KEPT:
            self._results.popleft()
            self._counters.store_errors(1)
        known = self._checks.get(result.check)
        if known is None or known.state is not result.outcome:
            self._note_verdict(result)
        self._incidents.put(result, self._clock.now())
        if self._incidents.said:
            self._take_said()
        if self._save_at is None:
            self._due_in(GROUP)

    def tick(self, now: float) -> None:
        """What only time moves. `run` calls it when it is due."""
        self._incidents.tick(now)
        self._take_said()
        if self._has_work():
            self._due_in(GROUP)

    async def mark(self, delivery_id: str, status: str, error: str = "") -> None:
        """A delivery is `delivered` or `dead`: written at once, or when the store is back."""
        self._marks.append(Mark(id=delivery_id, status=status, at=self._clock.now(), error=error))
        self._due_in(0.0)

    async def run(self) -> None:
        """Write and tick when it is time to, until cancelled; then `flush` writes the rest."""
        while True:
            await self._until_due()
            self.tick(self._clock.now())
            if self._save_at is not None and self._save_at <= self._clock.monotonic():
                await self._save()

    async def flush(self) -> None:
        """Write everything there is; once only, if the store is gone."""
        async with self._saving:
            pass  # what is just being written is neither safe nor handed on before this
        while self._has_work():
            await self._save()
            if self._gone:
                log.error("%d results could not be written", len(self._results))
                return

    def _note_verdict(self, result: Result) -> None:
        if result.outcome is Outcome.UNKNOWN:
            return
        state = CheckState(check=result.check, state=result.outcome, since=result.started_at)
        self._checks[result.check] = state
        # In the order of time, and no more than two a check however long the store is gone.
        self._moved_checks.pop((state.check, state.state), None)
        self._moved_checks[state.check, state.state] = state

    def _take_said(self) -> None:
        said, self._incidents.said = self._incidents.said, []
        if not said:
            return
        new = {delivery.id: delivery for delivery in said}
        self._open |= new
        self._unsaved |= new
        if self._gone:
            self._hand(said)
        else:
            self._unhanded += said
            self._due_in(0.0)

    def _due_in(self, seconds: float) -> None:
        """There is something to write, within so many seconds (or when the store is tried again)."""
        moment = self._clock.monotonic() + seconds
        if self._save_at is None or (moment < self._save_at and not self._gone):
            self._save_at = moment
            self._stir.set()

    async def _until_due(self) -> None:
        while (due := self._next_due()) > self._clock.monotonic():
            self._stir.clear()
            async with asyncio.TaskGroup() as group:
                alarm = group.create_task(self._alarm(due))
                await self._stir.wait()
                alarm.cancel()

    def _next_due(self) -> float:
        now = self._clock.monotonic()
        wake = self._incidents.next_wake
        reminder = now + LOOK if wake is None else now + wake - self._clock.now()
        save = now + LOOK if self._save_at is None else self._save_at
        return min(save, reminder, now + LOOK)

    async def _alarm(self, due: float) -> None:
        await self._clock.sleep_until(due)
        self._stir.set()

    async def _save(self) -> None:
        async with self._saving:
            handing, self._unhanded = self._unhanded, []
            batch = self._gather()
            try:
                dropped = await self._store.commit(batch)
            except StoreError as error:
                self._put_back(batch)
                self._lost(error)
            except asyncio.CancelledError:
                self._put_back(batch)
                self._unhanded[:0] = handing
                raise
            else:
                self._kept(batch, dropped)
            if self._gone:
                handing += self._unhanded
                self._unhanded = []
            if handing:
                self._hand(handing)

    def _gather(self) -> Batch:
        count = min(MOST, len(self._results))
        states, dirty = self._incidents.states, self._incidents.dirty
        batch = Batch(
            results=[self._results.popleft() for _ in range(count)],
            checks=tuple(self._moved_checks.values()),
            states={key: states.get(key, QUIET) for key in dirty},
            deliveries=tuple(self._unsaved.values()),
            marks=tuple(self._marks),
        )
        self._moved_checks, self._unsaved, self._marks = {}, {}, []
        self._incidents.dirty = set()
        self._save_at = self._clock.monotonic() if self._results else None
        return batch

    def _put_back(self, batch: Batch) -> None:
        """As if it had never been taken. Should it be in the store all the same: ids are the same."""
        self._results.extendleft(reversed(batch.results))
        self._moved_checks = _by_state(batch.checks) | self._moved_checks
        self._incidents.dirty.update(batch.states)
        self._unsaved = {d.id: d for d in batch.deliveries} | self._unsaved
        self._marks[:0] = batch.marks
        self._save_at = self._clock.monotonic()

    def _kept(self, batch: Batch, dropped: Sequence[str]) -> None:
        for mark in batch.marks:
            self._open.pop(mark.id, None)
        if dropped:
            self._counters.store_errors(len(dropped))
            log.error("%d rows could not be written, the first: %s", len(dropped), dropped[0])
        if self._gone:
            log.info("the store is back")
        self._gone = False
        self._counters.store_up(True)

    def _lost(self, error: StoreError) -> None:
        """The next file may be a new one: whatever is not over has to be written again."""
        if not self._gone:
            log.error("the store is gone, alerts go on without it: %s", error)
        self._gone = True
        self._counters.store_up(False)
        self._counters.store_errors(1)
        self._incidents.touch()
        self._moved_checks = _by_state(self._checks.values())
        self._unsaved = dict(self._open)
        self._save_at = self._clock.monotonic() + RETRY

    def _has_work(self) -> bool:
        waiting = (self._results, self._incidents.dirty, self._unsaved, self._marks)
        return any(waiting) or bool(self._moved_checks)


def _by_state(states: Iterable[CheckState]) -> dict[tuple[str, Outcome], CheckState]:
    return {(state.check, state.state): state for state in states}
