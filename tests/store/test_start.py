"""What a data_dir that is not as it should be does to an agent's start."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from prober.errors import StartError
from prober.store import file
from prober.store.batch import Batch
from prober.store.database import Renewed, Store, StoreError
from prober.store.read import Loaded
from tests.alerts.samples import result
from tests.fake_clock import NOON, FakeClock


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

    with pytest.raises(StartError, match=r"newer prober \(schema 99, this one knows 1\)"):
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
