"""A file that an earlier version wrote goes on being used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from prober.result import Result
from prober.store import file, outbox
from prober.store.batch import Batch
from prober.store.database import Store
from prober.store.outbox import Mark
from tests.alerts.samples import result
from tests.fake_clock import NOON, FakeClock
from tests.store.test_database import KEY, opened
from tests.store.test_outbox import fired, firing, insert, keep

DOWN = result()._replace(check="old", started_at=NOON - 60)


def of_schema_1(path: Path) -> None:
    """What the first version left: a result, an incident, and a notice of it that waits."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in file.MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        insert(connection, firing(fired()), firing(fired(), "mail"))
        connection.execute(
            "UPDATE deliveries SET status = 'delivered', done_at = ? WHERE notifier = 'mail'",
            (NOON,),
        )
        keep(connection, fired())
        row = outbox_row(DOWN)
        connection.execute("INSERT INTO results VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row)


def outbox_row(one: Result) -> tuple[object, ...]:
    return (
        *(one.check, one.started_at, one.run_id, one.outcome.value, None, one.seconds),
        '{"kind":"http","region":"eu-west-1","traceparent":"00-1-2-01"}',
    )


def test_a_schema_that_was_written_is_never_written_otherwise() -> None:
    """Somebody has files of it: new statements come after, as another entry."""
    first = "\n".join(file.MIGRATIONS[0])

    assert len(file.MIGRATIONS) == 2
    assert "maintenance" not in first
    assert "answer" not in first


async def test_a_file_of_schema_1_is_brought_up_to_date_with_all_that_it_holds(
    tmp_path: Path,
) -> None:
    of_schema_1(tmp_path / "prober.db")

    async with opened(tmp_path) as store:
        loaded = await store.load()
        (old,) = await store.recent("old")
        await store.commit(
            Batch(
                results=[result()._replace(check="old", maintenance="weekly")],
                marks=[Mark(id=firing(fired()).id, status="delivered", at=NOON, answer="ok")],
                whole=NOON,
                states=loaded.states,
                deliveries=loaded.undelivered,
            )
        )
        after = await store.load()
        new, still = await store.recent("old")

    with closing(sqlite3.connect(tmp_path / "prober.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    assert loaded.states == {KEY: fired()}
    assert loaded.undelivered == (firing(fired()),)
    assert loaded.last == (firing(fired()), firing(fired(), "mail"))
    assert (loaded.mutes, loaded.receipts) == ((), {})
    assert old.check == "old"
    assert old.maintenance == ""
    assert still == old
    assert new.maintenance == "weekly"
    assert new.to_json()["maintenance"] is True
    assert after.receipts == {(firing(fired()).notice.key, "ops"): "ok"}


async def test_a_file_of_schema_1_that_cannot_be_written_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_schema_1(tmp_path / "prober.db")
    with closing(sqlite3.connect(tmp_path / "prober.db")) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    full = (*file.PRAGMAS, f"PRAGMA max_page_count = {pages}")
    monkeypatch.setattr(file, "PRAGMAS", full)
    store = Store.open(tmp_path, FakeClock())

    loaded = await store.load()

    await store.close()
    assert loaded.states == {KEY: fired()}
    assert loaded.undelivered == (firing(fired()),)
    assert set(loaded.results) == {"old"}


def test_half_a_migration_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "prober.db"
    of_schema_1(path)
    broken = (*file.MIGRATIONS[1][:3], "no SQL at all")
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(file, "MIGRATIONS", (file.MIGRATIONS[0], broken))
        with pytest.raises(sqlite3.OperationalError):
            file.opened(path)

    with closing(file.opened(path)) as connection:
        states = outbox.alert_states(connection)
    assert states == {KEY: fired()}
