"""When is what has gathered written, and when may it be handed on?

One transaction at a time. Notices are handed on when they are safe; where the
store is gone, or does not answer, at once and from memory, and everything is
written when it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from prober.alerts.incidents import Incidents
from prober.alerts.notice import Delivery, Event
from prober.alerts.own import STORE
from prober.clock import Clock
from prober.store.backlog import Backlog
from prober.store.batch import Batch
from prober.store.database import Renewed, Store, StoreError
from prober.store.read import Loaded

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
    """A commit that is under way, how many notices wait for it, and who else does."""

    commit: asyncio.Future[tuple[str, ...]]
    batch: Batch
    notices: int
    asked: Sequence[asyncio.Future[bool]]
    began: float  # monotonic


class Saving:
    """Takes what has gathered in `incidents` and `backlog`."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        hand: Callable[[Sequence[Delivery]], None],
        counters: Counters,
        incidents: Incidents,
    ) -> None:
        self.backlog = Backlog(counters.store_errors)
        self.gone = False
        self.save_at: float | None = None  # monotonic; None while there is nothing to write
        self._store = store
        self._clock = clock
        self._hand = hand
        self._counters = counters
        self._incidents = incidents
        self._saying = incidents.saying
        self._unhanded: list[Delivery] = []
        self._asked: list[asyncio.Future[bool]] = []
        self._flight: _Flight | None = None
        self._stir = asyncio.Event()
        self._lock = asyncio.Lock()

    def take_news(self) -> None:
        """What was said, and what is new of incidents and decisions."""
        saying, deciding = self._saying, self._incidents.deciding
        if saying.records or deciding.audit or deciding.mutes:
            self.backlog.keep(saying.records, deciding.mutes, deciding.audit)
            saying.records, deciding.mutes, deciding.audit = [], {}, []
            self.due_in(GROUP)
        said, saying.said = saying.said, []
        reworded, saying.reworded = saying.reworded, {}
        if not (new := [*said, *reworded.values()]):
            return
        self.backlog.say(said)
        if self.gone:
            self._hand(new)
        else:
            self._unhanded += new
            self.due_in(0.0 if said else GROUP)

    def due_in(self, seconds: float) -> None:
        """There is something to write, within so many seconds (or when the store is tried again)."""
        moment = self._clock.monotonic() + seconds
        if self.save_at is None or (moment < self.save_at and not self.gone):
            self.save_at = moment
            self._stir.set()

    def wake(self) -> None:
        """The time to wait for may have changed."""
        self._stir.set()

    async def until_due(self) -> None:
        """Until there is something to write, or for time alone to move."""
        while (due := self._next_due()) > self._clock.monotonic():
            self._stir.clear()
            async with asyncio.TaskGroup() as group:
                alarm = group.create_task(self._alarm(due))
                await self._stir.wait()
                alarm.cancel()

    async def kept(self) -> bool:
        """Whether all that has gathered until now is in the file; False: the store is gone."""
        if self.gone:
            return False
        asked: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        self.due_in(0.0)
        return await asked

    async def save_if_due(self) -> None:
        if self.save_at is not None and self.save_at <= self._clock.monotonic():
            await self._save()

    async def flush(self, seconds: float | None = None) -> None:
        """Write everything there is, for so long at most; once only, if the store is gone."""
        try:
            async with asyncio.timeout(seconds):
                async with self._lock:
                    pass  # what is just being written is neither safe nor handed on before this
                while self.has_work():
                    await self._save()
                    if self.gone:
                        break
        except TimeoutError:
            self._lost("writing took longer than there was time for")
        if self.gone:
            log.error("%d results could not be written", self._waiting())

    def has_work(self) -> bool:
        return (
            bool(self.backlog)
            or bool(self._incidents.book.dirty)
            or self._flight is not None
            or bool(self._asked)
        )

    def _next_due(self) -> float:
        now = self._clock.monotonic()
        wake = self._incidents.next_wake
        reminder = now + LOOK if wake is None else now + wake - self._clock.now()
        save = now + LOOK if self.save_at is None else self.save_at
        return min(save, reminder, now + LOOK)

    async def _alarm(self, due: float) -> None:
        await self._clock.sleep_until(due)
        self._stir.set()

    async def _save(self) -> None:
        """One commit; where the last one has not ended yet, that one."""
        async with self._lock:
            flight = self._flight = self._flight or self._take_off()
            await asyncio.wait({flight.commit}, timeout=PATIENCE)
            if flight.commit.done():
                self._flight = None
                self._land(flight)
            else:
                _answer(flight.asked, kept=False)
                self._lost(f"it has not answered for {PATIENCE:.0f} s")

    def _take_off(self) -> _Flight:
        self.take_news()  # it is kept with the states that it goes with, or neither is
        book = self._incidents.book
        dirty, book.dirty = book.dirty, set()
        batch = self.backlog.take(book.states, dirty, self._clock.now())
        self.save_at = self._clock.monotonic() if self.backlog.results else None
        asked, self._asked = self._asked, []
        commit = asyncio.ensure_future(self._store.commit(batch))
        return _Flight(commit, batch, len(self._unhanded), asked, self._clock.monotonic())

    def _land(self, flight: _Flight) -> None:
        try:
            dropped = flight.commit.result()
        except Renewed as other:
            self.backlog.put_back(flight.batch)
            self._asked[:0] = flight.asked
            self._join(other.unread)
            self.save_at = self._clock.monotonic()
        except StoreError as error:
            self.backlog.put_back(flight.batch)
            _answer(flight.asked, kept=False)
            self._lost(str(error))
        else:
            self._counters.committed(self._clock.monotonic() - flight.began)
            self._kept(dropped)
            _answer(flight.asked, kept=True)
            self._hand_on(flight.notices)

    def _join(self, unread: Loaded | None) -> None:
        """What an earlier life left, where the start could not read it."""
        if unread is None:
            return
        log.info("alert states of before the start were found")
        self._incidents.join(unread.states, self._clock.now(), unread.mutes)
        over = {one.notice.key for one in unread.undelivered if one.notice.event.is_over}
        late = [
            one
            for one in unread.undelivered
            if one.notice.key in over
            or one.notice.key in self._incidents.burning
            or one.notice.event is Event.REPORT
        ]
        self.backlog.join(late, unread.since, unread.mutes)
        self._unhanded[:0] = late
        self.take_news()

    def _kept(self, dropped: Sequence[str]) -> None:
        if dropped:
            self._counters.store_errors(len(dropped))
            log.error("%d rows could not be written, the first: %s", len(dropped), dropped[0])
        if self.gone:
            log.info("the store is back")
        self.gone = False
        self._incidents.own(STORE, None, self._clock.now())
        self.take_news()
        self._counters.store_up(True)

    def _lost(self, why: str) -> None:
        """From now on notices do not wait for the store."""
        self.take_news()
        if not self.gone:
            log.error("the store is gone, alerts go on without it: %s", why)
        self.gone = True
        self._incidents.own(STORE, why, self._clock.now())
        self._counters.store_up(False)
        self._counters.store_errors(1)
        self.save_at = self._clock.monotonic() + RETRY
        asked, self._asked = self._asked, []
        _answer(asked, kept=False)
        self._hand_on(len(self._unhanded))

    def _hand_on(self, count: int) -> None:
        said, self._unhanded = self._unhanded[:count], self._unhanded[count:]
        if said:
            self._hand(said)

    def _waiting(self) -> int:
        return self.backlog.results + (len(self._flight.batch.results) if self._flight else 0)


def _answer(asked: Sequence[asyncio.Future[bool]], *, kept: bool) -> None:
    for one in asked:
        if not one.done():  # whoever asked may have gone
            one.set_result(kept)
