"""What a webhook gets to see."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from pydantic import JsonValue

from prober.alerts.notice import Event
from prober.errors import DeliveryError
from prober.notify import webhook
from prober.notify.webhook import WebhookNotifier
from tests.fake_clock import NOON, FakeClock
from tests.notify.notices import LABELS, delivery, firing, notice, resolved
from tests.notify.telling import tell
from tests.servers.receivers import Answer, Receiver, receiver


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


def notifier(url: str, **settings: JsonValue) -> WebhookNotifier:
    return WebhookNotifier.model_validate({"webhook": {"url": f"{url}/hook", **settings}})


async def test_a_firing_is_alertmanagers_webhook_format_version_4(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    await tell(notifier(hook.url), firing(), client, FakeClock())

    annotations = {"summary": "api-health is firing", "reason": "status"}
    assert hook.received[0].path == "/hook"
    assert hook.received[0].headers["content-type"] == "application/json"
    assert hook.received[0].json == {
        "version": "4",
        "groupKey": "eu-west-1/api-health/down/run-1",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "ops",
        "groupLabels": {
            "alertname": "ProberDown",
            "check": "api-health",
            "region": "eu-west-1",
        },
        "commonLabels": LABELS,
        "commonAnnotations": annotations,
        "externalURL": "https://prober.example/eu",
        "alerts": [
            {
                "status": "firing",
                "labels": LABELS,
                "annotations": annotations,
                "startsAt": "2023-11-14T22:13:20.000Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "https://prober.example/eu/#api-health",
                "fingerprint": webhook.fingerprint(LABELS),
            }
        ],
    }


async def test_a_resolution_says_when_it_was_over(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    await tell(notifier(hook.url), resolved(at=NOON + 60), client, FakeClock(NOON + 3600))

    body = hook.received[0].json
    assert isinstance(body, dict)
    assert isinstance(body["alerts"], list)
    assert isinstance(body["alerts"][0], dict)
    assert body["status"] == body["alerts"][0]["status"] == "resolved"
    assert body["alerts"][0]["startsAt"] == "2023-11-14T22:13:20.000Z"
    assert body["alerts"][0]["endsAt"] == "2023-11-14T22:14:20.000Z"


def test_a_reminder_is_firing() -> None:
    body = webhook.payload([delivery(notice(Event.REMINDER, at=NOON + 60))])

    assert body["status"] == "firing"


def test_an_agent_without_a_check_has_no_check_to_group_by() -> None:
    one = firing()
    labels = {name: value for name, value in LABELS.items() if name != "check"}
    body = webhook.payload([delivery(replace(one.notice, labels=labels))])

    assert body["groupLabels"] == {"alertname": "ProberDown", "region": "eu-west-1"}


async def test_the_same_event_has_the_same_key_and_every_other_one_another(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    told = [
        firing(),
        firing(),
        resolved(),
        firing(incident="run-2"),
        firing(to="other"),
        delivery(notice(Event.REMINDER), n=1),
        delivery(notice(Event.REMINDER), n=2),
    ]
    for n, one in enumerate(told):
        await tell(notifier(hook.url), one, client, FakeClock(NOON + n))

    keys = [one.headers["idempotency-key"] for one in hook.received]
    assert keys[0] == keys[1] == "eu-west-1/api-health/down/run-1/firing/1/ops"
    assert len(set(keys)) == 6
    assert [one.headers["x-prober-event"] for one in hook.received] == [
        "firing", "firing", "resolved", "firing", "firing", "reminder", "reminder",
    ]  # fmt: skip


async def test_a_key_of_any_letters_can_be_carried(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    one = firing(to="Bereitschaft Zürich")

    await tell(notifier(hook.url), one, client, FakeClock())

    key = hook.received[0].headers["idempotency-key"]
    assert key.endswith("/firing/1/Bereitschaft%20Z%C3%BCrich")


async def test_a_secret_signs_the_body_as_it_is_sent(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    await tell(notifier(hook.url, hmac_secret="s3cret-s3cret"), firing(), client, FakeClock())

    raw = hook.received[0].raw
    expected = hmac.new(b"s3cret-s3cret", raw, hashlib.sha256).hexdigest()
    assert hook.received[0].headers["x-prober-signature-256"] == f"sha256={expected}"


async def test_without_a_secret_there_is_no_signature(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    await tell(notifier(hook.url), firing(), client, FakeClock())

    assert "x-prober-signature-256" not in hook.received[0].headers


async def test_own_headers_are_sent_and_cannot_replace_the_key(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    headers: JsonValue = {
        "Authorization": "Bearer t-o-k-e-n",
        "user-agent": "our-prober",
        "idempotency-key": "always the same",
    }

    await tell(notifier(hook.url, headers=headers), firing(), client, FakeClock())

    got = hook.received[0].headers
    assert got["authorization"] == "Bearer t-o-k-e-n"
    assert got["user-agent"] == "our-prober"
    assert got["idempotency-key"] == "eu-west-1/api-health/down/run-1/firing/1/ops"


async def test_secrets_that_a_receiver_repeats_are_not_shown(
    hook: Receiver, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings: dict[str, JsonValue] = {
        "headers": {"Authorization": "Bearer t-o-k-e-n", "X-Team": "payments"},
        "hmac_secret": "h-m-a-c",
    }
    hook.answer = lambda one: Answer(400, text=f"{json.dumps(dict(one.headers))} t-o-k-e-n h-m-a-c")
    told = notifier(hook.url, **settings)

    with pytest.raises(DeliveryError) as caught:
        await tell(told, firing(), client, FakeClock())

    heard = f"{caught.value} {told!r} {told.model_dump_json()} {caplog.text}"
    assert "t-o-k-e-n" not in heard
    assert "h-m-a-c" not in heard


async def test_the_timeout_is_the_notifiers_own(hook: Receiver, client: httpx.AsyncClient) -> None:
    hook.answer = lambda _: Answer(silent=True)

    with pytest.raises(DeliveryError, match="did not answer within 100 ms"):
        await tell(notifier(hook.url, timeout="100ms"), firing(), client, FakeClock())


def test_the_agents_own_alert_leads_to_the_page_itself() -> None:
    own = delivery(replace(notice(), url="https://prober.example/eu/"))

    assert webhook.payload([own])["externalURL"] == "https://prober.example/eu"
