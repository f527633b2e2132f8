"""What people see of several alerts in one message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from prober.alerts.notice import Delivery, Event, Notice
from prober.notify import group_wait, slack_blocks, twilio, webhook
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.command import CommandNotifier
from prober.notify.email import EmailNotifier
from prober.notify.email_text import letter, mailbox
from prober.notify.slack import SlackNotifier
from prober.notify.twilio import TwilioNotifier
from prober.notify.webhook import WebhookNotifier
from tests.fake_clock import NOON, FakeClock
from tests.notify.notices import LABELS, delivery, firing, notice, resolved
from tests.notify.odd import notices
from tests.notify.telling import failure, tell
from tests.servers.receivers import Received, Receiver, receiver
from tests.servers.slack import PATH, Slack, slack
from tests.servers.smtp import mailhost
from tests.servers.twilio import SENDER, SID, TOKEN, TOO_MANY, UNSUBSCRIBED
from tests.servers.twilio import twilio as fake

ONE, TWO = "+15552220001", "+15552220002"


def hook(url: str) -> WebhookNotifier:
    return WebhookNotifier.model_validate({"webhook": {"url": url}})


def mail(url: str, *to: str) -> EmailNotifier:
    return EmailNotifier.model_validate(
        {"email": {"smtp": url, "from": "a@x.example", "to": list(to or ("b@x.example",))}}
    )


def sms(url: str, *to: str) -> TwilioNotifier:
    return TwilioNotifier.model_validate(
        {"twilio": {"account_sid": SID, "auth_token": TOKEN, "from": SENDER, "to": list(to), "url": url}}
    )  # fmt: skip


def low(check: str) -> Delivery:
    return delivery(
        replace(notice(check=check), labels={**LABELS, "check": check, "severity": "low"})
    )


def body(one: Received) -> dict[str, JsonValue]:
    assert isinstance(one.json, dict)
    return one.json


async def test_a_webhook_gets_what_they_have_in_common_as_alertmanager_has_it(
    client: httpx.AsyncClient,
) -> None:
    async with receiver() as theirs:
        said = [firing(), low("web"), resolved(check="dns")]
        await tell(hook(theirs.url), said, client)

    told = body(theirs.received[0])
    both = {"alertname", "alert", "kind", "region", "team"}
    assert told["commonLabels"] == {name: text for name, text in LABELS.items() if name in both}
    assert told["groupLabels"] == {"alertname": "ProberDown", "region": "eu-west-1"}
    assert told["commonAnnotations"] == {"reason": "status"}
    assert (told["status"], told["receiver"], told["truncatedAlerts"]) == ("firing", "ops", 0)
    alone = [webhook.payload([one])["alerts"] for one in said]
    assert told["alerts"] == [
        alert for alerts in alone if isinstance(alerts, list) for alert in alerts
    ]


async def test_a_group_has_a_key_of_its_own_that_stays(client: httpx.AsyncClient) -> None:
    async with receiver() as theirs:
        for said in (
            [firing(), firing(check="web")],
            [firing(check="web"), firing()],
            [firing(), firing(check="dns")],
            [resolved(), resolved(check="web")],
            [firing()],
        ):
            await tell(hook(theirs.url), said, client)

    keys = [one.headers["idempotency-key"] for one in theirs.received]
    groups = [str(body(one)["groupKey"]) for one in theirs.received]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
    assert groups[0] == groups[1] == groups[3] != groups[2]
    assert (keys[4], groups[4]) == (firing().id.replace("#", ""), firing().notice.key)
    events = [one.headers["x-prober-event"] for one in theirs.received]
    assert events == ["firing", "firing", "firing", "resolved", "firing"]


def test_a_group_fires_while_any_of_it_does() -> None:
    reminder = delivery(notice(Event.REMINDER))
    acked = delivery(notice(Event.ACKNOWLEDGED))

    assert webhook.payload([resolved(), resolved(check="web")])["status"] == "resolved"
    for burns in (reminder, acked, firing()):
        assert webhook.payload([resolved(), burns])["status"] == "firing"


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (Event.ESCALATED, "firing"),
        (Event.FLAPPING, "firing"),
        (Event.ACKNOWLEDGED, "firing"),
        (Event.WINDOW_BEGUN, "firing"),
        (Event.WINDOW_OVER, "resolved"),
        (Event.REPORT, "resolved"),
    ],
)
def test_what_nobody_will_end_is_over_for_a_webhook(event: Event, status: str) -> None:
    assert webhook.payload([delivery(notice(event))])["status"] == status


async def test_slack_gets_a_line_each_the_worst_first(client: httpx.AsyncClient) -> None:
    async with slack() as theirs:
        told = SlackNotifier.model_validate({"slack": {"webhook_url": theirs.webhook_url}})
        await tell(told, [resolved(check="dns"), low("web"), firing()], client)

    [message] = theirs.messages
    assert message["text"] == "2 firing, 1 resolved: api-health is firing, …"
    edges = attachments(message)
    assert [one["color"] for one in edges] == ["#c41e3a", "#4a90d9", slack_blocks.GOOD]
    assert [lines(one) for one in edges] == [
        ["`critical: api-health is firing` <https://prober.example/eu/#api-health|Prober>"],
        ["`low: web is firing` <https://prober.example/eu/#web|Prober>"],
        ["`resolved: dns is resolved` <https://prober.example/eu/#dns|Prober>"],
    ]


def attachments(message: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    found = message["attachments"]
    assert isinstance(found, list)
    return [one for one in found if isinstance(one, dict)]


def lines(attachment: dict[str, JsonValue]) -> list[str]:
    blocks = attachment["blocks"]
    assert isinstance(blocks, list)
    texts = [block["text"] for block in blocks if isinstance(block, dict)]
    return [str(text["text"]) for text in texts if isinstance(text, dict)]


def test_in_slack_the_rest_is_counted() -> None:
    many = [notice(check=f"web-{n}") for n in range(120)]

    told = slack_blocks.together(many)

    assert "and 90 more" in json.dumps(told)
    assert sum(len(lines(one)) for one in attachments(told)[:-1]) == 30


groups = st.lists(notices, min_size=2, max_size=30)


@settings(max_examples=40, deadline=None)
@given(groups)
def test_whatever_the_notices_hold_slack_takes_them_together(several: Sequence[Notice]) -> None:
    theirs = Slack(Receiver())
    raw = json.dumps(slack_blocks.together(several)).encode()

    theirs.answer(Received("POST", PATH, {"content-type": "application/json"}, raw))

    assert theirs.wrong == []
    assert len(theirs.messages) == 1


@settings(max_examples=40, deadline=None)
@given(groups)
def test_whatever_the_notices_hold_they_fit_a_text(several: Sequence[Notice]) -> None:
    text = twilio.text(several)

    assert len(text) <= twilio.AT_MOST
    assert len(text.split("\n")) <= len(several)


@settings(max_examples=15, deadline=None)
@given(st.lists(notices, min_size=2, max_size=4))
def test_whatever_the_notices_hold_they_can_be_a_mail(several: Sequence[Notice]) -> None:
    ones = [replace(delivery(one), id=str(n)) for n, one in enumerate(several)]

    raw = letter(ones, mailbox("a@x.example"), [mailbox("b@x.example")], NOON)

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998


async def test_a_text_has_a_line_each_and_says_how_many_more(client: httpx.AsyncClient) -> None:
    async with fake() as service:
        few = [resolved(check="dns"), low("web"), firing()]
        await tell(sms(service.url, ONE), few, client)
        many = [firing(check=f"a-check-with-a-name-as-long-as-that-{n}") for n in range(100)]
        await tell(sms(service.url, ONE), many, client)

    assert service.texts[0][1].split("\n") == [
        "[critical] api-health is firing",
        "[low] web is firing",
        "[resolved] dns is resolved",
    ]
    *shown, last = service.texts[1][1].split("\n")
    assert last == f"and {100 - len(shown)} more"
    assert len(shown) > 20


async def test_a_mail_is_a_table_and_an_answer_to_each_incidents_first(
    client: httpx.AsyncClient,
) -> None:
    async with mailhost() as host:
        for said in ([firing()], [low("web")], [resolved(check="web"), resolved()]):
            first = [replace(one, id=one.id.replace("/1/", "/0/")) for one in said]
            await tell(mail(host.url()), first, client, FakeClock())

    ids = [kept.message["Message-ID"] for kept in host.kept]
    over = host.kept[2].message
    assert over["References"] == f"{ids[1]} {ids[0]}"
    assert over["Subject"] == "[2 resolved] web is resolved; api-health is resolved"
    assert (over["X-Prober-Event"], over["X-Priority"]) == ("resolved", None)
    assert host.kept[2].part("html").count("<tr>") == 2
    assert "[resolved] web is resolved\nstatus: https://prober.example/eu/#web" in host.kept[
        2
    ].part("plain").replace("\r\n", "\n")


async def test_a_mail_of_several_is_as_urgent_as_the_worst(client: httpx.AsyncClient) -> None:
    async with mailhost() as host:
        await tell(mail(host.url()), [low("web"), firing(), resolved(check="dns")], client)

    told = host.kept[0].message
    assert (told["X-Priority"], told["X-Prober-Event"]) == ("1", "several")
    assert (
        told["Subject"]
        .strip()
        .startswith("[2 firing, 1 resolved] api-health is firing; web is firing")
    )


async def test_who_has_some_of_a_group_gets_the_rest_alone(client: httpx.AsyncClient) -> None:
    async with fake() as service:
        told = sms(service.url, ONE, TWO)
        service.answers[TWO] = [TOO_MANY]
        await failure(told, [firing(), low("web")], client)
        await tell(told, [firing(), low("web"), low("dns")], client)

    texts = {to: [text for who, text in service.texts if who == to] for to in (ONE, TWO)}
    assert [len(text.split("\n")) for text in texts[ONE]] == [2, 2]
    assert texts[ONE][1].startswith("[low] dns is firing\nhttps://")
    assert [len(text.split("\n")) for text in texts[TWO]] == [3]


async def test_what_somebody_has_is_not_lost_by_what_came_with_it_later(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with fake() as service:
        told = sms(service.url, ONE, TWO)
        service.answers[TWO] = [TOO_MANY, UNSUBSCRIBED]
        await failure(told, firing(), client)
        service.answers[ONE] = [UNSUBSCRIBED]
        await tell(told, [firing(), low("web")], client)

    assert [to for to, _ in service.texts] == [ONE]
    assert "others have it" in caplog.text


def test_for_people_what_comes_together_is_gathered_unless_they_do_not_want_it() -> None:
    plain: dict[str, JsonValue] = {"webhook_url": "https://hooks.slack.com/services/a"}
    am = AlertmanagerNotifier.model_validate({"alertmanager": {"urls": ["http://am"]}})

    assert group_wait(SlackNotifier.model_validate({"slack": plain})) == 10.0
    assert group_wait(SlackNotifier.model_validate({"slack": {**plain, "group_wait": "0"}})) == 0.0
    assert group_wait(mail("smtp://h")) == group_wait(hook("http://h")) == 10.0
    assert group_wait(am) == 0.0
    assert group_wait(CommandNotifier.model_validate({"command": {"argv": ["true"]}})) == 0.0
