from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from prober.alerts.notice import Delivery
from prober.alerts.records import Record
from prober.alerts.state import QUIET, AlertState
from prober.errors import StartError
from prober.result import Finding, Reason, Result
from prober.store import database, file, outbox
from prober.store.batch import Batch
from prober.store.database import DAY, Renewed, Store, StoreError
from prober.store.history import CheckState
from prober.store.outbox import Mark
from prober.store.records import Wanted
from tests.alerts.samples import DOWN, UP, result
from tests.fake_clock import NOON, FakeClock
from tests.store.test_outbox import fired, firing, resolved

KEY = ("api", "down")


@asynccontextmanager
async def opened(data_dir: Path, clock: FakeClock | None = None) -> AsyncIterator[Store]:
    store = Store.open(data_dir, clock or FakeClock())
    try:
        yield store
    finally:
        await store.close()


def alert(state: AlertState | None = None, *more: Delivery) -> Batch:
    state = state or fired()
    return Batch(results=[result(DOWN)], states={KEY: state}, deliveries=[firing(state), *more])


async def remembered(store: Store, wanted: Wanted) -> list[Record]:
    """What is kept of incidents, whoever has heard of them."""
    return [one.record for one in await store.incidents(wanted)]


def fill(store: Store) -> None:
    """Lets the file grow by next to nothing from now on, as a full disk does."""
    assert store._connection is not None
    store._connection.execute("PRAGMA max_page_count = 1")


def make_room(store: Store) -> None:
    assert store._connection is not None
    store._connection.execute("PRAGMA max_page_count = 1000000")


def big(count: int = 200) -> Sequence[Result]:
    wordy = Finding.down(Reason.BODY, "x" * 2000)
    return [result(DOWN)._replace(finding=wordy) for _ in range(count)]


def aside(data_dir: Path) -> list[Path]:
    """The databases that were moved out of the way."""
    return list(data_dir.glob("prober.db.corrupt-*Z"))


def spoil(data_dir: Path) -> None:
    """Writes garbage over the file and its log."""
    for path in data_dir.glob("prober.db*"):
        with path.open("r+b") as spoiled:
            spoiled.write(b"\xff" * path.stat().st_size)


async def test_what_was_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    state = fired()
    async with opened(tmp_path) as store:
        await store.commit(alert(state, resolved(state)))
        await store.commit(
            Batch(
                checks=[CheckState(check="api", state=DOWN, since=NOON)],
                marks=[Mark(id=firing(state).id, status="delivered", at=NOON)],
            )
        )

    async with opened(tmp_path) as store:
        loaded = await store.load()
        recent = await store.recent("api")
    assert loaded.states == {KEY: state}
    assert loaded.undelivered == (resolved(state),)
    assert loaded.last == (resolved(state),)
    assert loaded.since["api"].since == NOON
    assert [loaded.results["api"], loaded.verdicts["api"]] == [recent[0], recent[0]]


async def test_a_state_that_became_quiet_is_gone(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.commit(alert())
        await store.commit(Batch(states={KEY: QUIET}))

        assert (await store.load()).states == {}


async def test_a_delivery_and_its_mark_may_be_in_one_batch(tmp_path: Path) -> None:
    delivery = firing(fired())
    async with opened(tmp_path) as store:
        mark = Mark(id=delivery.id, status="delivered", at=NOON)
        await store.commit(Batch(deliveries=[delivery], marks=[mark]))

        assert (await store.load()).undelivered == ()


@pytest.mark.parametrize("step", ["delivery", "alert state", "mark"])
async def test_a_crash_within_the_transaction_leaves_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    names = {"delivery": "delivery_row", "alert state": "state_row", "mark": "mark_row"}

    class Crash(BaseException):
        pass

    def crash(*_: object) -> tuple[str]:
        raise Crash

    monkeypatch.setattr(outbox, names[step], crash)
    async with opened(tmp_path) as store:
        mark = Mark(id=firing(fired()).id, status="delivered", at=NOON)
        with pytest.raises(Crash):
            await store.commit(replace(alert(), marks=[mark]))

        loaded = await store.load()
    assert (loaded.results, loaded.states, loaded.undelivered) == ({}, {}, ())


async def test_one_row_that_cannot_be_written_costs_only_itself(tmp_path: Path) -> None:
    whole = Batch(
        results=[result(), result()._replace(attempts=2**70, seconds=2**70), result()],
        states={KEY: fired()},
        deliveries=[firing(fired())],
    )
    async with opened(tmp_path) as store:
        dropped = await store.commit(whole)

        assert len(dropped) == 1
        assert dropped[0].startswith("result: ")
        assert len(await store.recent("api")) == 2
        loaded = await store.load()
    assert loaded.states == {KEY: fired()}
    assert loaded.undelivered == (firing(fired()),)


async def test_a_full_disk_is_said_and_nothing_of_the_batch_is_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        fill(store)
        with pytest.raises(StoreError, match="disk is full"):
            await store.commit(replace(alert(), results=big()))

        assert (await store.load()).states == {}
        make_room(store)
        assert await store.commit(replace(alert(), results=big())) == ()
        assert (await store.load()).states == {KEY: fired()}


async def test_a_locked_file_is_said_and_used_again_when_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "BUSY", 0.01)
    async with opened(tmp_path) as store:
        with closing(sqlite3.connect(tmp_path / "prober.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="another program has locked it"):
                await store.commit(alert())
            other.execute("ROLLBACK")

        await store.commit(alert())


async def test_a_folder_that_is_removed_is_said_and_made_anew(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    async with opened(data_dir) as store:
        await store.commit(alert())
        for path in data_dir.iterdir():
            path.unlink()
        data_dir.rmdir()

        with pytest.raises(StoreError, match=r"prober\.db"):
            await store.commit(alert())
        with pytest.raises(Renewed):
            await store.commit(alert())
        await store.commit(replace(alert(), whole=NOON))
        assert (await store.load()).states == {KEY: fired()}
        with pytest.raises(StartError, match="in use"):
            Store.open(data_dir, FakeClock())


@pytest.mark.parametrize("garbage", [b"not a database, but long enough " * 999, b""])
async def test_a_file_full_of_garbage_is_moved_aside_and_a_new_one_begun(
    tmp_path: Path, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "prober.db").write_bytes(garbage)

    async with opened(tmp_path) as store:
        assert (await store.load()).states == {}
        await store.commit(alert())
    kept = aside(tmp_path)
    assert [path.name for path in kept] == (
        ["prober.db.corrupt-20231114T221320Z"] if garbage else []
    )
    assert [path.read_bytes() for path in kept] == ([garbage] if garbage else [])
    assert "moved to" in caplog.text or not garbage


async def test_a_file_damaged_in_the_middle_keeps_what_can_still_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as store:
        await store.commit(alert())
        await store.commit(Batch(results=big()))
    path = tmp_path / "prober.db"
    with closing(sqlite3.connect(path)) as connection:
        roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    start = (roots["results_by_check"] - 1) * size
    content[start : start + size] = b"\xff" * size
    path.write_bytes(content)

    async with opened(tmp_path) as store:
        loaded = await store.load()
        assert loaded.states == {KEY: fired()}
        assert loaded.undelivered == (firing(fired()),)
        assert loaded.results == {}
        await store.commit(Batch(results=big(), whole=NOON))
    assert "history could not be read" in caplog.text
    assert aside(tmp_path)


async def test_a_file_that_becomes_corrupt_is_replaced_with_the_next_commit(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as store:
        await store.commit(alert())
        spoil(tmp_path)
        with pytest.raises(StoreError, match="corrupt"):
            await store.commit(alert())
        await store.commit(replace(alert(), whole=NOON))

        assert (await store.load()).states == {KEY: fired()}


async def test_what_is_old_is_forgotten_in_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "STEP", 7)
    clock = FakeClock()
    old = [result(UP, at=NOON - 8 * DAY + second) for second in range(20)]
    failed = [result(DOWN, at=NOON - 8 * DAY), result(DOWN, at=NOON - 31 * DAY)]
    async with opened(tmp_path, clock) as store:
        await store.commit(Batch(results=[*old, *failed, result(UP, at=NOON - 6 * DAY)]))
        await store.prune()

        ages = [round((NOON - one.started_at) / DAY) for one in await store.recent("api")]
    assert ages == [6, 8]


async def test_no_more_than_so_many_are_kept_however_young(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded = [(forget, age, surplus, 3) for forget, age, surplus, _ in database.RETENTION]
    monkeypatch.setattr(database, "RETENTION", bounded)
    runs = [result(UP, at=NOON - second) for second in range(10)]
    failures = [result(DOWN, at=NOON - 20 - second) for second in range(2)]
    async with opened(tmp_path, FakeClock()) as store:
        await store.commit(Batch(results=[*runs, *failures]))
        await store.prune()

        kept = [round(NOON - one.started_at) for one in await store.recent("api")]
    assert kept == [0, 1, 2, 20, 21]


async def test_reading_does_not_wait_for_writing(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.commit(alert())
        with closing(sqlite3.connect(tmp_path / "prober.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")

            assert len(await store.recent("api")) == 1


async def test_commits_with_deliveries_wait_for_the_disk_and_others_do_not(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as store:
        assert store._connection is not None
        await store.commit(alert())
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)

        await store.commit(Batch(results=[result()]))
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (1,)
