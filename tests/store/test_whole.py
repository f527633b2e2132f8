"""What a file other than the one before is told, and what is read where little can be."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from prober.store import file
from prober.store.batch import Batch
from prober.store.database import DAY, Renewed, Store
from prober.store.history import CheckState
from prober.store.lock import Lock
from prober.store.outbox import Mark
from tests.alerts.samples import UP, result
from tests.fake_clock import NOON, FakeClock
from tests.store.test_database import KEY, alert, opened
from tests.store.test_outbox import fired, firing


async def test_the_whole_truth_is_all_that_is_true(tmp_path: Path) -> None:
    web, over = fired("web"), fired("dns")
    async with opened(tmp_path) as store:
        await store.commit(alert(None, firing(over), firing(web)))
        await store.commit(
            Batch(
                states={("web", "down"): web},
                checks=[CheckState(check="api", state=UP, since=NOON)],
                deliveries=[firing(web)],
                marks=[Mark(id=firing(over).id, status="delivered", at=NOON)],
                whole=NOON + 9,
            )
        )

        loaded = await store.load()
        assert store._connection is not None
        rows = store._connection.execute("SELECT id, status, done_at FROM deliveries").fetchall()
    assert loaded.states == {("web", "down"): web}
    assert loaded.undelivered == (firing(web),)
    assert {(status, done) for _, status, done in rows} == {
        ("dead", NOON + 9),
        ("delivered", NOON),
        ("pending", None),
    }


async def test_the_whole_truth_corrects_since_when(tmp_path: Path) -> None:
    before = CheckState(check="api", state=UP, since=NOON)
    async with opened(tmp_path) as store:
        await store.commit(Batch(checks=[before]))
        await store.commit(Batch(checks=[replace(before, since=NOON + 9)]))
        assert (await store.load()).since["api"].since == NOON
        await store.commit(Batch(checks=[replace(before, since=NOON + 9)], whole=NOON))
        assert (await store.load()).since["api"].since == NOON + 9


async def test_since_when_is_forgotten_with_the_last_result(tmp_path: Path) -> None:
    old = [CheckState(check=name, state=UP, since=NOON - 31 * DAY) for name in ("api", "gone")]
    async with opened(tmp_path) as store:
        await store.commit(Batch(results=[result()], checks=old))
        await store.prune()

        assert set((await store.load()).since) == {"api"}


async def test_closing_does_not_wait_for_a_disk_that_does_not_answer(tmp_path: Path) -> None:
    store = Store.open(tmp_path, FakeClock())
    gate = threading.Event()
    stuck = asyncio.ensure_future(store._writer.do(gate.wait))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await store.close(0.02)
    Store.open(tmp_path, FakeClock())._lock.release()

    assert not stuck.done()
    gate.set()
    await stuck


async def test_a_file_that_can_only_be_read_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    async with opened(tmp_path) as store:
        await store.commit(alert())
        monkeypatch.setattr(file, "opened", full)
        beside = Store(tmp_path, FakeClock(), store._lock)
        assert (await beside.load()).states == {KEY: fired()}  # from the log beside the file

    later = Store(tmp_path, FakeClock(), Lock(tmp_path))
    assert not (tmp_path / "prober.db-wal").exists()
    assert (await later.load()).states == {KEY: fired()}  # from the file as it is
    monkeypatch.undo()
    with pytest.raises(Renewed) as caught:
        await later.commit(Batch())
    assert caught.value.unread is None
    await later.close()


async def test_load_leaves_out_what_it_cannot_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as store:
        checks = [CheckState(check=name, state=UP, since=NOON) for name in ("api", "web")]
        await store.commit(Batch(states={KEY: fired()}, checks=checks))
        assert store._connection is not None
        store._connection.execute("UPDATE check_states SET state = '?' WHERE check_name = 'api'")
        for state in ('{"incident": "run7"}', "7", "null"):
            store._connection.execute("UPDATE alert_states SET state = ?", (state,))
            loaded = await store.load()
            assert (set(loaded.since), loaded.states) == ({"web"}, {})
    assert "left out since when api is '?'" in caplog.text
