"""What people decide is answered when it is safe, and what happened can be looked up later."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from prober.alerts.decisions import Ack, Expire, Mute
from prober.alerts.matchers import Matcher
from prober.alerts.mutes import Mutes
from prober.alerts.own import STORE_GONE
from prober.errors import ProberError
from prober.settle import GROUP, NOT_KEPT, Settle, Watched
from prober.store.database import StoreError
from prober.store.outbox import CLAIMED
from prober.store.records import Wanted
from tests.alerts.samples import DOWN, UP, result, rule
from tests.fake_clock import NOON
from tests.settle_bench import Bench, bench, fires, heals, kept, plan, running
from tests.store.test_database import remembered
from tests.test_settle_files import malformed

SILENCE = Mute(
    id="3f9a",
    kind="silence",
    matchers=(Matcher("check", "=", "api"),),
    starts_at=NOON,
    ends_at=NOON + 600,
    by="ann@desk",
    comment="new disk",
    at=NOON,
)


def settle(made: Bench) -> Settle:
    """As an agent has it, with what holds notices back."""
    return Settle(
        store=made.store,
        clock=made.clock,
        hand=made.handed.extend,
        alerted=lambda *heard: made.alerted.append(heard),
        counters=made,
        holding=Mutes(),
    )


async def test_a_decision_is_answered_when_it_is_on_disk(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.store.may_commit.clear()
        asked = asyncio.create_task(made.settle.decide(SILENCE))
        await made.clock.advance(1)
        assert not asked.done()

        made.store.may_commit.set()
        assert await asked == "silence 3f9a holds"
        assert made.settle.mutes == {"3f9a": SILENCE}
    loaded = await kept(tmp_path)
    assert loaded.mutes == (SILENCE,)


async def test_a_decision_is_carried_out_without_a_store_and_says_so(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.store.broken = True
        asked = asyncio.create_task(made.settle.decide(SILENCE))
        await made.went_down.wait()
        assert await asked == f"silence 3f9a holds; {NOT_KEPT}"
        expire = Expire(id="3f9a", by="bo", comment="", at=0)
        assert await made.settle.decide(expire) == f"silence 3f9a is over; {NOT_KEPT}"


async def test_a_decision_outlives_a_file_that_others_lose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as made, running(made):
        made.put(*fires())
        await made.settle.flush()
        with monkeypatch.context() as damaged:
            damaged.setattr("prober.store.file.transaction", malformed)
            with pytest.raises(StoreError, match="corrupt"):
                await made.store.prune()
        assert await made.settle.decide(SILENCE) == "silence 3f9a holds"
    assert (await kept(tmp_path)).mutes == (SILENCE,)


async def test_what_is_refused_is_not_written(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        with pytest.raises(ProberError, match="no incident"):
            await made.settle.decide(Ack(incident="123456", by="ann", comment="", at=0))
        assert await made.store.audit(10) == []


async def test_silence_audit_and_incident_outlive_a_restart(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.settle = settle(made)
        made.settle.configure(plan())
        async with running(made):
            await made.settle.decide(SILENCE)
            made.put(*fires())
            await made.settle.flush()
    async with bench(tmp_path) as again:
        assert again.handed == []
        loaded = await again.store.load()
        again.settle = settle(again)
        again.settle.load(loaded.states, loaded.undelivered, loaded.since, mutes=loaded.mutes)
        again.settle.configure(plan())
        async with running(again):
            again.put(result(DOWN))
            await again.clock.advance(1)
            assert again.handed == []
            (record,) = await remembered(again.store, Wanted(firing=True))
            assert record.held == "silence 3f9a"
            assert record.told_at is None
            (entry,) = await again.store.audit(10)
            assert (entry.who, entry.why) == ("ann@desk", "new disk")

            await again.settle.decide(Expire(id="3f9a", by="bo", comment="", at=0))
            assert [one.notice.event for one in again.handed] == ["firing"]
            await again.settle.flush()
            (record,) = await remembered(again.store, Wanted())
            assert record.told == ("ops",)
            assert record.told_at == again.clock.now()


async def test_an_end_that_is_owed_outlives_a_restart_and_is_told_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        made.settle = settle(made)
        made.settle.configure(plan())
        async with running(made):
            made.put(*fires())
            await made.settle.decide(SILENCE)
            made.put(*heals())
            await made.settle.flush()
            assert [one.notice.event for one in made.handed] == ["firing"]
            await made.settle.mark(made.handed[0].id, "delivered", answer="C1:17")
            await made.settle.flush()
    async with bench(tmp_path) as again:
        loaded = await again.store.load()
        again.settle = settle(again)
        again.settle.load(loaded.states, loaded.undelivered, loaded.since, mutes=loaded.mutes)
        again.settle.configure(plan())
        key = made.handed[0].notice.key
        assert loaded.receipts == {(key, "ops"): "C1:17"}
        assert [one.notice.key for one in again.settle.standing()] == [key]
        assert again.settle.burns(key)
        async with running(again):
            again.handed.clear()
            await again.settle.flush()  # of the start
            await again.clock.advance(SILENCE.ends_at - again.clock.now() + 1)
            await again.settle.flush()
            assert [(one.notice.event, one.notice.key) for one in again.handed] == [
                ("resolved", key)
            ]
            assert not again.settle.burns(key)
    assert (await kept(tmp_path)).states == {}


async def test_an_incident_is_recorded_from_its_firing_to_its_end(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.put(*fires())
        await made.settle.flush()
        (record,) = await remembered(made.store, Wanted(firing=True))
        assert record.key == made.handed[0].notice.key
        assert record.told == ("ops",)
        await made.settle.decide(Ack(incident=record.id, by="ann", comment="on it", at=0))
        made.put(*heals())
        await made.settle.flush()

        assert await remembered(made.store, Wanted(firing=True)) == []
        (record,) = await remembered(made.store, Wanted(check="api"))
        assert (record.acked_by, record.acked_comment) == ("ann", "on it")
        assert record.resolved_at == made.clock.now()


async def test_a_claim_is_on_disk_before_it_is_answered(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.put(*fires())
        await made.settle.flush()
        (firing,) = made.handed
        made.store.may_commit.clear()
        asked = asyncio.create_task(made.settle.claim(firing.id))
        await made.clock.advance(1)
        assert not asked.done()
        made.store.may_commit.set()
        assert await asked is True
        batches = []
        while not made.store.committed.empty():
            batches.append(made.store.committed.get_nowait())
        assert [mark.status for batch in batches for mark in batch.marks] == [CLAIMED]
    assert (await kept(tmp_path)).undelivered == ()


async def test_without_a_store_nothing_can_be_claimed(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.store.broken = True
        assert await made.settle.claim("some/firing/0/ops") is False
        assert await made.settle.claim("some/firing/0/ops") is False
        assert made.up[-1] is False


async def test_an_answer_is_kept_with_its_delivery(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.put(*fires())
        await made.settle.flush()
        await made.settle.mark(made.handed[0].id, "delivered", answer="C1:1700.1")
        await made.settle.flush()
    loaded = await kept(tmp_path)
    assert loaded.receipts == {(made.handed[0].notice.key, "ops"): "C1:1700.1"}


async def test_a_store_that_is_gone_for_a_minute_is_told_and_its_return_too(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, running(made):
        made.store.broken = True
        made.put(result(UP))
        await made.clock.advance(GROUP)
        await made.went_down.wait()
        await made.clock.advance(STORE_GONE - 1)
        assert made.handed == []
        await made.clock.advance(2)
        assert [one.notice.labels["alertname"] for one in made.handed] == ["ProberStore"]

        made.store.broken = False
        await made.clock.advance(6)
        await made.settle.flush()
        assert [one.notice.event for one in made.handed] == ["firing", "resolved"]


async def test_who_is_to_be_looked_at_now_is_asked_for(tmp_path: Path) -> None:
    asked: list[str] = []
    web = Watched(kind="http", rules=(rule(1, 1),))
    checks = {"web": web, "cart": replace(web, depends_on=("web",), timeout=1.0)}
    async with bench(tmp_path) as made:
        made.settle = Settle(
            store=made.store,
            clock=made.clock,
            hand=made.handed.extend,
            alerted=lambda *_: None,
            counters=made,
            ask=asked.append,
        )
        made.settle.configure(replace(plan(), checks=checks, parents=frozenset({"web"})))
        async with running(made):
            made.put(result(DOWN, check="cart"))
            assert asked == ["web"]
            await made.clock.advance(1)
            assert made.handed == []
            made.put(result(UP, check="web", at=made.clock.now()))
            await made.clock.advance(1)
            await made.settle.flush()
            assert [one.notice.labels["check"] for one in made.handed] == ["cart"]
