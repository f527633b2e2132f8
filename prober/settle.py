"""What becomes of a result: history, alert states, and what is to be said to whom.

`put` decides at once, in memory, and writes nothing. `run` writes what has
gathered in one transaction, and only then hands new deliveries on. Where the
store is gone, or does not answer, they are handed on from memory, each once,
and everything is written when it is back: a full disk must not silence the
pager, nor must one that stalls.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from prober.alerts.faults import may_wait
from prober.alerts.incidents import Incidents
from prober.alerts.notice import Delivery
from prober.alerts.plan import Plan, Watched
from prober.alerts.state import AlertState, Key
from prober.clock import Clock, quiet_turn
from prober.result import Result
from prober.store.backlog import Backlog
from prober.store.batch import Batch
from prober.store.database import Renewed, Store, StoreError
from prober.store.history import CheckState
from prober.store.outbox import Mark
from prober.store.read import Loaded

__all__ = ["Counters", "Plan", "Settle", "Watched"]

log = logging.getLogger(__name__)

GROUP = 0.25  # seconds that a result may wait for others to be written with
RETRY = 5.0  # seconds between attempts at a store that is gone
LOOK = 30.0  # seconds after which the wall clock is looked at again: somebody may have set it
PATIENCE = 3.0  # seconds that notices wait for a disk that does not answer


class Counters(Protocol):
    """What the agent's own metrics want to hear of the store."""

    def store_up(self, up: bool) -> None: ...

    def store_errors(self, count: int) -> None:
        """Commits that failed, and rows that were lost."""
        ...

    def committed(self, seconds: float) -> None:
        """A commit is done, so long after it was asked for."""
        ...


@dataclass(frozen=True, slots=True)
class _Flight:
    """A commit that is under way, and how many notices wait for it."""

    commit: asyncio.Future[tuple[str, ...]]
    batch: Batch
    notices: int
    began: float  # monotonic


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
        self._backlog = Backlog(counters.store_errors)
        self._unhanded: list[Delivery] = []
        self._flight: _Flight | None = None
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
        self._backlog.load(undelivered, since or {})

    def configure(self, plan: Plan) -> None:
        """A new config. What burns goes on burning; what lost its check or rule is resolved.

        Where very much burns some of that is left to `run`, which does it in slices.
        """
        self._incidents.configure(plan, self._clock.now())
        self._backlog.watch(plan.checks)
        self._take_said()
        if self._has_work():
            self._due_in(GROUP)

    @property
    def faulty(self) -> Mapping[str, str]:
        """The checks on which the agent gets no verdict, and why: ProberAgentFault fires for them."""
        return self._incidents.faulty

    def standing(self) -> list[Delivery]:
        """The firings of all that burns, to whom they were told and by the ids they had then."""
        return self._incidents.standing()

    def burns(self, key: str) -> bool:
        """Whether the incident with this key (`Notice.key`) fires now."""
        return key in self._incidents.burning

    def put(self, result: Result) -> None:
        """Settle one result; called a thousand times a second on the loop that probes."""
        self._backlog.add(result)
        self._incidents.put(result, self._clock.now())
        if (said := self._incidents.said) and (self._gone or not may_wait(said)):
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
        """A delivery is `delivered`, `dead` or `superseded`: written at once, or when the store is back."""
        self._backlog.mark(Mark(id=delivery_id, status=status, at=self._clock.now(), error=error))
        self._due_in(0.0)

    async def run(self) -> None:
        """Write and tick when it is time to, until cancelled; then `flush` writes the rest."""
        while True:
            await self._until_due()
            self.tick(self._clock.now())
            if self._save_at is not None and self._save_at <= self._clock.monotonic():
                await self._save()
            wake = self._incidents.next_wake
            if wake is not None and wake <= self._clock.now():
                await quiet_turn(self._clock)  # the next slice may wait for everybody else

    async def flush(self, seconds: float | None = None) -> None:
        """Write everything there is, for so long at most; once only, if the store is gone."""
        try:
            async with asyncio.timeout(seconds):
                async with self._saving:
                    pass  # what is just being written is neither safe nor handed on before this
                while self._has_work():
                    await self._save()
                    if self._gone:
                        break
        except TimeoutError:
            self._lost("writing took longer than there was time for")
        if self._gone:
            log.error("%d results could not be written", self._waiting())

    def _take_said(self) -> None:
        said, self._incidents.said = self._incidents.said, []
        reworded, self._incidents.reworded = self._incidents.reworded, {}
        if not (new := [*said, *reworded.values()]):
            return
        self._backlog.say(said)
        if self._gone:
            self._hand(new)
        else:
            self._unhanded += new
            self._due_in(0.0 if said else GROUP)

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
        """One commit; where the last one has not ended yet, that one."""
        async with self._saving:
            flight = self._flight = self._flight or self._take_off()
            await asyncio.wait({flight.commit}, timeout=PATIENCE)
            if flight.commit.done():
                self._flight = None
                self._land(flight)
            else:
                self._lost(f"it has not answered for {PATIENCE:.0f} s")

    def _take_off(self) -> _Flight:
        self._take_said()  # it is kept with the states that it goes with, or neither is
        dirty, self._incidents.dirty = self._incidents.dirty, set()
        batch = self._backlog.take(self._incidents.states, dirty, self._clock.now())
        self._save_at = self._clock.monotonic() if self._backlog.results else None
        commit = asyncio.ensure_future(self._store.commit(batch))
        return _Flight(commit, batch, len(self._unhanded), self._clock.monotonic())

    def _land(self, flight: _Flight) -> None:
        try:
            dropped = flight.commit.result()
        except Renewed as other:
            self._backlog.put_back(flight.batch)
            self._join(other.unread)
            self._save_at = self._clock.monotonic()
        except StoreError as error:
            self._backlog.put_back(flight.batch)
            self._lost(str(error))
        else:
            self._counters.committed(self._clock.monotonic() - flight.began)
            self._kept(dropped)
            self._hand_on(flight.notices)

    def _join(self, unread: Loaded | None) -> None:
        """What an earlier life left, where the start could not read it."""
        if unread is None:
            return
        log.info("alert states of before the start were found")
        self._incidents.join(unread.states, self._clock.now())
        over = {one.notice.key for one in unread.undelivered if one.notice.event.is_over}
        late = [
            one
            for one in unread.undelivered
            if one.notice.key in over or self.burns(one.notice.key)
        ]
        self._backlog.join(late, unread.since)
        self._unhanded[:0] = late
        self._take_said()

    def _kept(self, dropped: Sequence[str]) -> None:
        if dropped:
            self._counters.store_errors(len(dropped))
            log.error("%d rows could not be written, the first: %s", len(dropped), dropped[0])
        if self._gone:
            log.info("the store is back")
        self._gone = False
        self._counters.store_up(True)

    def _lost(self, why: str) -> None:
        """From now on notices do not wait for the store."""
        self._take_said()
        if not self._gone:
            log.error("the store is gone, alerts go on without it: %s", why)
        self._gone = True
        self._counters.store_up(False)
        self._counters.store_errors(1)
        self._save_at = self._clock.monotonic() + RETRY
        self._hand_on(len(self._unhanded))

    def _hand_on(self, count: int) -> None:
        said, self._unhanded = self._unhanded[:count], self._unhanded[count:]
        if said:
            self._hand(said)

    def _has_work(self) -> bool:
        return bool(self._backlog) or bool(self._incidents.dirty) or self._flight is not None

    def _waiting(self) -> int:
        return self._backlog.results + (len(self._flight.batch.results) if self._flight else 0)
