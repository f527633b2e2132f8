"""What settle does about a disk that does not answer, and how much it keeps meanwhile."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from prober.alerts.notice import Event
from prober.settle import Watched
from prober.store import backlog
from tests.alerts.samples import DOWN, UP, result, rule
from tests.settle_bench import bench, fires, heals, kept, plan, running


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prober.saving.PATIENCE", 0.02)


async def test_a_disk_that_stalls_does_not_silence_the_pager(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.store.may_commit.clear()
        made.put(*fires())
        await made.clock.advance(0)
        await made.went_down.wait()
        assert made.events == [Event.FIRING]

        made.put(*fires("web"))
        assert made.events == [Event.FIRING] * 2
        made.put(*heals())
        assert made.events == [Event.FIRING, Event.FIRING, Event.RESOLVED]
        made.store.may_commit.set()
        await made.store.committed.get()
        await made.clock.advance(5)
        await made.settle.flush()
        assert made.up[-1] is True
        assert made.events == [Event.FIRING, Event.FIRING, Event.RESOLVED]
    loaded = await kept(tmp_path)
    assert set(loaded.states) == {("web", "down")}
    assert loaded.undelivered == tuple(made.handed)


async def test_a_commit_that_fails_after_a_stall_is_made_good(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.store.may_commit.clear()
        made.put(*fires())
        await made.settle.flush()
        assert made.events == [Event.FIRING]
        made.store.broken = True
        made.store.may_commit.set()
        await made.settle.flush()
        made.store.broken = False
        await made.settle.flush()

    assert made.events == [Event.FIRING]
    assert (await kept(tmp_path)).undelivered == tuple(made.handed)


async def test_flush_keeps_to_its_time_and_what_is_pending_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.saving.PATIENCE", 60.0)
    async with bench(tmp_path) as made, asyncio.timeout(5):
        made.store.may_commit.clear()
        async with running(made):
            made.put(*fires())
            await made.clock.advance(0)
            await made.settle.flush(0.05)
            assert made.events == [Event.FIRING]
        made.put(*heals())
        await made.settle.flush(0.05)
        assert made.events == [Event.FIRING, Event.RESOLVED]
        made.store.may_commit.set()
        await made.settle.flush(5)

    assert (await kept(tmp_path)).undelivered == tuple(made.handed)


async def test_an_outage_keeps_no_more_than_a_limit_however_much_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "OPEN", 20)
    monkeypatch.setattr(backlog, "NEWS", 10)
    flapping = plan(checks={"api": Watched(kind="http", rules=(rule(1, 1),))})
    async with bench(tmp_path, first=flapping) as made:
        for gone in (False, True):
            made.store.broken = gone
            await made.settle.flush()
            for _ in range(100):
                made.put(result(DOWN), result(UP))
                for delivery in made.handed[-2:-1]:
                    await made.settle.mark(delivery.id, "delivered")
            kept_back = made.settle._backlog
            assert 18 <= len(kept_back._open) <= 20
            assert len(kept_back._marks) <= 10
            assert len(kept_back._said) <= 10
        made.store.broken = False
        await made.settle.flush()
        waiting = (await made.store.load()).undelivered
        assert waiting == tuple(kept_back._open.values())
        assert made.errors > 0


async def test_checks_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.put(result(), result(check="web"))
        made.settle.configure(plan(checks={"web": plan().checks["web"]}))
        assert set(made.settle._backlog._checks) == {"web"}


async def test_putting_back_a_great_deal_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.put(*fires())
        await made.settle.flush()
        (one,) = made.handed
        many = [replace(one, id=f"{one.id}-{n}") for n in range(40_000)]
        box = made.settle._backlog
        box.say(many)
        batch = box.take(made.settle.states, set(), 0.0)
        times = []
        for _ in range(5):
            begun = time.perf_counter()  # what the loop feels, not what a test's clock says
            box.put_back(batch)
            batch = box.take(made.settle.states, set(), 0.0)
            times.append(time.perf_counter() - begun)
        assert len(batch.deliveries) == 40_001
        assert min(times) < 0.005
        box.owe_whole()
