"""What settle writes when the file is not the one that it was, or was not there at the start."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from prober.alerts.notice import Event
from prober.store import file, history
from prober.store.database import StoreError
from tests.alerts.samples import DOWN, UP, result
from tests.fake_clock import NOON, FakeClock
from tests.settle_bench import Bench, bench, fires, heals, kept, plan

FILES = ("prober.db", "prober.db-wal", "prober.db-shm")


def malformed(*_: object) -> dict[str, object]:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise error


def full(*_: object) -> sqlite3.Connection:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


def move(source: Path, target: Path) -> None:
    for name in FILES:
        (target / name).unlink(missing_ok=True)
        if (source / name).exists():
            (source / name).rename(target / name)


async def delivered(made: Bench) -> None:
    """All that was handed on is delivered."""
    for delivery in made.handed:
        await made.settle.mark(delivery.id, "delivered")
    await made.settle.flush()


async def test_a_file_that_others_lose_between_two_commits_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as made:
        made.put(*fires(), result(DOWN, check="web"))
        await made.settle.flush()
        with monkeypatch.context() as damaged:
            damaged.setattr("prober.store.file.transaction", malformed)
            with pytest.raises(StoreError, match="corrupt"):
                await made.store.prune()
        made.put(result(DOWN, check="api", at=NOON + 9))
        await made.settle.flush()
        assert made.up == [True, True]

    loaded = await kept(tmp_path)
    assert loaded.states["api", "down"].firing
    assert loaded.states["web", "down"].streak == 1
    assert loaded.undelivered == tuple(made.handed)
    assert set(loaded.since) == {"api", "web"}


async def test_a_file_that_comes_back_brings_nothing_that_is_over(tmp_path: Path) -> None:
    data, away = tmp_path / "data", tmp_path / "away"
    away.mkdir()
    async with bench(data) as made:
        made.put(*fires())
        await made.settle.flush()
        move(data, away)
        made.put(result(UP, check="web"))
        await made.settle.flush()
        await delivered(made)
        made.put(*heals())
        await made.settle.flush()
        await delivered(made)
        move(away, data)
        made.put(result(UP, check="web"))
        await made.settle.flush()
        await made.settle.flush()

    loaded = await kept(data)
    assert (loaded.states, loaded.undelivered, loaded.last) == ({}, (), ())
    assert loaded.since["api"].state is UP


async def test_a_file_that_is_full_at_the_start_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as made:
        made.put(*fires())
        await made.settle.flush()
    monkeypatch.setattr(file, "opened", full)

    async with bench(tmp_path) as made:
        assert made.events == [Event.FIRING]
        made.put(*heals())
        await made.settle.flush()
        assert made.events == [Event.FIRING, Event.RESOLVED]


async def test_what_could_not_be_read_at_the_start_is_taken_up_as_soon_as_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path, FakeClock(NOON - 60)) as made:
        made.put(result(DOWN, at=NOON - 60), *fires(), *fires("web"))
        await made.settle.flush()
        since = made.settle.states["api", "down"].since
    monkeypatch.setattr(file, "opened", full)
    monkeypatch.setattr("prober.store.read.frozen", full)
    async with bench(tmp_path) as made:
        monkeypatch.undo()
        assert made.settle.states == {}
        made.put(*fires("web"), result(UP))
        own = made.settle.states["web", "down"].incident
        await made.settle.flush()

        assert made.settle.states["api", "down"].since == since
        assert made.settle.states["web", "down"].incident == own
        told = [(one.notice.labels["check"], one.notice.event) for one in made.handed]
        assert told == [("api", Event.FIRING), ("web", Event.FIRING)]
        made.put(*heals())
        await made.settle.flush()
        assert made.events[-1] is Event.RESOLVED
        assert ("api", "down", "critical", False) in made.alerted
    assert set((await kept(tmp_path)).states) == {("web", "down")}


async def test_after_a_new_file_and_a_restart_what_burns_still_stands(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.put(*fires())
        await made.settle.flush()
        await delivered(made)
        for name in FILES:
            (tmp_path / name).unlink(missing_ok=True)
        made.put(result(UP, check="web"))
        await made.settle.flush()
        await made.settle.flush()
        first = made.handed[0]

    async with bench(tmp_path) as made:
        (standing,) = made.settle.standing()
        assert (standing.id, standing.notifier) == (first.id, first.notifier)
        assert standing.notice.labels == first.notice.labels
        assert standing.notice.starts_at == first.notice.starts_at
        assert made.settle.burns(standing.notice.key)
        assert made.handed == []


async def test_what_ended_while_its_notifier_was_away_stands_no_more(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.put(*fires())
        await made.settle.flush()
        await delivered(made)
        key = made.handed[0].notice.key
    async with bench(tmp_path, first=plan(notifiers=())) as made:
        assert made.settle.burns(key)
        made.put(*heals())
        assert not made.settle.burns(key)
        await made.settle.flush()

    async with bench(tmp_path) as made:
        assert made.settle.standing() == []
    assert [said.notice.event for said in (await kept(tmp_path)).last] == [Event.RESOLVED]


async def test_a_history_that_is_corrupt_at_the_start_costs_no_pending_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as made:
        made.put(*fires())
        await made.settle.flush()
        pending = tuple(made.handed)
    with monkeypatch.context() as damaged:
        damaged.setattr(history, "last_results", malformed)
        async with bench(tmp_path) as made:
            await made.settle.flush()

    loaded = await kept(tmp_path)
    assert loaded.undelivered == pending
    assert loaded.states["api", "down"].firing
