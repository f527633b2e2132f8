"""Deliveries reach their receivers: in order, each of them, and nobody waits for a dead one."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from prober.alerts.notice import Delivery, Event
from prober.notify import AnyNotifier, Means, Told, send
from tests.fake_clock import NOON
from tests.notify.notices import delivery, firing, notice, resolved
from tests.notify.rig import Machine, check_of, cluster, delivering, told, webhook
from tests.servers import receivers
from tests.servers.receivers import OK, RESET, SILENCE, Answer, Received, Receiver, receiver

DAY = 86400.0
AT_ONCE = Machine.TRAITS.at_once


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


@pytest.fixture
async def other() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


async def test_what_is_accepted_is_marked_counted_and_said(
    hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "prober")

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.until_marked(1)

    assert rig.marks == [(firing().id, "delivered", "")]
    assert rig.counts == [("ops", "accepted")]
    assert caplog.messages == ["delivered firing of api-health/down to ops"]


async def test_nothing_is_marked_before_it_is_accepted(hook: Receiver) -> None:
    accept = asyncio.Event()
    hook.answer = lambda _: Answer(after=accept)

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await hook.until(1)
        await rig.clock.advance(5)
        before = list(rig.marks)
        accept.set()
        await rig.until_marked(1)

    assert before == []


async def test_a_failure_is_followed_by_a_pause_and_the_same_message(hook: Receiver) -> None:
    hook.answers.extend([Answer(503), RESET])

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.until_pausing()
        await rig.clock.advance(0.99)
        asked_early = len(hook.received)
        await rig.clock.advance(1.01)
        await hook.until(2)
        await rig.until_pausing()
        await rig.clock.advance(4)
        await rig.until_marked(1)

    assert asked_early == 1
    assert rig.counts == [("ops", "retried"), ("ops", "retried"), ("ops", "accepted")]
    assert len({(r.raw, r.headers["idempotency-key"]) for r in hook.received}) == 1


async def test_the_receivers_own_wish_is_kept(hook: Receiver) -> None:
    hook.answers.append(Answer(429, headers={"Retry-After": "120"}))

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.until_pausing()
        await rig.clock.advance(119.9)
        asked_early = len(hook.received)
        await rig.clock.advance(0.2)
        await rig.until_marked(1)

    assert asked_early == 1
    assert len(hook.received) == 2


async def test_silence_is_a_failure_like_any_other(hook: Receiver) -> None:
    hook.answers.append(SILENCE)

    async with delivering({"ops": webhook(hook.url, timeout=1.0)}, firing()) as rig:
        await rig.until_pausing()
        await rig.clock.advance(2)
        await rig.until_marked(1)

    assert rig.counts == [("ops", "retried"), ("ops", "accepted")]


async def test_what_is_refused_for_good_is_dead_and_the_next_has_its_turn(
    hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    hook.answers.append(Answer(400, text="bad key s-e-c-r-e-t"))
    settings: dict[str, JsonValue] = {"headers": {"X-Api-Key": "s-e-c-r-e-t"}}

    async with delivering({"ops": webhook(hook.url, **settings)}, firing(), resolved()) as rig:
        await rig.until_marked(2)

    error = f"{hook.url} answered 400, saying 'bad key ***'"
    assert rig.marks == [(firing().id, "dead", error), (resolved().id, "delivered", "")]
    assert [(r.levelname, r.message) for r in caplog.records] == [
        ("ERROR", f"gave up firing of api-health/down to ops: {error}")
    ]


async def test_a_resolution_waits_for_its_firing(hook: Receiver) -> None:
    hook.answers.extend([Answer(500)] * 3)

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.until_pausing()
        rig.deliverer.hand([resolved()])
        await rig.let_pass(1, lambda: len(rig.marks) == 2)

    assert told(hook) == [("firing", "api-health")] * 4 + [("resolved", "api-health")]


async def test_the_next_incident_of_an_alert_waits_for_the_end_of_the_last(
    hook: Receiver,
) -> None:
    hook.answer = lambda one: OK if "/run-2/" in one.headers["idempotency-key"] else Answer(500)

    async with delivering({"ops": webhook(hook.url)}, resolved()) as rig:
        rig.deliverer.hand([firing(incident="run-2")])
        await rig.until_pausing()
        hook.answer = lambda _: OK
        await rig.let_pass(1, lambda: len(rig.marks) == 2)

    assert [event for event, _ in told(hook)] == ["resolved", "resolved", "firing"]


async def test_an_alert_waits_for_no_other(hook: Receiver) -> None:
    hook.answer = lambda one: Answer(500) if check_of(one) == "stuck" else OK
    stuck = [firing(check="stuck"), resolved(check="stuck")]

    async with delivering({"ops": webhook(hook.url)}, *stuck, firing(), resolved()) as rig:
        await rig.until_marked(2)

    assert [mark[0] for mark in rig.marks] == [firing().id, resolved().id]
    assert ("resolved", "stuck") not in told(hook)


async def test_a_dead_receiver_delays_no_other_and_is_not_stormed(
    hook: Receiver, other: Receiver
) -> None:
    hook.answer = lambda _: SILENCE
    checks = [f"check-{n}" for n in range(30)]
    handed = [firing(to=to, check=one) for one in checks for to in ("dead", "well")]
    notifiers = {"dead": webhook(hook.url), "well": webhook(other.url)}

    async with delivering(notifiers, *handed) as rig:
        await rig.until_marked(30)
        await hook.until(AT_ONCE)
        pending = dict(rig.deliverer.pending)

    assert pending == {"dead": 30, "well": 0}
    assert hook.at_once == AT_ONCE
    assert other.at_once <= AT_ONCE


async def test_after_a_day_of_failures_a_delivery_is_given_up(hook: Receiver) -> None:
    hook.answer = lambda one: (
        Answer(500, headers={"Retry-After": "3600"}) if "/firing/" in one.headers["idempotency-key"]
        else OK
    )  # fmt: skip

    async with delivering({"ops": webhook(hook.url)}, firing(), resolved()) as rig:
        for _ in range(23):
            await rig.until_pausing()
            await rig.clock.advance(3600)
        alive = not rig.marks
        await rig.until_pausing()
        await rig.clock.advance(3600)
        await rig.until_marked(2)

    assert alive
    assert rig.dead == [f"{hook.url} answered 500"]
    assert rig.counts[-2:] == [("ops", "dead"), ("ops", "accepted")]


async def test_what_is_old_at_the_start_is_tried_as_long_as_anything_else(hook: Receiver) -> None:
    hook.answers.extend([Answer(503)] * 3)

    async with delivering({"ops": webhook(hook.url)}, firing(), now=NOON + 2 * DAY) as rig:
        await rig.let_pass(1, lambda: bool(rig.marks))

    assert rig.marks == [(firing().id, "delivered", "")]


async def test_an_ingress_that_rolls_over_costs_no_notice(hook: Receiver) -> None:
    hook.answer = lambda _: Answer(404)

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.until_pausing()
        await rig.clock.advance(500)
        hook.answer = lambda _: OK
        await rig.let_pass(10, lambda: bool(rig.marks))

    assert rig.marks == [(firing().id, "delivered", "")]


async def test_a_receiver_that_knows_us_no_more_is_given_up_after_ten_minutes(
    hook: Receiver,
) -> None:
    hook.answer = lambda _: Answer(401, headers={"Retry-After": "200"})

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        for _ in range(3):
            await rig.until_pausing()
            alive = not rig.marks
            await rig.clock.advance(200)
        await rig.until_marked(1)

    assert alive
    assert rig.dead == [f"{hook.url} answered 401"]
    assert len(hook.received) == 4


async def test_ten_minutes_of_being_turned_away_are_in_one_piece(hook: Receiver) -> None:
    def answer(_: Received) -> Answer:
        status = 404 if len(hook.received) % 4 else 503
        return Answer(status, headers={"Retry-After": "200"})

    hook.answer = answer

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        for _ in range(20):
            await rig.until_pausing()
            await rig.clock.advance(200)
        await rig.until_pausing()

    assert rig.marks == []


async def test_a_notice_that_cannot_be_told_holds_up_the_next_incident_for_an_hour(
    hook: Receiver,
) -> None:
    poison = Answer(500, headers={"Retry-After": "600"})
    hook.answer = lambda one: poison if "run-1" in one.headers["idempotency-key"] else OK

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        rig.deliverer.hand([firing(incident="run-2")])
        for _ in range(6):
            await rig.until_pausing()
            alive = not rig.marks
            await rig.clock.advance(600)
        await rig.until_marked(2)

    assert alive
    assert [status for _, status, _ in rig.marks] == ["dead", "delivered"]


async def test_the_end_of_the_same_incident_is_no_reason_to_hurry(hook: Receiver) -> None:
    hook.answer = lambda _: Answer(500, headers={"Retry-After": "3600"})

    async with delivering({"ops": webhook(hook.url)}, firing(), resolved()) as rig:
        for _ in range(3):
            await rig.until_pausing()
            await rig.clock.advance(3600)
        await rig.until_pausing()

    assert rig.marks == []


async def test_a_wall_clock_that_is_set_gives_nothing_up(hook: Receiver) -> None:
    hook.answers.extend([Answer(503), Answer(503)])

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.until_pausing()
        rig.clock.jump(10 * 365 * DAY)
        await rig.let_pass(1, lambda: bool(rig.marks))

    assert rig.marks == [(firing().id, "delivered", "")]


async def test_what_is_for_a_notifier_that_is_gone_waits_a_day_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with delivering({}, firing(), resolved()) as rig:
        await rig.until_pausing()
        await rig.clock.advance(DAY - 1)
        alive, pending = not rig.marks, dict(rig.deliverer.pending)
        await rig.clock.advance(2)
        await rig.until_marked(1)

    gone = "no notifier has this name any more"
    assert (alive, pending) == (True, {"ops": 2})
    assert rig.dead == [gone]
    assert rig.counts == [("ops", "dead")]
    assert caplog.messages == [
        f"firing of api-health/down to ops not delivered, trying again: {gone}",
        f"gave up firing of api-health/down to ops: {gone}",
    ]


async def test_a_notifier_that_is_renamed_and_named_back_is_told_at_once(hook: Receiver) -> None:
    hook.answer = lambda _: Answer(503, headers={"Retry-After": "3600"})
    notifiers = {"ops": webhook(hook.url)}

    async with delivering(notifiers, firing(), resolved()) as rig:
        await rig.until_pausing()
        rig.deliverer.configure({})
        await rig.clock.advance(3600)
        hook.answer = lambda _: OK
        rig.deliverer.configure(notifiers)
        await rig.until_marked(2)

    assert [status for _, status, _ in rig.marks] == ["delivered"] * 2
    assert told(hook)[1:] == [("firing", "api-health"), ("resolved", "api-health")]


async def test_a_firing_whose_end_was_never_made_is_not_told_when_its_notifier_is_back(
    hook: Receiver,
) -> None:
    async with delivering({}, firing(), firing(check="burning")) as rig:
        await rig.until_pausing(lanes=2)
        rig.over.add("eu-west-1/api-health/")
        rig.deliverer.configure({"ops": webhook(hook.url)})
        await rig.until_marked(2)

    assert told(hook) == [("firing", "burning")]
    assert rig.dead == ["it was over before its notifier was back"]


async def test_a_drain_keeps_what_waits_for_its_notifier() -> None:
    async with delivering({}, firing()) as rig:
        await rig.until_pausing()
        await rig.deliverer.drain(5)
        assert rig.task is not None
        async with asyncio.timeout(5):
            await rig.task

    assert rig.marks == []
    assert rig.deliverer.pending == {"ops": 1}


async def test_a_fault_of_our_own_is_a_failure_with_a_traceback_and_ends_nothing(
    hook: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    crashes = iter([True, True])

    async def crash(told: Told, means: Means) -> Mapping[str, str]:
        if next(crashes, False):
            raise KeyError("our own")
        return await send(told, means)

    monkeypatch.setattr("prober.notify.telling.send", crash)

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.let_pass(1, lambda: bool(rig.marks))

    assert rig.counts == [("ops", "retried"), ("ops", "retried"), ("ops", "accepted")]
    assert [bool(record.exc_info) for record in caplog.records] == [True]


async def test_a_failure_is_said_once_until_it_changes(
    hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [Answer(503, text="id 1"), Answer(503, text="id 2"), Answer(500), Answer(500)]
    hook.answers.extend(answers)

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.let_pass(1, lambda: bool(rig.marks))

    before = "firing of api-health/down to ops not delivered, trying again"
    assert [(r.levelname, r.message) for r in caplog.records if r.levelno > logging.INFO] == [
        ("WARNING", f"{before}: {hook.url} answered 503, saying 'id 1'"),
        ("WARNING", f"{before}: {hook.url} answered 500"),
    ]


async def test_one_alert_that_cannot_be_told_is_said_once_among_many_that_can(
    hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    hook.answer = lambda one: Answer(500) if check_of(one) == "stuck" else OK

    async with delivering({"ops": webhook(hook.url)}, firing(check="stuck")) as rig:
        for n in range(5):
            await rig.until_pausing()
            rig.deliverer.hand([firing(check=f"check-{n}")])
            await rig.until_marked(n + 1)
            await rig.clock.advance(60)
            await rig.until(lambda n=n: rig.counts.count(("ops", "retried")) >= n + 2)  # type: ignore[misc]  # bound now

    assert [r.message for r in caplog.records if r.levelno > logging.INFO] == [
        f"firing of stuck/down to ops not delivered, trying again: {hook.url} answered 500"
    ]


async def test_new_settings_are_tried_at_once(hook: Receiver, other: Receiver) -> None:
    hook.answer = other.answer = lambda one: Answer(503, headers={"Retry-After": "3600"})
    notifiers = {"ops": webhook(hook.url), "same": webhook(other.url)}

    async with delivering(notifiers, firing(), firing(to="same")) as rig:
        await rig.until_pausing(lanes=2)
        hook.answer = lambda _: OK
        rig.deliverer.configure({**notifiers, "ops": webhook(f"{hook.url}/new")})
        await rig.until_marked(1)

    assert [one.path for one in hook.received] == ["/", "/new"]
    assert len(other.received) == 1


async def test_settings_that_change_during_a_try_are_tried_next_and_at_once(
    hook: Receiver, other: Receiver
) -> None:
    late = asyncio.Event()
    hook.answer = lambda _: Answer(503, headers={"Retry-After": "3600"}, after=late)

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await hook.until(1)
        rig.deliverer.configure({"ops": webhook(other.url)})
        late.set()
        await rig.until_marked(1)

    assert (len(hook.received), len(other.received)) == (1, 1)
    assert rig.clock.now() == NOON


async def test_a_refusal_by_settings_that_are_no_longer_those_gives_nothing_up(
    hook: Receiver, other: Receiver
) -> None:
    late = asyncio.Event()
    hook.answer = lambda _: Answer(400, after=late)

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await hook.until(1)
        rig.deliverer.configure({"ops": webhook(other.url)})
        late.set()
        await rig.until_marked(1)

    assert rig.marks == [(firing().id, "delivered", "")]


async def test_new_settings_wake_no_lane_that_has_begun_with_them(hook: Receiver) -> None:
    hook.answer = lambda _: SILENCE
    blocked = [firing(check=f"check-{n}") for n in range(AT_ONCE)]
    notifiers = {"ops": webhook(hook.url, timeout=0.5)}

    async with delivering(notifiers, *blocked, firing()) as rig:
        await hook.until(AT_ONCE)
        hook.answer = lambda _: Answer(500, headers={"Retry-After": "3600"})
        rig.deliverer.configure({"ops": webhook(hook.url, timeout=0.6)})
        await rig.until_pausing(lanes=AT_ONCE + 1)

    assert len(hook.received) == 2 * AT_ONCE + 1


async def test_what_was_refused_for_good_is_tried_under_new_settings_while_it_burns(
    hook: Receiver, other: Receiver
) -> None:
    hook.answer = lambda _: Answer(400)
    over = firing(check="over")

    async with delivering({"ops": webhook(hook.url)}, firing(), over) as rig:
        await rig.until_marked(2)
        rig.over.add("eu-west-1/over/")
        rig.deliverer.configure({})
        rig.deliverer.configure({"ops": webhook(other.url)})
        await rig.until_marked(3)
        rig.deliverer.configure({"ops": webhook(f"{other.url}/new")})
        await rig.clock.advance(60)

    assert told(other) == [("firing", "api-health")]
    assert rig.marks[2] == (firing().id, "delivered", "")


def reminder(n: int, *, to: str = "ops") -> Delivery:
    return delivery(notice(Event.REMINDER, at=NOON + 300 * n), n=n, to=to)


async def test_after_an_outage_a_receiver_hears_no_reminder_that_is_outdated(
    hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    hook.answer = lambda _: Answer(503, headers={"Retry-After": "300"})

    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        for n in range(1, 10):
            await rig.until_pausing()
            rig.deliverer.hand([reminder(n)])
            await rig.clock.advance(300)
        most = rig.deliverer.pending["ops"]
        await rig.until_marked(8)
        rig.deliverer.hand([resolved()])
        await rig.until_pausing()
        await rig.until_marked(9)
        hook.answer = lambda _: OK
        await rig.let_pass(300, lambda: len(rig.marks) == 11)

    assert most == 2
    assert rig.marks[:9] == [
        (reminder(n).id, "superseded", "a later notice says more") for n in range(1, 10)
    ]
    assert told(hook)[-2:] == [("firing", "api-health"), ("resolved", "api-health")]
    assert ("ops", "dead") not in rig.counts
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []


async def test_a_reminder_between_two_tries_makes_room_for_the_next_and_its_pause_goes_on(
    hook: Receiver,
) -> None:
    hook.answers.append(Answer(429, headers={"Retry-After": "600"}))

    async with delivering({"ops": webhook(hook.url)}, reminder(1)) as rig:
        await rig.until_pausing()
        rig.deliverer.hand([reminder(2)])
        await rig.until_marked(1)
        await rig.clock.advance(599)
        asked_early = len(hook.received)
        await rig.clock.advance(2)
        await rig.until_marked(2)

    assert asked_early == 1
    assert [mark[:2] for mark in rig.marks] == [
        (reminder(1).id, "superseded"),
        (reminder(2).id, "delivered"),
    ]


async def test_a_reminder_that_is_accepted_is_marked_so_whatever_came_meanwhile(
    hook: Receiver,
) -> None:
    late = asyncio.Event()
    hook.answers.append(Answer(after=late))

    async with delivering({"ops": webhook(hook.url)}, reminder(1)) as rig:
        await hook.until(1)
        rig.deliverer.hand([reminder(2), resolved()])
        late.set()
        await rig.until_marked(3)

    assert sorted(mark[:2] for mark in rig.marks) == sorted(
        [
            (reminder(1).id, "delivered"),
            (reminder(2).id, "superseded"),
            (resolved().id, "delivered"),
        ]
    )
    assert [event for event, _ in told(hook)] == ["reminder", "resolved"]


async def test_the_same_delivery_handed_twice_is_told_once(hook: Receiver) -> None:
    async with delivering({"ops": webhook(hook.url)}, firing(), firing(), resolved()) as rig:
        await rig.until_marked(2)

    assert told(hook) == [("firing", "api-health"), ("resolved", "api-health")]


async def test_what_is_pending_can_be_asked_for(hook: Receiver) -> None:
    hook.answer = lambda _: Answer(500)
    later = delivery(notice(check="homepage", starts_at=NOON + 5))
    notifiers = {"ops": webhook(hook.url), "idle": webhook(hook.url)}

    async with delivering(notifiers, later, firing(), resolved()) as rig:
        await rig.until_pausing(lanes=2)
        pending, oldest = dict(rig.deliverer.pending), rig.deliverer.oldest
        hook.answer = lambda _: OK
        await rig.let_pass(1, lambda: len(rig.marks) == 3)

    assert (pending, oldest) == ({"ops": 3, "idle": 0}, NOON)
    assert (rig.deliverer.pending, rig.deliverer.oldest) == ({"ops": 0, "idle": 0}, None)


async def test_a_drain_tries_what_is_pending_once_more_and_lets_run_return(
    hook: Receiver, other: Receiver
) -> None:
    hook.answer = other.answer = lambda _: Answer(503)
    notifiers = {"ops": webhook(hook.url), "well": webhook(other.url)}
    handed = [firing(), resolved(), firing(to="well"), resolved(to="well")]

    async with delivering(notifiers, *handed) as rig:
        await rig.until_pausing(lanes=2)
        other.answer = lambda _: OK
        await rig.deliverer.drain(5)
        rig.deliverer.hand([firing(incident="run-2")])
        assert rig.task is not None
        async with asyncio.timeout(5):
            await rig.task

    assert told(hook) == [("firing", "api-health")] * 2
    assert told(other) == [("firing", "api-health")] * 2 + [("resolved", "api-health")]
    assert [status for _, status, _ in rig.marks] == ["delivered"] * 2
    assert rig.deliverer.pending == {"ops": 2, "well": 0}


async def test_a_drain_ends_in_time_whatever_a_receiver_does(
    hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    hook.answer = lambda _: SILENCE

    async with delivering({"ops": webhook(hook.url, timeout=60)}, firing()) as rig:
        await hook.until(1)
        async with asyncio.timeout(5):
            await rig.deliverer.drain(0.1)
            assert rig.task is not None
            await rig.task

    assert rig.marks == []
    assert caplog.messages == ["stopping with 1 notices undelivered; they are kept"]


async def test_a_drain_during_a_round_of_telling_again_lets_run_return(hook: Receiver) -> None:
    late = asyncio.Event()
    hook.answers.append(Answer(after=late))

    async with delivering({"am": cluster(hook.url)}, resumed=[firing(to="am")]) as rig:
        await hook.until(1)
        await rig.deliverer.drain(5)
        late.set()
        assert rig.task is not None
        async with asyncio.timeout(5):
            await rig.task

    assert len(hook.received) == 1


async def test_a_drain_with_nothing_to_do_is_over_at_once() -> None:
    async with delivering({}) as rig:
        await rig.clock.until_asleep()
        await rig.deliverer.drain(5)
        assert rig.task is not None
        await rig.task


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_receivers_do_each_lane_is_in_order_and_nothing_is_lost(
    hook: Receiver, other: Receiver, seed: int
) -> None:
    dice = random.Random(seed)
    accepted: dict[str, list[Delivery]] = {}
    refused: set[str] = set()
    by_id: dict[str, Delivery] = {}

    def answer(one: Received) -> Answer:
        key = one.headers["idempotency-key"]
        answer = dice.choice([OK, OK, Answer(503), Answer(429), RESET, Answer(500), Answer(400)])
        if answer is OK:
            lane = check_of(one) + by_id[key].notifier
            accepted.setdefault(lane, []).append(by_id[key])
        elif answer.status == 400:
            refused.add(key)
        return answer

    hook.answer = other.answer = answer
    lanes = [
        [
            firing(to=to, check=check),
            delivery(notice(Event.REMINDER, check=check), to=to),
            resolved(to=to, check=check),
            firing(to=to, check=check, incident="run-2"),
            resolved(to=to, check=check, incident="run-2"),
        ]
        for check in (f"check-{n}" for n in range(6))
        for to in ("ops", "pager")
    ]
    by_id.update({one.id: one for lane in lanes for one in lane})

    async with delivering({"ops": webhook(hook.url), "pager": webhook(other.url)}) as rig:
        rounds = [list(lane) for lane in lanes]
        while any(rounds):
            lane = dice.choice([one for one in rounds if one])
            rig.deliverer.hand([lane.pop(0)])
            await rig.clock.advance(dice.choice([0, 0, 1, 3]))
        await rig.let_pass(2, lambda: len(rig.marks) == len(by_id))

    superseded = {i for i, status, _ in rig.marks if status == "superseded"}
    for lane in lanes:
        name = lane[0].notice.labels["check"] + lane[0].notifier
        wanted = [one for one in lane if one.id not in refused | superseded]
        assert accepted.get(name, []) == wanted
        told = [one.id for one in lane if one.id not in superseded]
        assert [i for i, _, _ in rig.marks if i in told] == told
    assert {i for i, status, _ in rig.marks if status == "dead"} == refused - superseded
    assert {by_id[i].notice.event for i in superseded} <= {Event.REMINDER}
    assert rig.deliverer.pending == {"ops": 0, "pager": 0}


def sent(one: Receiver) -> list[list[tuple[str, str]]]:
    """Per request to an Alertmanager: (incident's start, end) of each alert in it."""
    return [[(a["startsAt"], a["endsAt"]) for a in json.loads(r.raw)] for r in one.received]


BEGAN = "2023-11-14T22:13:20.000Z"


async def test_what_fires_is_told_again_every_minute_with_its_end_ahead(hook: Receiver) -> None:
    async with delivering({"am": cluster(hook.url)}, firing(to="am")) as rig:
        await rig.until_marked(1)
        for minute in (1, 2):
            await rig.clock.until_asleep()
            await rig.clock.advance(59.9)
            early = len(hook.received)
            await rig.clock.advance(0.1)
            await hook.until(minute + 1)
            assert early == minute

    assert sent(hook) == [
        [(BEGAN, "2023-11-14T22:28:20.000Z")],
        [(BEGAN, "2023-11-14T22:29:20.000Z")],
        [(BEGAN, "2023-11-14T22:30:20.000Z")],
    ]
    assert rig.counts == [("am", "accepted")]
    assert len(rig.marks) == 1


async def test_a_resolution_is_told_again_for_a_quarter_of_an_hour(hook: Receiver) -> None:
    over = resolved(to="am", at=NOON)

    async with delivering({"am": cluster(hook.url)}, firing(to="am"), over) as rig:
        await rig.until_marked(2)
        for minute in range(1, 15):
            await rig.clock.until_asleep()
            await rig.clock.advance(60)
            await hook.until(2 + minute)
        await rig.clock.until_asleep()
        await rig.clock.advance(600)

    assert sent(hook) == [[(BEGAN, "2023-11-14T22:28:20.000Z")]] + [[(BEGAN, BEGAN)]] * 15


async def test_a_resolution_is_not_told_again_once_the_alert_fires_anew(hook: Receiver) -> None:
    anew = firing(to="am", incident="run-2")

    async with delivering({"am": cluster(hook.url)}, firing(to="am"), resolved(to="am")) as rig:
        await rig.until_marked(2)
        rig.deliverer.hand([anew])
        await rig.until_marked(3)
        await rig.clock.until_asleep()
        await rig.clock.advance(60)
        await hook.until(4)

    assert sent(hook)[3] == [(BEGAN, "2023-11-14T22:29:20.000Z")]


async def test_webhooks_are_told_once(hook: Receiver) -> None:
    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        await rig.clock.advance(3600)

    assert len(hook.received) == 1


async def test_after_a_restart_what_fires_is_told_again_at_once(hook: Receiver) -> None:
    last = [
        firing(to="am", check="burning"),
        resolved(to="am", check="just-over", at=NOON - 60),
        resolved(to="am", check="long-over", at=NOON - 3600),
        firing(to="am", check="burnt-before"),
        resolved(to="am", check="burnt-before", incident="run-2", at=NOON - 3600),
        firing(to="gone", check="burning"),
    ]

    over = [f"eu-west-1/{check}/" for check in ("just-over", "long-over", "burnt-before")]
    async with delivering({"am": cluster(hook.url)}, resumed=last, over=over):
        await hook.until(1)

    assert [len(request) for request in sent(hook)] == [2]


async def test_after_a_restart_what_burns_outranks_the_end_of_the_incident_before(
    hook: Receiver,
) -> None:
    last = [firing(to="am", incident="run-2"), resolved(to="am", at=NOON - 60)]

    async with delivering(
        {"am": cluster(hook.url)}, resumed=last, over=["eu-west-1/api-health/down/run-1"]
    ):
        await hook.until(1)

    assert sent(hook) == [[(BEGAN, "2023-11-14T22:28:20.000Z")]]


async def test_what_no_longer_burns_is_told_no_more_though_nobody_resolved_it(
    hook: Receiver,
) -> None:
    notifiers = {"am": cluster(hook.url)}

    async with delivering(notifiers, resumed=[firing(to="am"), firing(to="am", check="b")]) as rig:
        await hook.until(1)
        rig.deliverer.configure({})
        rig.over.add("eu-west-1/api-health/")
        rig.deliverer.configure(notifiers)
        for minute in (2, 3):
            await rig.clock.until_asleep()
            await rig.clock.advance(60)
            await hook.until(minute)

    assert [len(request) for request in sent(hook)] == [2, 1, 1]


async def test_what_burns_is_told_again_to_an_alertmanager_that_was_out_of_the_config(
    hook: Receiver,
) -> None:
    notifiers = {"am": cluster(hook.url)}

    async with delivering({}, resumed=[firing(to="am")]) as rig:
        await rig.clock.until_asleep()
        await rig.clock.advance(600)
        rig.deliverer.configure(notifiers)
        await rig.clock.advance(60)
        await hook.until(1)

    assert len(sent(hook)) == 1


async def test_an_alertmanager_that_was_out_for_a_day_is_told_while_the_alert_burns(
    hook: Receiver,
) -> None:
    hook.answer = lambda _: Answer(500, headers={"Retry-After": "3600"})

    async with delivering({"am": cluster(hook.url)}, firing(to="am")) as rig:
        for _ in range(24):
            await rig.until_pausing()
            await rig.clock.advance(3600)
        await rig.until_marked(1)
        for _ in range(3):
            asked = len(hook.received)
            await rig.clock.until_asleep()
            await rig.clock.advance(60)
            await hook.until(asked + 1)
        hook.answer = lambda _: OK
        asked = len(hook.received)
        await rig.clock.until_asleep()
        await rig.clock.advance(60)
        await hook.until(asked + 1)
        rig.over.add("eu-west-1/api-health/")
        await rig.clock.until_asleep()
        await rig.clock.advance(600)

    assert len(hook.received) == asked + 1
    assert rig.counts.count(("am", "dead")) == len(rig.marks) == 1


async def test_an_alertmanager_that_is_out_is_tried_every_minute_at_least(hook: Receiver) -> None:
    hook.answer = lambda _: Answer(503)

    async with delivering({"am": cluster(hook.url)}, firing(to="am")) as rig:
        for _ in range(20):
            asked = len(hook.received)
            await rig.until_pausing()
            await rig.clock.advance(60)
            async with asyncio.timeout(5):
                await hook.until(asked + 1)

    assert rig.marks == []


async def test_after_a_restart_nothing_older_is_told_while_something_newer_waits(
    hook: Receiver,
) -> None:
    hook.answer = lambda _: Answer(503)
    over = resolved(to="am", at=NOON)

    async with delivering({"am": cluster(hook.url)}, over, resumed=[firing(to="am")]) as rig:
        for _ in range(5):
            await rig.until_pausing()
            await rig.clock.advance(60)
        hook.answer = lambda _: OK
        await rig.let_pass(1, lambda: bool(rig.marks))
        await rig.clock.advance(120)

    assert {end for request in sent(hook) for _, end in request} == {BEGAN}


async def test_a_resolution_waits_for_a_firing_that_is_being_told_again(hook: Receiver) -> None:
    late = asyncio.Event()

    async with delivering({"am": cluster(hook.url)}, firing(to="am")) as rig:
        await rig.until_marked(1)
        hook.answers.append(Answer(after=late))
        await rig.clock.until_asleep()
        await rig.clock.advance(60)
        await hook.until(2)
        rig.deliverer.hand([resolved(to="am", at=NOON + 61)])
        await rig.clock.advance(5)
        meanwhile = len(hook.received)
        late.set()
        await rig.until_marked(2)

    assert meanwhile == 2
    assert sent(hook)[2] == [(BEGAN, "2023-11-14T22:14:21.000Z")]


async def test_alertmanagers_that_are_gone_for_a_while_are_told_again_when_back(
    hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    async with delivering({"am": cluster(hook.url)}, firing(to="am")) as rig:
        await rig.until_marked(1)
        hook.answers.extend([RESET, RESET, RESET])
        for minute in range(1, 5):
            await rig.clock.until_asleep()
            await rig.clock.advance(60)
            await hook.until(1 + minute)

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages[0].startswith(f"alerts not told again to am: {hook.url} cannot be told")


async def test_a_resolution_that_is_refused_for_good_ends_the_telling_again(
    hook: Receiver,
) -> None:
    async with delivering({"am": cluster(hook.url)}, firing(to="am")) as rig:
        await rig.until_marked(1)
        hook.answers.append(Answer(400))
        rig.over.add("eu-west-1/api-health/")
        rig.deliverer.hand([resolved(to="am")])
        await rig.until_marked(2)
        await rig.clock.advance(600)

    assert len(hook.received) == 2


async def test_what_was_pending_at_the_restart_and_is_refused_is_not_told_again(
    hook: Receiver,
) -> None:
    hook.answers.append(Answer(400))
    pending = firing(to="am")

    async with delivering({"am": cluster(hook.url)}, pending, resumed=[pending]) as rig:
        await rig.until_marked(1)
        await rig.clock.advance(600)

    assert rig.dead == [f"{hook.url} answered 400"]
    assert len(hook.received) == 1


async def test_what_stood_at_the_restart_and_is_refused_is_not_told_again(hook: Receiver) -> None:
    hook.answers.append(Answer(400))
    stands = delivery(notice(at=NOON + 5), to="am", n=0)

    async with delivering({"am": cluster(hook.url)}, firing(to="am"), resumed=[stands]) as rig:
        await rig.until_marked(1)
        await rig.clock.advance(600)

    assert len(hook.received) == 1


async def test_a_reminder_that_is_refused_takes_its_firing_not_back(hook: Receiver) -> None:
    async with delivering({"am": cluster(hook.url)}, firing(to="am")) as rig:
        await rig.until_marked(1)
        hook.answers.append(Answer(400))
        rig.deliverer.hand([reminder(1, to="am")])
        await rig.until_marked(2)
        await rig.clock.until_asleep()
        await rig.clock.advance(60)
        await hook.until(3)

    assert sent(hook)[2] == [(BEGAN, "2023-11-14T22:29:20.000Z")]


async def test_a_thousand_alerts_are_told_again_in_few_requests(hook: Receiver) -> None:
    last = [firing(to="am", check=f"check-{n}") for n in range(600)]

    async with delivering({"am": cluster(hook.url)}, resumed=last):
        await hook.until(3)

    assert [len(request) for request in sent(hook)] == [256, 256, 88]


async def test_a_real_alertmanager_over_a_restart_holds_one_alert_until_it_is_over(
    tmp_path: Path,
) -> None:
    async with receivers.alertmanager(tmp_path) as url:
        now = (await receivers.alertmanager_time(url)) - 1
        am = {"am": cluster(url)}
        first = delivery(notice(starts_at=now), to="am")
        async with delivering(am, first, now=now) as rig:
            await rig.until_marked(1)
        before = await receivers.alerts(url)
        async with delivering(am, resumed=[first], now=now + 30) as rig:
            await rig.clock.until_asleep()
            during = await receivers.alerts(url)
            rig.deliverer.hand([delivery(notice(Event.RESOLVED, starts_at=now), to="am")])
            await rig.until_marked(1)
            after = await receivers.alerts(url)

    assert [alert["fingerprint"] for alert in before] == [alert["fingerprint"] for alert in during]
    assert len(during) == 1
    assert str(before[0]["endsAt"]) < str(during[0]["endsAt"])
    assert after == []


async def test_a_real_alertmanager_keeps_an_alert_that_fires_soon_after_it_was_over(
    tmp_path: Path,
) -> None:
    async with receivers.alertmanager(tmp_path) as url:
        now = (await receivers.alertmanager_time(url)) - 1
        handed = [
            delivery(notice(starts_at=now - 30), to="am"),
            delivery(notice(Event.RESOLVED, starts_at=now - 30, at=now - 10), to="am"),
            delivery(notice(starts_at=now, incident="run-2"), to="am"),
        ]
        async with delivering({"am": cluster(url)}, *handed, now=now) as rig:
            await rig.until_marked(3)
            for _ in range(3):
                await rig.clock.until_asleep()
                await rig.clock.advance(60)
            await rig.clock.until_asleep()
            during = await receivers.alerts(url)

    assert len(during) == 1


def reworded(to: str) -> Delivery:
    new = firing(to=to)
    return replace(new, notice=replace(new.notice, annotations={"summary": "both"}), again=True)


def summaries(one: Receiver) -> list[str]:
    return [json.loads(r.raw)[0]["annotations"]["summary"] for r in one.received]


async def test_other_words_are_told_with_the_next_round_and_to_no_webhook(
    hook: Receiver, other: Receiver
) -> None:
    notifiers: dict[str, AnyNotifier] = {"am": cluster(hook.url), "ops": webhook(other.url)}
    async with delivering(notifiers, firing(to="am"), firing()) as rig:
        await rig.until_marked(2)
        rig.deliverer.hand([reworded("am"), reworded("ops")])
        await rig.clock.until_asleep()
        await rig.clock.advance(60)
        await hook.until(2)

    assert summaries(hook) == ["api-health is firing", "both"]
    assert len(other.received) == 1
    assert len(rig.marks) == 2


async def test_what_stood_in_newer_words_at_the_restart_stands_when_the_older_are_accepted(
    hook: Receiver,
) -> None:
    stands = replace(reworded("am"), again=False)
    async with delivering({"am": cluster(hook.url)}, firing(to="am"), resumed=[stands]) as rig:
        await rig.until_marked(1)
        await rig.clock.until_asleep()
        await rig.clock.advance(60)
        await hook.until(2)

    assert summaries(hook) == ["api-health is firing", "both"]
