"""What an Alertmanager gets to see, and what a real one makes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from pydantic import JsonValue, ValidationError

from prober.alerts.notice import Event
from prober.errors import DeliveryError
from prober.notify import alertmanager, webhook
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.answers import Busy, TurnedAway
from tests.fake_clock import NOON, FakeClock
from tests.notify.notices import LABELS, delivery, firing, notice, resolved
from tests.servers import receivers
from tests.servers.receivers import RESET, SILENCE, Answer, Receiver, free_port, receiver


@pytest.fixture
async def one() -> AsyncIterator[Receiver]:
    async with receiver() as started:
        yield started


@pytest.fixture
async def other() -> AsyncIterator[Receiver]:
    async with receiver() as started:
        yield started


def notifier(*urls: str, timeout: float = 5.0) -> AlertmanagerNotifier:
    settings = {"urls": urls, "timeout": timeout}
    return AlertmanagerNotifier.model_validate({"alertmanager": settings})


async def test_a_firing_ends_a_quarter_of_an_hour_from_now(
    one: Receiver, client: httpx.AsyncClient
) -> None:
    await alertmanager.send(notifier(one.url), firing(), client, FakeClock(NOON + 60))

    assert one.received[0].path == "/api/v2/alerts"
    assert one.received[0].json == [
        {
            "labels": LABELS,
            "annotations": {"summary": "api-health is firing", "reason": "status"},
            "startsAt": "2023-11-14T22:13:20.000Z",
            "endsAt": "2023-11-14T22:29:20.000Z",
            "generatorURL": "https://prober.example/eu/#api-health",
        }
    ]


async def test_a_resolution_ends_when_it_was_over(one: Receiver, client: httpx.AsyncClient) -> None:
    await alertmanager.send(
        notifier(one.url), resolved(at=NOON + 60), client, FakeClock(NOON + 600)
    )

    sent = one.received[0].json
    assert isinstance(sent, list)
    assert isinstance(sent[0], dict)
    assert sent[0]["startsAt"] == "2023-11-14T22:13:20.000Z"
    assert sent[0]["endsAt"] == "2023-11-14T22:14:20.000Z"


def test_a_clock_that_was_set_back_never_ends_an_alert_before_it_began() -> None:
    firing_before = alertmanager.alert(notice(), NOON - 86400)
    over_before = alertmanager.alert(notice(Event.RESOLVED, at=NOON - 60), NOON)

    assert firing_before["endsAt"] == firing_before["startsAt"]
    assert over_before["endsAt"] == over_before["startsAt"]


def test_empty_labels_and_annotations_and_urls_are_left_out() -> None:
    bare = replace(
        notice(),
        labels={"alertname": "ProberDown", "team": ""},
        annotations={"runbook_url": ""},
        url="",
    )
    told = alertmanager.alert(bare, NOON)

    assert told["labels"] == {"alertname": "ProberDown"}
    assert told["annotations"] == {}
    assert "generatorURL" not in told


async def test_a_path_of_its_own_stays_in_front(one: Receiver, client: httpx.AsyncClient) -> None:
    host = one.url.removeprefix("http://")
    told = notifier(f"http://user:pass-word@{host}/am/")

    await alertmanager.send(told, firing(), client, FakeClock())

    assert one.received[0].path == "/am/api/v2/alerts"
    assert one.received[0].headers["authorization"].startswith("Basic ")
    assert "pass-word" not in repr(told)


async def test_every_member_of_a_cluster_is_told(
    one: Receiver, other: Receiver, client: httpx.AsyncClient
) -> None:
    await alertmanager.send(notifier(one.url, other.url), firing(), client, FakeClock())

    assert one.received[0].raw == other.received[0].raw


@pytest.mark.parametrize(
    "answer", [RESET, SILENCE, Answer(500), Answer(400)], ids=["reset", "silence", "500", "400"]
)
async def test_one_member_that_accepts_is_enough_and_the_others_failure_is_said_once(
    one: Receiver,
    other: Receiver,
    client: httpx.AsyncClient,
    answer: Answer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "prober")
    told = notifier(one.url, other.url, timeout=1.0)
    one.answer = lambda _: answer

    clock = FakeClock()
    for _ in range(2):
        await alertmanager.send(told, firing(), client, clock)
        clock.move(60)
    one.answer = lambda _: Answer(200)
    await alertmanager.send(told, firing(), client, clock)

    assert len(other.received) == 3
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert caplog.records[0].message.startswith(one.url)
    assert caplog.records[1].message == f"{one.url} accepts alerts again"


async def test_a_member_that_has_just_failed_holds_nobody_up(
    one: Receiver, other: Receiver, client: httpx.AsyncClient
) -> None:
    told = notifier(one.url, other.url, timeout=0.7)
    one.answer = lambda _: SILENCE

    clock = FakeClock()
    for _ in range(10):
        await alertmanager.send(told, firing(), client, clock)
        clock.move(1)
    asked_before = len(one.received)
    clock.move(10)
    await alertmanager.send(told, firing(), client, clock)

    assert asked_before == 1
    assert len(one.received) == 2
    assert len(other.received) == 11


async def test_a_member_that_has_just_failed_is_asked_where_no_other_accepts(
    one: Receiver, other: Receiver, client: httpx.AsyncClient
) -> None:
    told = notifier(one.url, other.url)
    clock = FakeClock()
    one.answers.append(Answer(500))
    await alertmanager.send(told, firing(), client, clock)
    other.answer = lambda _: RESET

    clock.move(1)
    await alertmanager.send(told, firing(), client, clock)

    assert len(one.received) == 2


async def test_none_that_accepts_is_a_failure_that_names_each(
    one: Receiver, client: httpx.AsyncClient
) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    one.answer = lambda _: Answer(400, text="bad alert")

    with pytest.raises(DeliveryError) as caught:
        await alertmanager.send(notifier(one.url, gone), firing(), client, FakeClock())

    assert not caught.value.permanent
    assert f"{one.url} answered 400, saying 'bad alert'; {gone} cannot be told" in str(caught.value)


async def test_refused_by_all_for_good_is_permanent(
    one: Receiver, other: Receiver, client: httpx.AsyncClient
) -> None:
    one.answer = other.answer = lambda _: Answer(400)

    with pytest.raises(DeliveryError) as caught:
        await alertmanager.send(notifier(one.url, other.url), firing(), client, FakeClock())

    assert caught.value.permanent


@pytest.mark.parametrize(
    ("statuses", "turned_away"),
    [((404, 401), True), ((400, 404), True), ((404, 503), False), ((400, 503), False)],
)
async def test_a_cluster_is_as_hopeful_as_its_most_hopeful_member(
    one: Receiver,
    other: Receiver,
    client: httpx.AsyncClient,
    statuses: tuple[int, int],
    turned_away: bool,
) -> None:
    one.answers.append(Answer(statuses[0]))
    other.answers.append(Answer(statuses[1]))

    with pytest.raises(DeliveryError) as caught:
        await alertmanager.send(notifier(one.url, other.url), firing(), client, FakeClock())

    assert not caught.value.permanent
    assert isinstance(caught.value, TurnedAway) == turned_away


async def test_a_member_rests_from_when_its_failure_is_known(
    one: Receiver, other: Receiver, client: httpx.AsyncClient
) -> None:
    told = notifier(one.url, other.url)
    clock, late = FakeClock(), asyncio.Event()
    one.answers.append(Answer(503, after=late))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(alertmanager.send(told, firing(), client, clock))
        await one.until(1)
        clock.move(alertmanager.LEFT_OUT_FOR + 5)
        late.set()
    clock.jump(3600)
    await alertmanager.send(told, firing(), client, clock)

    assert (len(one.received), len(other.received)) == (1, 2)


async def test_the_shortest_wish_to_wait_counts(
    one: Receiver, other: Receiver, client: httpx.AsyncClient
) -> None:
    one.answer = lambda _: Answer(429, headers={"Retry-After": "30"})
    other.answer = lambda _: Answer(503, headers={"Retry-After": "7"})

    with pytest.raises(DeliveryError) as caught:
        await alertmanager.send(notifier(one.url, other.url), firing(), client, FakeClock())

    assert caught.value.retry_after == 7


async def test_a_member_that_asks_to_be_left_alone_is_and_the_others_are_told(
    one: Receiver, other: Receiver, client: httpx.AsyncClient
) -> None:
    told, clock = notifier(one.url, other.url), FakeClock()
    one.answer = lambda _: Answer(429, headers={"Retry-After": "60"})
    other.answers.extend([Answer(), Answer(500), Answer(500)])

    await alertmanager.send(told, firing(), client, clock)
    errors: list[DeliveryError] = []
    for _ in range(2):
        clock.move(20)
        with pytest.raises(DeliveryError) as caught:
            await alertmanager.send(told, firing(), client, clock)
        errors.append(caught.value)
    before = len(one.received)
    clock.move(20)
    await alertmanager.send(told, firing(), client, clock)

    assert (before, len(one.received), len(other.received)) == (1, 2, 4)
    assert not any(isinstance(error, Busy) or error.retry_after for error in errors)
    assert str(errors[0]) == f"{one.url} asked to be left alone; {other.url} answered 500"


@pytest.mark.parametrize(("status", "busy"), [(429, True), (500, False), (400, False)])
async def test_a_cluster_is_busy_where_all_of_it_is(
    one: Receiver, other: Receiver, client: httpx.AsyncClient, status: int, busy: bool
) -> None:
    one.answer = lambda _: Answer(429, headers={"Retry-After": "60"})
    other.answer = lambda _: Answer(status)

    with pytest.raises(DeliveryError) as caught:
        await alertmanager.send(notifier(one.url, other.url), firing(), client, FakeClock())

    assert isinstance(caught.value, Busy) is busy
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "path", ["/api", "/api/v2", "/api/v2/alerts", "/am/api/v1/alerts/", "/api/v2/"]
)
def test_the_path_of_its_api_is_ours_to_add(path: str) -> None:
    with pytest.raises(ValidationError, match="own, without the path of its API"):
        notifier(f"http://am:9093{path}")


def test_a_cluster_has_a_member() -> None:
    with pytest.raises(ValidationError):
        notifier()


def test_firing_is_told_again_without_end_and_a_resolution_for_a_quarter_of_an_hour() -> None:
    over = notice(Event.RESOLVED, at=NOON)

    assert alertmanager.keep_telling(notice(at=NOON), NOON + 1e6)
    assert alertmanager.keep_telling(notice(Event.REMINDER, at=NOON), NOON + 1e6)
    assert alertmanager.keep_telling(over, NOON + 899)
    assert not alertmanager.keep_telling(over, NOON + 900)


async def test_a_real_alertmanager_holds_one_alert_from_firing_to_resolution(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    async with receivers.alertmanager(tmp_path) as url:
        now = await receivers.alertmanager_time(url) - 1
        told = [
            delivery(notice(starts_at=now)),
            delivery(notice(Event.REMINDER, starts_at=now, at=now + 1)),
            delivery(notice(starts_at=now, check="homepage")),
        ]
        await alertmanager.send_all(notifier(url), told, client, FakeClock(now))
        during = await receivers.alerts(url)
        over = delivery(notice(Event.RESOLVED, starts_at=now))
        await alertmanager.send(notifier(url), over, client, FakeClock(now))
        after = await receivers.alerts(url)

    assert sorted(_check(alert) for alert in during) == ["api-health", "homepage"]
    health = next(alert for alert in during if _check(alert) == "api-health")
    assert health["labels"] == LABELS
    assert health["annotations"] == {"summary": "api-health is reminder", "reason": "status"}
    assert health["fingerprint"] == webhook.fingerprint(LABELS)
    assert [_check(alert) for alert in after] == ["homepage"]


async def test_what_people_hear_through_a_real_alertmanager_has_our_webhooks_format(
    tmp_path: Path, one: Receiver, client: httpx.AsyncClient
) -> None:
    async with receivers.alertmanager(tmp_path, webhook=f"{one.url}/am") as url:
        now = await receivers.alertmanager_time(url) - 1
        told = [
            delivery(notice(starts_at=now)),
            delivery(notice(Event.RESOLVED, starts_at=now)),
        ]
        for count, each in enumerate(told, 1):
            await alertmanager.send(notifier(url), each, client, FakeClock(now))
            await one.until(count)

    theirs = [_body(received) for received in one.received]
    ours = [webhook.payload([each]) for each in told]
    same = ("version", "status", "truncatedAlerts", "commonLabels", "commonAnnotations")
    assert [body.keys() for body in theirs] == [body.keys() for body in ours]
    assert [_part(body, same) for body in theirs] == [_part(body, same) for body in ours]
    alerts = [(_first(a), _first(b)) for a, b in zip(theirs, ours, strict=True)]
    for their_alert, our_alert in alerts:
        assert their_alert == our_alert


def _check(alert: dict[str, JsonValue]) -> str:
    labels = alert["labels"]
    assert isinstance(labels, dict)
    return str(labels["check"])


def _body(received: receivers.Received) -> dict[str, JsonValue]:
    body = received.json
    assert isinstance(body, dict)
    return body


def _part(body: dict[str, JsonValue], names: tuple[str, ...]) -> dict[str, JsonValue]:
    return {name: body[name] for name in names}


def _first(body: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The body's only alert, its times as moments."""
    alerts = body["alerts"]
    assert isinstance(alerts, list)
    (alert,) = alerts
    assert isinstance(alert, dict)
    times = {name: str(datetime.fromisoformat(str(alert[name]))) for name in ("startsAt", "endsAt")}
    return {**alert, **times}
