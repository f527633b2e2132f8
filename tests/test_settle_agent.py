"""What settle does about checks without a verdict, and about very many alerts at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prober.alerts.faults import FAULT, NO_VERDICT
from prober.alerts.incidents import SLICE
from prober.alerts.notice import Event
from prober.result import Reason
from prober.settle import GROUP, Watched
from tests.alerts.samples import DOWN, UNKNOWN, UP, result, rule
from tests.settle_bench import bench, fires, kept, plan, running

BLIND = [result(UNKNOWN) for _ in range(3)]


async def test_a_fault_and_its_notice_are_one_transaction(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        await made.clock.until_asleep()
        made.put(*BLIND)
        await made.clock.advance(GROUP)
        batch = await made.store.committed.get()
        assert set(batch.states) == {FAULT, ("api", NO_VERDICT)}
        assert [one.notice.event for one in batch.deliveries] == [Event.FIRING]
        assert made.settle.faulty == {"api": "out of files"}

        made.put(result(UP))
        batch = await made.store.committed.get()
        assert [one.notice.event for one in batch.deliveries] == [Event.RESOLVED]
        assert made.settle.faulty == {}
    assert (await kept(tmp_path)).states == {}


async def test_checks_that_break_together_are_named_together_and_later_ones_in_other_words(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as made, running(made):
        await made.clock.until_asleep()
        made.put(*BLIND)
        await made.clock.advance(0.2)
        assert made.store.committed.empty()
        made.put(result(UNKNOWN, check="web", reason=Reason.SCRIPT))
        await made.clock.advance(0.05)
        await made.store.committed.get()
        await made.clock.advance(0)
        (firing,) = made.handed
        assert firing.notice.annotations["summary"].endswith("no verdict on api and web")

        made.put(result(UP))
        await made.clock.advance(GROUP)
        await made.store.committed.get()
        await made.clock.advance(0)
        (_, new) = made.handed
        assert new.again
        assert new.id == firing.id
        assert "api" not in new.notice.annotations["summary"]
    assert [one.notice for one in (await kept(tmp_path)).undelivered] == [firing.notice]


async def test_what_is_written_meanwhile_takes_the_fault_and_its_notice_along(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as made, running(made):
        await made.clock.until_asleep()
        made.put(*BLIND, *fires("web"))
        batch = await made.store.committed.get()
        assert FAULT in batch.states
        assert len(batch.deliveries) == 2


async def test_a_streak_and_a_fault_outlive_restarts_and_nothing_is_said_twice(
    tmp_path: Path,
) -> None:
    said = []
    for one in (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UP):
        async with bench(tmp_path) as made:
            before = len(made.handed)
            made.put(result(one))
            await made.settle.flush()
            said.append([delivery.notice.event for delivery in made.handed[before:]])

    assert said == [[], [], [Event.FIRING], [], [Event.RESOLVED]]


async def test_a_fault_is_told_from_memory_while_the_store_is_gone(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.store.broken = True
        made.put(*BLIND)
        await made.settle.flush()
        assert made.events == [Event.FIRING]
        made.store.broken = False
        await made.settle.flush()

    loaded = await kept(tmp_path)
    assert loaded.states[FAULT].firing
    assert loaded.undelivered == tuple(made.handed)


async def test_a_reload_that_ends_very_many_alerts_does_not_hold_up_the_loop(
    tmp_path: Path,
) -> None:
    names = [f"check-{n}" for n in range(20 * SLICE)]
    watched = Watched(kind="http", rules=(rule(1, 1),))
    async with bench(tmp_path, first=plan(checks=dict.fromkeys(names, watched))) as made:
        made.put(*(result(DOWN, check=name) for name in names))
        await made.settle.flush()
        made.handed.clear()
        most = 0

        async with running(made), asyncio.timeout(20):
            made.settle.configure(plan(checks={}))
            while left := len(made.settle.states):
                await asyncio.sleep(0)
                most = max(most, left - len(made.settle.states))
            await made.settle.flush()
        assert made.events == [Event.RESOLVED] * len(names)
        assert most == SLICE


async def test_results_count_while_a_reload_is_still_being_worked_off(tmp_path: Path) -> None:
    names = [f"check-{n}" for n in range(3 * SLICE)]
    watched = Watched(kind="http", rules=(rule(1, 1),))
    whole = plan(checks=dict.fromkeys(names, watched))
    async with bench(tmp_path, first=whole) as made:
        made.put(*(result(DOWN, check=name) for name in names))
        made.settle.configure(whole)
        made.put(*(result(UP, check=name) for name in names), *fires("api"))
        for _ in range(5):
            made.settle.tick(made.clock.now())
        await made.settle.flush()

        assert made.settle.states == {}
        assert made.events == [Event.FIRING] * len(names) + [Event.RESOLVED] * len(names)


async def test_a_reload_of_which_nothing_is_to_be_said_leaves_others_their_turns(
    tmp_path: Path,
) -> None:
    names = [f"check-{n}" for n in range(20 * SLICE)]
    watched = Watched(kind="http", rules=(rule(1, 1),))
    whole = plan(checks=dict.fromkeys(names, watched))
    async with bench(tmp_path, first=whole) as made:
        made.put(*(result(DOWN, check=name) for name in names))
        await made.settle.flush()
        turns = 0

        async with running(made), asyncio.timeout(20):
            made.settle.configure(whole)
            while made.settle._incidents.next_wake is not None:
                await asyncio.sleep(0)
                turns += 1
        assert turns >= 19
