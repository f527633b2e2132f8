"""What a data_dir that is not as it should be does to an agent's start."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from prober.errors import StartError
from prober.store import file, read
from prober.store.batch import Batch
from prober.store.database import Renewed, Store, StoreError
from prober.store.read import Loaded
from tests.alerts.samples import result
from tests.fake_clock import NOON, FakeClock
from tests.store.test_database import KEY
from tests.store.test_outbox import fired


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StartError, match=r"data_dir .*file/data cannot be written: Not a dir"):
        Store.open(tmp_path / "file" / "data", FakeClock())


def test_a_file_that_cannot_be_opened_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "prober.db").mkdir()

    with pytest.raises(StartError, match="cannot be opened"):
        Store.open(tmp_path, FakeClock())
    Path(tmp_path / "prober.db").rmdir()
    asyncio.run(Store.open(tmp_path, FakeClock()).close())


def test_a_file_of_a_newer_prober_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "prober.db")) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(StartError, match=r"newer prober \(schema 99, this one knows 2\)"):
        Store.open(tmp_path, FakeClock())


async def test_a_full_disk_is_no_reason_not_to_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.MonkeyPatch.context() as full:
        full.setattr(file, "PRAGMAS", (*file.PRAGMAS, "PRAGMA max_page_count = 1"))
        store = Store.open(tmp_path, FakeClock())
        assert await store.load() == Loaded()
        with pytest.raises(StoreError, match="disk is full"):
            await store.commit(Batch(results=[result()]))
    assert "started without history and alert states" in caplog.text

    with pytest.raises(Renewed):
        await store.commit(Batch(results=[result()]))
    await store.commit(Batch(results=[result()], whole=NOON))
    assert len(await store.recent("api")) == 1
    await store.close()


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is opened until it is set."""
    goes_on = threading.Event()

    def opened(path: Path) -> sqlite3.Connection:
        goes_on.wait(20)
        return whole(path)

    whole = file.opened
    monkeypatch.setattr(file, "opened", opened)
    monkeypatch.setattr("prober.store.database.PATIENCE", 0.02)
    yield goes_on
    goes_on.set()


async def test_a_disk_that_does_not_answer_is_no_reason_not_to_start_and_is_read_when_it_does(
    tmp_path: Path, stalled: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    stalled.set()
    before = Store.open(tmp_path, FakeClock())
    await before.commit(Batch(results=[result()], states={KEY: fired("api")}))
    await before.close()
    stalled.clear()

    async with asyncio.timeout(10):
        store = Store.open(tmp_path, FakeClock())
        assert await store.load() == Loaded()
        stalled.set()
        with pytest.raises(Renewed) as found:
            await store.commit(Batch())
        assert found.value.unread is not None
        assert found.value.unread.states == {KEY: fired("api")}
        await store.commit(Batch(whole=NOON))
        await store.close()
    assert "has not answered for 0.02 s" in caplog.text


async def test_history_that_takes_too_long_does_not_cost_the_alert_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path, FakeClock())
    await store.commit(Batch(results=[result()], states={KEY: fired("api")}))
    goes_on = threading.Event()
    with monkeypatch.context() as slow:
        slow.setattr("prober.store.database.PATIENCE", 0.1)
        slow.setattr(read, "with_history", lambda _, loaded: goes_on.wait(20) and loaded)
        loaded = await store.load()
    goes_on.set()

    assert loaded.states == {KEY: fired("api")}
    assert loaded.results == {}
    await store.commit(Batch())
    await store.close()


def test_a_folder_that_does_not_answer_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr("prober.store.database.PATIENCE", 0.02)
    monkeypatch.setattr("prober.store.database.Lock", lambda _: goes_on.wait(20))

    with pytest.raises(StartError, match=r"data_dir .* has not answered for 0\.02 s; see to its"):
        Store.open(tmp_path, FakeClock())
    goes_on.set()
