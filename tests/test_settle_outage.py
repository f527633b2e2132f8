"""What settle does while the store is gone, and when it is back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from prober.alerts.notice import Event
from tests.alerts.samples import DOWN, UP, result
from tests.fake_clock import NOON
from tests.settle_bench import bench, fires, heals, kept, running


async def test_a_store_that_is_gone_does_not_silence_the_pager(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.store.broken = True
        made.put(*fires())
        await made.store.failed.get()
        await made.clock.advance(0)
        assert made.events == [Event.FIRING]
        assert made.up[-1] is False

        made.put(*fires("web"))
        assert made.events == [Event.FIRING, Event.FIRING]
        made.put(*heals())
        await made.clock.advance(3600)
        of_checks = [one.notice.event for one in made.handed if "check" in one.notice.labels]
        counted = [of_checks.count(event) for event in (Event.FIRING, Event.RESOLVED)]
        assert counted == [2, 1]
        assert [one.notice.labels["alertname"] for one in made.handed].count("ProberStore") == 1
        assert len({delivery.id for delivery in made.handed}) == len(made.handed)
        assert made.errors > 1


async def test_a_store_that_is_back_gets_everything_and_nothing_is_said_twice(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as made, running(made):
        made.put(*fires("web"))
        await made.store.committed.get()
        made.store.broken = True
        made.put(*fires())
        await made.store.failed.get()
        await made.clock.advance(0)
        await made.settle.mark(made.handed[-1].id, "delivered")
        said = len(made.handed)

        made.store.broken = False
        await made.clock.advance(5)
        await made.store.committed.get()
        await made.clock.advance(0)
        assert len(made.handed) == said
        assert made.up[-1] is True
    loaded = await kept(tmp_path)
    assert set(loaded.states) == {("api", "down"), ("web", "down")}
    assert [d.notice.labels["check"] for d in loaded.undelivered] == ["web"]
    assert loaded.results["api"].outcome is DOWN


async def test_a_store_that_is_gone_is_tried_again_every_few_seconds_only(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as made, running(made):
        made.store.broken = True
        made.put(result())
        await made.clock.advance(0.3)
        for _ in range(60):
            made.put(*fires(), *heals())
            await made.settle.mark(made.handed[-1].id, "delivered")
            await made.clock.advance(1)

        assert 12 <= made.store.failed.qsize() <= 13


async def test_a_real_full_disk_loses_no_alert(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.put(result())
        await made.clock.advance(0.25)
        await made.store.committed.get()
        assert made.store._connection is not None
        made.store._connection.execute("PRAGMA max_page_count = 1")
        wordy = [result(DOWN, check=f"check-{n}", message="x" * 5000) for n in range(50)]
        made.put(*wordy, *fires())
        await made.store.failed.get()
        await made.clock.advance(0)
        assert made.events == [Event.FIRING]
        assert made.up[-1] is False

        made.store._connection.execute("PRAGMA max_page_count = 1000000")
        await made.clock.advance(5)
        await made.store.committed.get()
        await made.clock.advance(0)
    assert (await kept(tmp_path)).states["api", "down"].firing
    assert made.up[-1] is True
    assert made.events == [Event.FIRING]


async def test_a_file_that_is_lost_is_made_anew_with_all_that_still_burns(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as made:
        made.put(*fires())
        await made.settle.flush()
        for path in tmp_path.glob("prober.db*"):  # noqa: ASYNC240 - three names in a test's folder
            path.unlink()
        made.put(result(UP, check="web"))
        await made.settle.flush()
        assert made.up[-1] is False
        await made.settle.flush()

    loaded = await kept(tmp_path)
    assert loaded.states["api", "down"].firing
    assert loaded.undelivered == tuple(made.handed)
    assert set(loaded.since) == {"api", "web"}


async def test_results_wait_for_the_store_up_to_a_limit_and_the_oldest_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.store.backlog.RESULTS", 100)
    async with bench(tmp_path) as made:
        made.store.broken = True
        made.put(*(result(UP, at=NOON + n) for n in range(130)))
        assert made.errors == 30
        await made.settle.flush()
        made.store.broken = False
        await made.settle.flush()

        stamps = [one.started_at - NOON for one in await made.store.recent("api", 500)]
    assert stamps == list(range(129, 29, -1))


async def test_one_bad_row_is_counted_and_the_rest_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path) as made:
        made.put(result()._replace(seconds=2**70), *fires())
        await made.settle.flush()

    loaded = await kept(tmp_path)
    assert made.errors == 1
    assert made.events == [Event.FIRING]
    assert loaded.states["api", "down"].firing
    assert "1 rows could not be written" in caplog.text


async def test_another_program_that_holds_the_file_delays_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.store.file.BUSY", 0.01)
    async with bench(tmp_path) as made:
        with closing(sqlite3.connect(tmp_path / "prober.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            made.put(*fires())
            await made.settle.flush()
            assert made.events == [Event.FIRING]
            other.execute("ROLLBACK")
        await made.settle.flush()

    assert (await kept(tmp_path)).undelivered == tuple(made.handed)
