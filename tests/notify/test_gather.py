"""What goes into one message, and when: through a Deliverer, to a webhook that people read."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from itertools import pairwise

import pytest

from prober.alerts.notice import Delivery, Event
from prober.notify import Means, Told
from prober.notify.command import CommandNotifier
from prober.notify.gate import IN_A_ROW, PAUSE, SHORTEST_REST
from prober.notify.lane import GIVE_UP_AFTER
from tests.notify.notices import delivery, firing, notice, resolved
from tests.notify.rig import Machine, cluster, delivering, people, webhook
from tests.servers.receivers import OK, Answer, Received, Receiver, receiver

MOST = people("http://127.0.0.1:1").TRAITS.most


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


def some(count: int, name: str = "check") -> list[Delivery]:
    return [firing(check=f"{name}-{n}") for n in range(count)]


def messages(hook: Receiver) -> list[list[str]]:
    """By message, the checks it is about."""
    bodies = [json.loads(one.raw) for one in hook.received]
    return [[alert["labels"]["check"] for alert in body["alerts"]] for body in bodies]


async def test_after_a_quiet_time_the_first_goes_at_once_and_the_rest_of_ten_seconds_together(
    hook: Receiver,
) -> None:
    async with delivering({"ops": people(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand(some(3, "a"))
        await rig.clock.advance(5)
        rig.deliverer.hand(some(2, "b"))
        await rig.clock.advance(4.9)
        early = len(hook.received)
        await rig.clock.advance(0.1)
        await rig.until_marked(6)

    assert early == 1
    assert messages(hook) == [["api-health"], ["a-0", "a-1", "a-2", "b-0", "b-1"]]
    assert rig.counts == [("ops", "accepted")] * 6
    assert {status for _, status, _ in rig.marks} == {"delivered"}


async def test_ten_seconds_without_a_message_are_a_quiet_time_again(hook: Receiver) -> None:
    async with delivering({"ops": people(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        await rig.clock.advance(10)
        rig.deliverer.hand([resolved()])
        await rig.until_marked(2)

    assert len(hook.received) == 2


async def test_zero_turns_it_off(hook: Receiver) -> None:
    async with delivering({"ops": people(hook.url, group_wait=0)}, *some(5)) as rig:
        await rig.until_marked(5)

    assert sorted(messages(hook)) == [[f"check-{n}"] for n in range(5)]


async def test_no_more_go_into_one_message_than_it_takes(hook: Receiver) -> None:
    async with delivering({"ops": people(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand(some(2 * MOST + 1))
        await rig.clock.advance(10)
        await rig.until_marked(2 * MOST + 2)

    assert sorted(len(one) for one in messages(hook)) == [1, 1, MOST, MOST]


async def test_one_lane_says_one_thing_a_message(hook: Receiver) -> None:
    async with delivering({"ops": people(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand([firing(check="a"), firing(check="a", incident="run-2")])
        await rig.clock.advance(10)
        await rig.until_marked(2)
        await rig.clock.advance(10)
        await rig.until_marked(3)

    assert messages(hook) == [["api-health"], ["a"], ["a"]]


async def test_what_began_and_ended_while_it_waited_is_one_message_for_people(
    hook: Receiver,
) -> None:
    escalated = delivery(notice(Event.ESCALATED, check="a"))
    async with delivering({"ops": people(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand([firing(check="a"), escalated])
        await rig.clock.advance(5)
        rig.deliverer.hand([resolved(check="a")])
        await rig.clock.advance(5)
        await rig.until_marked(4)

    assert messages(hook) == [["api-health"], ["a"]]
    assert json.loads(hook.received[1].raw)["status"] == "resolved"
    assert [status for _, status, _ in rig.marks].count("superseded") == 2
    assert rig.dead == []
    assert ("ops", "dead") not in rig.counts


async def test_what_is_on_its_way_is_waited_for_and_then_its_end_is_told(hook: Receiver) -> None:
    late = asyncio.Event()
    hook.answers.append(Answer(after=late))
    async with delivering({"ops": people(hook.url)}, firing()) as rig:
        await hook.until(1)
        rig.deliverer.hand([resolved()])
        late.set()
        await rig.until_marked(1)
        await rig.clock.advance(10)
        await rig.until_marked(2)

    assert [mark[:2] for mark in rig.marks] == [
        (firing().id, "delivered"),
        (resolved().id, "delivered"),
    ]


async def test_machines_are_told_both_in_order(hook: Receiver) -> None:
    am = [firing(to="am"), resolved(to="am")]
    async with delivering({"am": cluster(hook.url)}, *am) as rig:
        await rig.until_marked(2)

    assert [mark[:2] for mark in rig.marks] == [(one.id, "delivered") for one in am]


async def test_an_alertmanager_is_told_in_one_request_what_there_is(hook: Receiver) -> None:
    handed = [replace(one, id=f"{one.id}-am", notifier="am") for one in some(300)]
    async with delivering({"am": cluster(hook.url)}, *handed) as rig:
        await rig.until_marked(300)

    assert sorted(len(json.loads(one.raw)) for one in hook.received) == [44, 256]


async def test_what_fails_together_comes_back_together_and_takes_along_what_came_meanwhile(
    hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    async with delivering({"ops": people(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand(some(20))
        hook.answers.append(Answer(500, headers={"Retry-After": "30"}))
        await rig.clock.advance(10)
        await hook.until(2)
        await rig.until(lambda: rig.counts.count(("ops", "retried")) == 20)
        await rig.clock.advance(25)
        rig.deliverer.hand(some(2, "late"))
        await rig.clock.advance(6)
        await rig.until_marked(23)

    assert [sorted(one) for one in messages(hook)[1:]] == [
        sorted(f"check-{n}" for n in range(20)),
        ["late-0", "late-1"],
        sorted(f"check-{n}" for n in range(20)),
    ]
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1


async def test_what_waits_in_a_window_goes_with_what_comes_back(hook: Receiver) -> None:
    async with delivering({"ops": people(hook.url)}) as rig:
        hook.answers.append(Answer(503, headers={"Retry-After": "4"}))
        rig.deliverer.hand(some(2))
        await hook.until(1)
        rig.deliverer.hand(some(2, "late"))
        await rig.until(lambda: len(rig.counts) >= 2)
        await rig.clock.advance(4.3)
        await rig.until_marked(4)

    assert sorted(messages(hook)[1]) == ["check-0", "check-1", "late-0", "late-1"]


def poisoned_by(check: str, status: int) -> Callable[[Received], Answer]:
    """A receiver that answers `status` to every message with this check in it."""

    def answer(one: Received) -> Answer:
        alerts = json.loads(one.raw)["alerts"]
        poisoned = any(alert["labels"]["check"] == check for alert in alerts)
        return Answer(status) if poisoned else Answer()

    return answer


async def test_a_message_that_is_refused_costs_only_the_notice_by_which_it_is(
    hook: Receiver,
) -> None:
    hook.answer = poisoned_by("check-3", 400)
    async with delivering({"ops": people(hook.url)}, *some(12)) as rig:
        await rig.until_marked(12)

    dead = [i for i, status, _ in rig.marks if status == "dead"]
    assert dead == [firing(check="check-3").id]
    assert len(hook.received) <= 2 * 4 + 1


async def test_one_that_fails_every_message_it_is_in_holds_up_no_other_for_ever(
    hook: Receiver,
) -> None:
    hook.answer = poisoned_by("check-3", 500)
    async with delivering({"ops": people(hook.url)}, *some(6)) as rig:
        await rig.let_pass(30, lambda: len(rig.marks) == 5)

    assert {status for _, status, _ in rig.marks} == {"delivered"}
    assert firing(check="check-3").id not in {mark[0] for mark in rig.marks}


async def test_a_dead_receiver_of_many_alerts_is_asked_by_one_at_a_time_and_seldom(
    hook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    hook.answer = lambda _: Answer(503)
    async with delivering({"ops": webhook(hook.url)}, *some(50)) as rig:
        await hook.until(IN_A_ROW)
        await rig.clock.advance(SHORTEST_REST - 1)
        at_first = len(hook.received)
        for _ in range(600):
            await rig.clock.advance(1)
        asked = len(hook.received)
        hook.answer = lambda _: Answer()
        await rig.let_pass(10, lambda: len(rig.marks) == 50)

    assert at_first <= IN_A_ROW + Machine.TRAITS.at_once
    assert asked - at_first <= 8  # after 15, 30, 60, 120, 240 and 300 s
    assert {status for _, status, _ in rig.marks} == {"delivered"}
    said = [r.message for r in caplog.records if "asked less often" in r.message]
    assert said == [f"ops is asked less often until it accepts: {hook.url} answered 503"]


async def test_what_a_receiver_asks_for_holds_for_all_its_alerts_and_no_longer(
    hook: Receiver,
) -> None:
    hook.answer = lambda _: Answer(429, headers={"Retry-After": "6"})
    notifiers = {"ops": webhook(hook.url), "other": webhook(f"{hook.url}/other")}
    async with delivering(notifiers, firing(check="first")) as rig:
        await rig.until_pausing()
        rig.deliverer.hand(some(30))
        hook.answer = lambda _: OK
        rig.deliverer.hand([firing(check="first", to="other")])
        await rig.until(lambda: ("other", "accepted") in rig.counts)
        for _ in range(5):
            await rig.clock.advance(1)
        during = [one.path for one in hook.received]
        await rig.clock.advance(1)
        await rig.until_marked(32)

    assert during == ["/", "/other"]
    assert len(hook.received) == 33


async def test_one_that_says_too_many_without_a_time_is_left_alone_for_a_moment(
    hook: Receiver,
) -> None:
    hook.answer = lambda _: Answer(429)
    async with delivering({"ops": webhook(hook.url)}, firing(check="first")) as rig:
        await rig.until_pausing()
        rig.deliverer.hand(some(30))
        await rig.clock.advance(PAUSE - 0.5)
        during = len(hook.received)
        hook.answer = lambda _: OK
        await rig.let_pass(0.5, lambda: len(rig.marks) == 31)

    assert during == 1


async def test_a_receiver_that_asks_each_time_is_never_asked_before(hook: Receiver) -> None:
    """Also once it is taken for dead: its wish has no rest of ours on top."""
    at: list[float] = []
    async with delivering({"ops": webhook(hook.url)}) as rig:

        def answer(_: Received) -> Answer:
            at.append(rig.clock.monotonic())
            return Answer(503, headers={"Retry-After": "6"})

        hook.answer = answer
        rig.deliverer.hand(some(20))
        await rig.until(lambda: len(rig.counts) >= Machine.TRAITS.at_once)
        for _ in range(60):
            await rig.clock.advance(1)
        hook.answer = lambda _: OK
        await rig.let_pass(1, lambda: len(rig.marks) == 20)

    moments = sorted(set(at))
    pauses = [later - before for before, later in pairwise(moments)]
    assert all(6 <= one < 9 for one in pauses)
    assert len(moments) > 5


async def test_those_who_wait_for_a_dead_receiver_are_given_up_in_time_as_well(
    hook: Receiver,
) -> None:
    hook.answer = lambda _: Answer(401)
    async with delivering({"ops": webhook(hook.url)}, *some(20)) as rig:
        await rig.let_pass(30, lambda: len(rig.marks) == 20)

    assert set(rig.dead) == {f"{hook.url} answered 401"}
    assert rig.clock.monotonic() < 1000 + 1800


async def test_an_end_that_took_the_place_of_its_beginning_has_a_day_of_its_own(
    hook: Receiver,
) -> None:
    hook.answer = lambda _: Answer(503)
    async with delivering({"ops": people(hook.url)}, *some(20)) as rig:
        ends = [resolved(check=f"check-{n}") for n in range(20)]
        await rig.let_pass(600, lambda: rig.clock.monotonic() > 1000 + GIVE_UP_AFTER - 700)
        rig.deliverer.hand(ends)
        await rig.let_pass(600, lambda: rig.clock.monotonic() > 1000 + GIVE_UP_AFTER + 700)
        hook.answer = lambda _: OK
        await rig.let_pass(600, lambda: len(rig.marks) == 40)

    assert {id_ for id_, status, _ in rig.marks if status == "delivered"} == {
        one.id for one in ends
    }


async def test_a_drain_asks_a_dead_receiver_once(hook: Receiver) -> None:
    hook.answer = lambda _: Answer(503)
    async with delivering({"ops": webhook(hook.url)}, *some(30)) as rig:
        await hook.until(IN_A_ROW)
        await rig.clock.advance(1)
        before = len(hook.received)
        await rig.deliverer.drain(5)
        assert rig.task is not None
        async with asyncio.timeout(5):
            await rig.task

    assert len(hook.received) - before <= 2
    assert rig.deliverer.pending == {"ops": 30}


async def test_a_drain_waits_for_no_window(hook: Receiver) -> None:
    async with delivering({"ops": people(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand(some(3))
        await rig.clock.advance(1)
        await rig.deliverer.drain(5)

    assert [len(one) for one in messages(hook)] == [1, 3]


async def test_a_notifier_that_goes_while_its_notices_gather_keeps_them_waiting(
    hook: Receiver,
) -> None:
    notifiers = {"ops": people(hook.url)}
    async with delivering(notifiers, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand(some(3))
        await rig.clock.advance(1)
        rig.deliverer.configure({})
        await rig.clock.advance(60)
        during = dict(rig.deliverer.pending)
        rig.deliverer.configure(notifiers)
        await rig.clock.advance(1)
        await rig.until_marked(4)

    assert during == {"ops": 3}
    assert {status for _, status, _ in rig.marks} == {"delivered"}


class Answering:
    """Sends nothing, and answers with the delivery's own id."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    async def __call__(self, told: Told, means: Means) -> Mapping[str, str]:
        self.told.append(told)
        return {one.id: f"receipt of {one.notice.event}" for one in told.deliveries}


async def test_what_was_answered_is_kept_until_the_incident_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering = Answering()
    monkeypatch.setattr("prober.notify.telling.send", answering)
    async with delivering({"ops": webhook("http://127.0.0.1:1")}, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand([delivery(notice(Event.REMINDER))])
        await rig.until_marked(2)
        rig.over.add("eu-west-1/api-health/down/run-1")
        rig.deliverer.hand([resolved(), firing(incident="run-2")])
        await rig.until_marked(4)

    key = firing().notice.key
    assert [dict(one.receipts) for one in answering.told[:3]] == [
        {},
        {key: "receipt of firing"},
        {key: "receipt of reminder"},
    ]
    assert rig.answers[firing().id] == "receipt of firing"


async def test_what_was_answered_outlasts_an_end_that_is_on_its_way_to_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering = Answering()
    monkeypatch.setattr("prober.notify.telling.send", answering)
    async with delivering({"ops": webhook("http://127.0.0.1:1")}, firing()) as rig:
        await rig.until_marked(1)
        rig.over.add("eu-west-1/api-health/down/run-1")  # and nothing of it was handed over yet
        await rig.clock.advance(61)
        rig.deliverer.hand([resolved()])
        await rig.until_marked(2)

    assert dict(answering.told[1].receipts) == {firing().notice.key: "receipt of firing"}


async def test_what_was_answered_is_forgotten_when_nobody_needs_it_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("prober.notify.telling.send", Answering())
    async with delivering({"ops": webhook("http://127.0.0.1:1")}, firing()) as rig:
        await rig.until_marked(1)
        lane = rig.deliverer._lanes.of(firing())
        rig.over.add("eu-west-1/api-health/down/run-1")
        await rig.clock.advance(200)

        assert not lane.receipts
        assert [*rig.deliverer._lanes] == []


async def test_what_was_answered_before_the_start_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    answering = Answering()
    monkeypatch.setattr("prober.notify.telling.send", answering)
    async with delivering({"ops": webhook("http://127.0.0.1:1")}) as rig:
        rig.deliverer.resume([], {(firing().notice.key, "ops"): "1699.22"})
        rig.deliverer.hand([resolved()])
        await rig.until_marked(1)

    assert dict(answering.told[0].receipts) == {firing().notice.key: "1699.22"}


async def test_what_sends_is_given_what_takes_secrets_out(monkeypatch: pytest.MonkeyPatch) -> None:
    scrubbed: list[str] = []

    async def saying(told: Told, means: Means) -> Mapping[str, str]:
        scrubbed.append(means.scrub("the key is s-e-c-r-e-t"))
        return {}

    monkeypatch.setattr("prober.notify.telling.send", saying)
    async with delivering({"ops": webhook("http://127.0.0.1:1")}, firing()) as rig:
        await rig.until_marked(1)

    assert scrubbed == ["the key is ***"]


class Once(Machine):
    TRAITS = replace(Machine.TRAITS, claims=True)


def once(url: str) -> Once:
    return Once.model_validate({"webhook": {"url": url}})


async def test_what_must_happen_once_is_claimed_before_and_never_tried_again(
    hook: Receiver,
) -> None:
    claims: list[tuple[str, int]] = []

    async def claim(delivery_id: str) -> bool:
        claims.append((delivery_id, len(hook.received)))
        return True

    hook.answer = lambda _: Answer(503)
    async with delivering({"ops": once(hook.url)}, firing(), claim=claim) as rig:
        await rig.until_marked(1)
        await rig.clock.advance(3600)

    assert claims == [(firing().id, 0)]
    assert len(hook.received) == 1
    assert rig.dead == [f"{hook.url} answered 503"]


async def test_new_settings_do_not_repeat_what_was_claimed(hook: Receiver) -> None:
    late = asyncio.Event()
    hook.answer = lambda _: Answer(503, after=late)
    async with delivering({"ops": once(hook.url)}, firing()) as rig:
        await hook.until(1)
        rig.deliverer.configure({"ops": once(f"{hook.url}/new")})
        late.set()
        await rig.until_marked(1)

    assert len(hook.received) == 1


async def test_what_is_not_run_is_neither_accepted_nor_lost_and_its_end_is_not_run_either(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    settings = {"argv": ["true"], "events": ["firing", "resolved"], "max_per_hour": 1}
    fix = CommandNotifier.model_validate({"command": settings})
    said = [
        one
        for n in range(2)
        for one in (firing(check=f"check-{n}", to="fix"), resolved(check=f"check-{n}", to="fix"))
    ]
    async with delivering({"fix": fix}, said[0]) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand(said[1:])
        await rig.until_marked(4)

    limited, nor = "not run: 1 in the last hour", "not run: nor was it for what is over"
    marks = {id_: (status, why) for id_, status, why in rig.marks}
    assert marks == {
        said[0].id: ("delivered", ""),
        said[1].id: ("delivered", ""),
        said[2].id: ("not_run", limited),
        said[3].id: ("not_run", nor),
    }
    assert sorted(rig.counts) == [("fix", "accepted")] * 2 + [("fix", "not_run")] * 2
    assert rig.lost == [("fix", None)]
    assert f"firing of check-1/down to fix was {limited}" in caplog.messages
    assert f"resolved of check-1/down to fix was {nor}" in caplog.messages


async def test_what_the_last_agent_was_running_is_said_and_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = {"argv": ["true"], "events": ["firing", "resolved"], "max_per_hour": 1}
    fix = CommandNotifier.model_validate({"command": settings})
    over = resolved(to="fix")
    async with delivering({"fix": fix}) as rig:
        await rig.deliverer.interrupted([firing(to="fix")])
        said = [*caplog.messages]
        rig.deliverer.hand([firing(check="other", to="fix")])
        await rig.until_marked(2)
        rig.deliverer.hand([over])
        await rig.until_marked(3)

    assert said == ["firing of api-health/down to fix was interrupted, and is not run again"]
    assert rig.marks[0] == (firing(to="fix").id, "dead", "interrupted: not run again")
    assert rig.marks[2] == (over.id, "delivered", ""), "the end of what was run is run"


async def test_without_a_store_it_waits(hook: Receiver) -> None:
    answers = iter([False, False])

    async def claim(_: str) -> bool:
        return next(answers, True)

    async with delivering({"ops": once(hook.url)}, firing(), claim=claim) as rig:
        await rig.let_pass(1, lambda: bool(rig.marks))

    assert len(hook.received) == 1
    assert rig.marks == [(firing().id, "delivered", "")]
    assert rig.counts.count(("ops", "retried")) == 2


async def test_what_is_lost_is_said_and_that_it_accepts_again(hook: Receiver) -> None:
    hook.answers.append(Answer(400))
    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.hand([firing(check="a"), firing(check="b")])
        await rig.until_marked(3)

    lost = f"firing of api-health/down to ops: {hook.url} answered 400"
    assert rig.lost == [("ops", lost), ("ops", None)]


async def test_of_a_notifier_that_is_gone_nothing_is_lost() -> None:
    async with delivering({}, firing()) as rig:
        await rig.let_pass(3600, lambda: bool(rig.marks))

    assert rig.dead == ["no notifier has this name any more"]
    assert rig.lost == []


async def test_a_notifier_that_leaves_takes_its_losses_along(hook: Receiver) -> None:
    hook.answer = lambda _: Answer(400)
    async with delivering({"ops": webhook(hook.url)}, firing()) as rig:
        await rig.until_marked(1)
        rig.deliverer.configure({})

    assert [what is None for _, what in rig.lost] == [False, True]
