"""Settle on a real store that a test can watch and break, with a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from prober.alerts.notice import Delivery, Event
from prober.result import Result
from prober.settle import Plan, Settle, Watched
from prober.store.batch import Batch
from prober.store.database import Store, StoreError
from prober.store.lock import Lock
from prober.store.read import Loaded
from tests.alerts.samples import DOWN, UP, result, rule
from tests.fake_clock import FakeClock

CHECKS = ("api", "web")


class WatchedStore(Store):
    """The real one; a test can wait for its commits, hold them up, and break it."""

    def __init__(self, data_dir: Path, clock: FakeClock, lock: Lock) -> None:
        super().__init__(data_dir, clock, lock)
        self.committed: asyncio.Queue[Batch] = asyncio.Queue()
        self.failed: asyncio.Queue[Batch] = asyncio.Queue()
        self.broken = False
        self.may_commit = asyncio.Event()
        self.may_commit.set()

    async def commit(self, batch: Batch) -> tuple[str, ...]:
        await self.may_commit.wait()
        if self.broken:
            self.failed.put_nowait(batch)
            raise StoreError("cannot use it: the disk is full")
        try:
            dropped = await super().commit(batch)
        except StoreError:
            self.failed.put_nowait(batch)
            raise
        self.committed.put_nowait(batch)
        return dropped


class Bench:
    """Settle on a real store, with a clock that stands still, and all that it says."""

    def __init__(self, store: WatchedStore, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.handed: list[Delivery] = []
        self.alerted: list[tuple[str, str, str, bool]] = []
        self.up: list[bool] = []
        self.went_down = asyncio.Event()
        self.errors = 0
        self.took: list[float] = []  # of commits
        self.settle = Settle(
            store=store,
            clock=clock,
            hand=self.handed.extend,
            alerted=lambda *heard: self.alerted.append(heard),
            counters=self,
        )

    def store_up(self, up: bool) -> None:
        self.up.append(up)
        if not up:
            self.went_down.set()

    def store_errors(self, count: int) -> None:
        self.errors += count

    def committed(self, seconds: float) -> None:
        self.took.append(seconds)

    def put(self, *results: Result) -> None:
        for one in results:
            self.settle.put(one)

    @property
    def events(self) -> list[Event]:
        return [delivery.notice.event for delivery in self.handed]


def plan(**changes: object) -> Plan:
    watched = Watched(kind="http", rules=(rule(2, 2, remind=60),))
    whole = Plan(region="eu-west-1", checks=dict.fromkeys(CHECKS, watched), notifiers=("ops",))
    return replace(whole, **changes)  # type: ignore[arg-type]  # a test names the field's own type


@asynccontextmanager
async def bench(
    data_dir: Path, clock: FakeClock | None = None, first: Plan | None = None
) -> AsyncIterator[Bench]:
    """As the agent starts it; nothing runs yet."""
    clock = clock or FakeClock()
    store = WatchedStore(data_dir, clock, Lock(data_dir))
    made = Bench(store, clock)
    loaded = await store.load()
    made.settle.load(loaded.states, loaded.undelivered, loaded.since)
    made.settle.configure(first or plan())
    made.handed += loaded.undelivered
    try:
        yield made
    finally:
        await store.close()


@asynccontextmanager
async def running(made: Bench) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(made.settle.run())
        yield
        task.cancel()


async def kept(data_dir: Path) -> Loaded:
    store = Store.open(data_dir, FakeClock())
    loaded = await store.load()
    await store.close()
    return loaded


def fires(check: str = "api") -> Sequence[Result]:
    return [result(DOWN, check=check), result(DOWN, check=check)]


def heals(check: str = "api") -> Sequence[Result]:
    return [result(UP, check=check), result(UP, check=check)]
