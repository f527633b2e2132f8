"""Incidents, mutes and the audit log: what is kept, how it is found, and for how long."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.alerts import records as made
from prober.alerts.decisions import Entry, Mute
from prober.alerts.matchers import parse
from prober.alerts.notice import Event, incident_id, incident_key
from prober.alerts.records import Record
from prober.store import outbox, records
from prober.store.backlog import Backlog
from prober.store.batch import Batch
from prober.store.database import DAY
from prober.store.outbox import Mark
from prober.store.records import Heard, Wanted
from tests.alerts.samples import DOWN, UP, result
from tests.fake_clock import NOON, FakeClock
from tests.store.test_database import KEY, fill, make_room, opened, remembered
from tests.store.test_outbox import fired, firing, insert, resolved


def record(check: str = "api", incident: str = "run7", **more: object) -> Record:
    return replace(made.record(fired(check, incident), summary="it is down"), **more)  # type: ignore[arg-type]


def mute(id_: str = "3f9a0c1d", **more: object) -> Mute:
    whole = Mute(
        id=id_,
        kind="silence",
        matchers=(parse("check=api"), parse('team=~"pay.*"')),
        starts_at=NOON,
        ends_at=NOON + 3600,
        by="ana@desk",
        comment="a new disk",
        at=NOON,
    )
    return replace(whole, **more)  # type: ignore[arg-type]


def entry(number: int = 1, at: float = NOON) -> Entry:
    return Entry(id=f"e{number}", at=at, who="ana", did="acknowledged", what="x", why="mine")


texts = st.text(max_size=20)
moments = st.none() | st.floats(min_value=1, max_value=2e9)
some_records = st.builds(
    Record,
    key=st.just("eu/api/down/run7"),
    rule=st.just("down"),
    region=st.just("eu"),
    kind=st.just("http"),
    severity=texts,
    fired_at=st.just(NOON),
    check=st.just("api"),
    labels=st.dictionaries(st.sampled_from("abc"), texts),
    since=moments,
    told=st.lists(texts, max_size=2).map(tuple),
    told_at=moments,
    acked_at=moments,
    acked_by=texts,
    held=texts,
    resolved_at=moments,
    because=texts,
    last_message=texts,
)


@given(some_records)
def test_a_record_comes_back_as_it_was(one: Record) -> None:
    assert Record.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_of_very_much_that_was_said_the_latest_is_shown(connection: sqlite3.Connection) -> None:
    connection.execute(records.UPSERT_INCIDENT, records.incident_row(record()))
    reminders = (
        replace(one, id=f"{one.id}/{number}", notice=replace(one.notice, event=event))
        for one in [firing(fired())]
        for number, event in enumerate([Event.REMINDER] * records.MOST_TOLD)
    )
    insert(connection, firing(fired()), *reminders, resolved(fired()))

    story = records.story(connection, record().id)

    assert story is not None
    assert len(story.told) == records.MOST_TOLD
    assert [story.told[0].event, story.told[-1].event] == ["reminder", "resolved"]


def test_a_record_of_a_newer_version_is_read_as_far_as_it_is_known() -> None:
    assert Record.from_json({**record().to_json(), "blame": "ana"}) == record()


def test_a_record_is_known_by_what_people_type() -> None:
    key = incident_key(fired())

    assert (record().key, record().id, record().run_id) == (key, incident_id(key), "run7")
    assert {"check", "severity"} <= {one.name for one in fields(Record)}


@given(some_records, some_records)
def test_what_a_later_record_leaves_empty_stays_in_the_file_and_in_memory_alike(
    first: Record, second: Record
) -> None:
    with sqlite3.connect(":memory:", isolation_level=None) as connection:
        for statement in (*outbox.SCHEMA, *records.SCHEMA[3:]):
            connection.execute(statement)
        for one in (first, second):
            connection.execute(records.UPSERT_INCIDENT, records.incident_row(one))
        (kept,) = [one.record for one in records.incidents(connection, Wanted())]
        firing = Wanted(firing=kept.resolved_at is None)
        assert [one.record for one in records.incidents(connection, firing)] == [kept]
    connection.close()

    labels = {**first.labels, **second.labels}
    assert replace(kept, labels={}) == replace(second.after(first), labels={})
    assert kept.labels.keys() <= labels.keys()
    assert kept.held == (second.held or first.held)


async def test_an_incident_is_kept_with_what_was_said_of_it_and_its_last_failed_run(
    tmp_path: Path,
) -> None:
    told = Mark(id=firing(fired()).id, status="delivered", at=NOON + 1, answer="C1:17")
    gone = Mark(id=firing(fired(), "mail").id, status="dead", at=NOON + 2, error="refused")
    runs = [result(UP, at=NOON - 1), result(DOWN, at=NOON), result(DOWN, at=NOON + 30)]
    async with opened(tmp_path) as store:
        await store.commit(
            Batch(
                results=[*runs, result(DOWN, at=NOON + 999), result(DOWN, check="web")],
                states={KEY: fired()},
                deliveries=[firing(fired()), firing(fired(), "mail"), resolved(fired())],
                marks=[told, gone],
                incidents=[record()],
            )
        )
        await store.commit(Batch(incidents=[record(resolved_at=NOON + 60)]))

        found = [
            await store.story(known)
            for known in (record().id, record().id[:6], record().key, record().id[:5], "nothing")
        ]
    assert [one is not None for one in found] == [True, True, True, False, False]
    story = found[0]
    assert story is not None
    assert story == found[1] == found[2]
    assert story.record == record(resolved_at=NOON + 60)
    assert [(one.notifier, one.event, one.status) for one in story.told] == [
        ("ops", "firing", "delivered"),
        ("mail", "firing", "dead"),
        ("ops", "resolved", "pending"),
    ]
    assert (story.told[0].answer, story.told[0].done_at) == ("C1:17", NOON + 1)
    assert (story.told[1].error, story.told[2].done_at) == ("refused", None)
    assert story.run == runs[2]


async def test_incidents_are_asked_for_by_state_and_check_the_newest_first(tmp_path: Path) -> None:
    over = record("web", resolved_at=NOON + 5, fired_at=NOON + 3)
    later = record("api", "run9", fired_at=NOON + 9)
    async with opened(tmp_path) as store:
        await store.commit(Batch(incidents=[record(), over, later]))

        assert await remembered(store, Wanted()) == [later, over, record()]
        assert await remembered(store, Wanted(limit=1)) == [later]
        assert await remembered(store, Wanted(firing=True)) == [later, record()]
        assert await remembered(store, Wanted(firing=False)) == [over]
        assert await remembered(store, Wanted(check="web", firing=True)) == []
        assert await remembered(store, Wanted(check="api", limit=1)) == [later]


async def test_the_list_says_of_each_who_has_heard_of_it_as_its_own_page_does(
    tmp_path: Path,
) -> None:
    told = replace(firing(fired()), id="1", notifier="am")
    deliveries = [told, *(replace(told, id=name, notifier=name) for name in ("hook", "sms"))]
    web = fired("web")
    async with opened(tmp_path) as store:
        await store.commit(
            Batch(
                states={KEY: fired(), ("web", "down"): web},
                incidents=[record(told=("am", "hook", "sms")), record("web")],
                deliveries=[*deliveries, replace(firing(web), id="4", notifier="late")],
                marks=[
                    Mark(id="1", status="delivered", at=NOON + 5),
                    Mark(id="hook", status="dead", at=NOON + 6),
                ],
            )
        )
        listed = {one.record.check: one.heard for one in await store.incidents(Wanted())}
        stories = [await store.story(record(check).id) for check in ("api", "web")]

    heard = Heard(told=("am",), untold=("hook",), waiting=("sms",), at=NOON + 5)
    assert listed == {"api": heard, "web": Heard(waiting=("late",))}
    assert [one.heard for one in stories if one] == list(listed.values())


async def test_two_incidents_whose_ids_begin_alike_are_not_mixed_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.commit(Batch(incidents=[record()]))
        assert store._connection is not None
        store._connection.execute(
            "INSERT INTO incidents SELECT substr(id, 1, 8) || 'ffff', 'other', check_name, rule,"
            " fired_at, resolved_at, record FROM incidents"
        )

        assert await store.story(record().id[:8]) is None
        assert await store.story(record().id) is not None


async def test_a_row_that_cannot_be_read_is_left_out_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as store:
        await store.commit(
            Batch(incidents=[record(), record("web")], mutes={"a": mute("a"), "b": mute("b")})
        )
        assert store._connection is not None
        store._connection.execute("UPDATE incidents SET record = '[1]' WHERE check_name = 'web'")
        store._connection.execute("UPDATE mutes SET mute = '{}' WHERE id = 'b'")

        assert await remembered(store, Wanted()) == [record()]
        assert (await store.load()).mutes == (mute("a"),)
    assert "left out an incident" in caplog.text
    assert "left out mute b" in caplog.text


async def test_mutes_are_there_until_they_are_over(tmp_path: Path) -> None:
    clock = FakeClock()
    async with opened(tmp_path, clock) as store:
        await store.commit(Batch(mutes={one: mute(one) for one in "abc"}))
        await store.commit(Batch(mutes={"a": None, "b": mute("b", ends_at=NOON + 9)}))
        assert set((await store.load()).mutes) == {mute("b", ends_at=NOON + 9), mute("c")}

        await clock.advance(60)
        assert (await store.load()).mutes == (mute("c"),)
        await store.prune()
        assert await store.ask(_mutes) == ["c"]


def _mutes(connection: sqlite3.Connection) -> list[str]:
    return [id_ for (id_,) in connection.execute("SELECT id FROM mutes ORDER BY id")]


async def test_the_whole_truth_has_all_mutes_and_adds_to_the_rest(tmp_path: Path) -> None:
    old, burning = record("web", "run1", fired_at=NOON - 9), record()
    async with opened(tmp_path) as store:
        await store.commit(
            Batch(incidents=[old, burning], mutes={"a": mute("a")}, audit=[entry(1)])
        )
        await store.commit(
            Batch(
                states={KEY: fired()},
                mutes={"b": mute("b")},
                audit=[entry(2)],
                whole=NOON + 60,
            )
        )

        assert (await store.load()).mutes == (mute("b"),)
        assert [one.id for one in await store.audit(9)] == ["e2", "e1"]
        assert await remembered(store, Wanted(firing=True)) == [burning]
        (closed,) = await remembered(store, Wanted(firing=False))
    assert (closed.check, closed.resolved_at) == ("web", NOON + 60)
    assert "while this file was not in use" in closed.because


async def test_how_long_each_is_kept(tmp_path: Path) -> None:
    days = (729, 731)
    over = [
        record("api", f"r{n}", fired_at=NOON - n * DAY, resolved_at=NOON - n * DAY + 1)
        for n in days
    ]
    still = record("api", "old", fired_at=NOON - 800 * DAY)
    log = [entry(n, NOON - n * DAY) for n in (366, 364)]
    async with opened(tmp_path) as store:
        await store.commit(Batch(incidents=[*over, still], audit=log))
        await store.prune()

        assert await remembered(store, Wanted()) == [over[0], still]
        assert await store.audit(9) == [log[1]]


async def test_writing_an_audit_entry_twice_is_writing_it_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.commit(Batch(audit=[entry()]))
        await store.commit(Batch(audit=[entry(), entry(2)]))

        assert await store.audit(1) == [entry(2)]
        assert await store.audit(9) == [entry(2), entry()]


async def test_a_claim_holds_until_its_mark_and_is_dead_after_a_restart(tmp_path: Path) -> None:
    ran, cut = firing(fired()), firing(fired(), "restart")
    async with opened(tmp_path) as store:
        claims = [Mark(id=one.id, status="claimed", at=NOON) for one in (ran, cut)]
        await store.commit(Batch(states={KEY: fired()}, deliveries=[ran, cut], marks=claims))
        assert (await store.load()).undelivered == ()
        assert await store.ask(_status) == [("claimed", None, None), ("claimed", None, None)]
        done = Mark(id=ran.id, status="delivered", at=NOON + 1, answer="exit 0")
        await store.commit(Batch(marks=[done]))

    async with opened(tmp_path) as store:
        loaded = await store.load()
        assert loaded.undelivered == ()
        assert loaded.interrupted == (cut,)
        assert loaded.receipts == {(ran.notice.key, "ops"): "exit 0"}
        await store.commit(Batch(states={KEY: fired()}, whole=NOON + 9))
        over = await store.load()
        assert over.interrupted == ()
        assert over.receipts[cut.notice.key, "restart"] == "interrupted: not run again"

        assert await store.ask(_status) == [
            ("delivered", None, NOON + 1),
            ("dead", "interrupted: not run again", NOON + 9),
        ]


def _status(connection: sqlite3.Connection) -> list[tuple[str, str | None, float | None]]:
    return connection.execute(
        "SELECT status, error, done_at FROM deliveries ORDER BY seq"
    ).fetchall()


async def test_a_claim_under_way_outlives_a_change_of_files(tmp_path: Path) -> None:
    box = Backlog(lambda _: None)
    box.say([firing(fired())])
    box.mark(Mark(id=firing(fired()).id, status="claimed", at=NOON))
    async with opened(tmp_path) as store:
        await store.commit(box.take({KEY: fired()}, {KEY}, NOON))
        box.owe_whole()
        await store.commit(box.take({KEY: fired()}, set(), NOON + 1))
        assert await store.ask(_status) == [("claimed", None, None)]

        box.mark(Mark(id=firing(fired()).id, status="delivered", at=NOON + 2))
        box.owe_whole()
        await store.commit(box.take({KEY: fired()}, set(), NOON + 3))
        assert await store.ask(_status) == [("delivered", None, NOON + 2)]


async def test_that_a_command_was_not_run_is_a_receipt_only_where_it_never_was(
    tmp_path: Path,
) -> None:
    its, both = fired(), "ran"
    first, never = firing(its, both), firing(its, "never")
    later = replace(first, id=f"{first.id}/later")
    limited = "not run: 3 in the last hour"
    marks = [
        Mark(id=first.id, status="delivered", at=NOON, answer="exit 0"),
        Mark(id=later.id, status="not_run", at=NOON, error=limited),
        Mark(id=never.id, status="not_run", at=NOON, error=limited),
    ]
    async with opened(tmp_path) as store:
        await store.commit(Batch(states={KEY: its}, deliveries=[first, later, never], marks=marks))

        assert (await store.load()).receipts == {
            (incident_key(its), "ran"): "exit 0",
            (incident_key(its), "never"): limited,
        }


async def test_receipts_are_of_what_burns_or_whose_end_waits(tmp_path: Path) -> None:
    told, cold, waits = fired("api"), fired("web"), fired("dns")
    marks = [
        Mark(id=firing(one).id, status="delivered", at=NOON, answer=f"C1:{check}")
        for one, check in ((told, "api"), (cold, "web"), (waits, "dns"))
    ]
    async with opened(tmp_path) as store:
        await store.commit(
            Batch(
                states={KEY: told},
                deliveries=[firing(told), firing(cold), firing(waits), resolved(waits)],
                marks=marks,
            )
        )

        assert (await store.load()).receipts == {
            (incident_key(told), "ops"): "C1:api",
            (incident_key(waits), "ops"): "C1:dns",
        }


async def test_what_could_not_be_written_is_written_with_the_whole_truth(tmp_path: Path) -> None:
    box = Backlog(lambda _: None)
    box.keep([record(held="weekly")], {"a": mute("a"), "b": mute("b")}, [entry()])
    async with opened(tmp_path) as store:
        failed = box.take({KEY: fired()}, {KEY}, NOON)
        assert not box
        box.keep([record(told_at=NOON + 5)], {"a": None}, [entry(2)])
        box.put_back(failed)
        assert box
        await store.commit(box.take({KEY: fired()}, set(), NOON))

        assert await remembered(store, Wanted()) == [record(held="weekly", told_at=NOON + 5)]
        assert (await store.load()).mutes == (mute("b"),)
        assert await store.audit(9) == [entry(2), entry()]


def test_a_new_file_is_told_what_burns_and_not_what_is_over() -> None:
    box = Backlog(lambda _: None)
    over = record("web")
    box.load((), {}, [mute("a"), mute("b", ends_at=NOON + 1)])
    box.keep([record(held="weekly"), over])
    first = box.take({}, set(), NOON)
    box.keep([replace(over, resolved_at=NOON + 5), record(told_at=NOON + 6)])
    second = box.take({}, set(), NOON + 6)
    box.owe_whole()
    new = box.take({}, set(), NOON + 9)

    assert set(first.mutes) == {"a", "b"}
    assert len(second.incidents) == 2
    assert second.mutes == {}
    assert new.incidents == (record(held="weekly", told_at=NOON + 6),)
    assert set(new.mutes) == {"a"}
    assert new.audit == ()


def test_a_mute_that_is_found_late_does_not_undo_what_was_decided() -> None:
    box = Backlog(lambda _: None)
    box.keep(mutes={"a": None, "b": mute("b", comment="new")})
    box.join((), {}, [mute("a"), mute("b"), mute("c")])

    assert dict(box.mutes) == {"b": mute("b", comment="new"), "c": mute("c")}


def test_what_waits_too_long_is_given_up_the_oldest_first_and_counted() -> None:
    lost: list[int] = []
    box = Backlog(lost.append)
    box.keep(audit=[entry(n) for n in range(10_003)])
    batch = box.take({}, set(), NOON)

    assert sum(lost) == 3
    assert batch.audit[0] == entry(3)
    assert len(batch.audit) == 10_000


async def test_a_full_disk_does_not_keep_mutes_from_being_found_again(tmp_path: Path) -> None:
    box = Backlog(lambda _: None)
    async with opened(tmp_path, FakeClock()) as store:
        await store.commit(Batch(whole=NOON))
        fill(store)
        box.keep(mutes={str(n): mute(str(n), comment="x" * 900) for n in range(200)})
        batch = box.take({}, set(), NOON)
        with pytest.raises(Exception, match="disk is full"):
            await store.commit(batch)
        box.put_back(batch)
        make_room(store)
        await store.commit(box.take({}, set(), NOON))

        assert len((await store.load()).mutes) == 200
