from __future__ import annotations

import asyncio
from pathlib import Path

from prober.alerts.notice import Event
from tests.alerts.samples import DOWN, UNKNOWN, UP, result
from tests.fake_clock import NOON
from tests.settle_bench import bench, fires, heals, kept, plan, running


async def test_results_are_written_in_groups(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        await made.clock.until_asleep()
        for _ in range(10):
            made.put(*(result(UP, check=f"check-{n}") for n in range(100)))
            await made.clock.advance(0.025)
        await made.clock.advance(0.25)

        batches = [await made.store.committed.get()]
        while sum(len(batch.results) for batch in batches) < 1000:
            batches.append(await made.store.committed.get())
    assert len(batches) <= 3


async def test_how_long_a_commit_takes_is_counted_once_it_is_done(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.store.may_commit.clear()
        made.put(*fires())
        await made.clock.advance(2)
        assert made.took == []

        made.store.may_commit.set()
        await made.store.committed.get()
        await made.clock.advance(0)
        assert made.took == [2]


async def test_a_result_waits_a_quarter_of_a_second_at_most(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        await made.clock.until_asleep()
        made.put(result(UP))
        await made.clock.advance(0.24)
        assert made.store.committed.empty()

        await made.clock.advance(0.01)
        assert len((await made.store.committed.get()).results) == 1


async def test_an_alert_is_not_kept_waiting_and_is_safe_before_it_is_handed_on(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as made, running(made):
        made.store.may_commit.clear()
        made.put(*fires())
        await made.clock.advance(0)
        assert made.handed == []

        made.store.may_commit.set()
        batch = await made.store.committed.get()
        assert (len(batch.results), len(batch.states), len(batch.deliveries)) == (2, 1, 1)
        await made.clock.advance(0)
        assert made.events == [Event.FIRING]
        assert (await made.store.load()).undelivered == tuple(made.handed)


async def test_putting_never_waits_for_the_store(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.store.may_commit.clear()
        made.put(*fires())
        await made.clock.advance(0)
        made.put(*heals(), *fires("web"))
        made.store.may_commit.set()

        await made.store.committed.get()
        await made.store.committed.get()
        await made.clock.advance(0)
        assert made.events == [Event.FIRING, Event.RESOLVED, Event.FIRING]


async def test_time_alone_makes_a_reminder(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.put(*fires())
        await made.store.committed.get()
        await made.clock.until_asleep()
        await made.clock.advance(59)
        assert made.events == [Event.FIRING]

        await made.clock.advance(1.1)
        batch = await made.store.committed.get()
        assert [d.notice.event for d in batch.deliveries] == [Event.REMINDER]
        assert batch.states["api", "down"].reminders == 1


async def test_a_wall_clock_that_is_set_forward_is_noticed(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.put(*fires())
        await made.store.committed.get()
        await made.clock.until_asleep()
        made.clock.jump(3600)

        await made.clock.advance(31)
        batch = await made.store.committed.get()
        assert [d.notice.event for d in batch.deliveries] == [Event.REMINDER]


async def test_a_delivery_that_was_made_is_marked_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.put(*fires())
        await made.store.committed.get()
        (delivery,) = (await made.store.load()).undelivered

        await made.settle.mark(delivery.id, "delivered")
        await made.store.committed.get()
        assert (await made.store.load()).undelivered == ()


async def test_flush_writes_all_there_is(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.put(*(result(UP, at=NOON + n) for n in range(2500)), *fires())
        await made.settle.flush()

        assert len(await made.store.recent("api", 5000)) == 2502
        assert made.events == [Event.FIRING]


async def test_flush_waits_for_what_is_just_being_written(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made), asyncio.TaskGroup() as tasks:
        made.store.may_commit.clear()
        made.put(*fires())
        await made.clock.advance(0)
        flush = tasks.create_task(made.settle.flush())
        await made.clock.advance(0)
        assert not flush.done()

        made.store.may_commit.set()
        await flush
        assert made.events == [Event.FIRING]


async def test_what_a_cancelled_commit_held_is_written_by_flush(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.store.may_commit.clear()
        async with running(made):
            made.put(*fires())
            await made.clock.advance(0)
        made.store.may_commit.set()
        await made.settle.flush()

    loaded = await kept(tmp_path)
    assert loaded.states["api", "down"].firing
    assert tuple(made.handed) == loaded.undelivered
    assert len(made.handed) == 1


async def test_a_restart_in_an_incident_is_silent_and_its_end_is_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.put(*fires())
        await made.settle.flush()
        await made.settle.mark(made.handed[0].id, "delivered")
        await made.settle.flush()

    async with bench(tmp_path) as made:
        made.put(result(DOWN), result(DOWN), result(UNKNOWN))
        await made.settle.flush()
        assert made.handed == []
        made.put(*heals())
        await made.settle.flush()
        assert made.events == [Event.RESOLVED]
    assert (await kept(tmp_path)).states == {}


async def test_every_step_of_a_state_is_kept_to_the_last(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        for one in (*fires(), *heals()):
            made.put(one)
            await made.settle.flush()
            assert dict((await made.store.load()).states) == dict(made.settle.states)
        assert made.settle.states == {}


async def test_since_outlives_a_restart(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.put(result(UP, at=NOON), result(DOWN, at=NOON + 10), result(UNKNOWN, at=NOON + 20))
        await made.settle.flush()
    async with bench(tmp_path) as made:
        made.put(result(DOWN, at=NOON + 99))
        await made.settle.flush()

    assert (await kept(tmp_path)).since["api"].since == NOON + 10


async def test_a_check_removed_while_the_agent_was_down_is_resolved_at_its_start(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as made:
        made.put(*fires())
        await made.settle.flush()

    async with bench(tmp_path, first=plan(checks={})) as made:
        await made.settle.flush()
        assert made.events == [Event.FIRING, Event.RESOLVED]
        assert [d.notice.event for d in (await made.store.load()).undelivered] == made.events
