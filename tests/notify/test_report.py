"""A report is read as it was written: whole, by itself, and its tables as tables."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import JsonValue

from prober.alerts.figures import Figures
from prober.alerts.notice import Delivery, Notice
from prober.alerts.periods import Period
from prober.alerts.report import Facts, notice
from prober.notify import Means, Told, post, send
from prober.notify.email_text import letter, mailbox
from prober.notify.slack import SlackNotifier
from prober.notify.slack_blocks import LONGEST_DESCRIPTION, message
from prober.notify.twilio import text as sms
from tests.fake_clock import NOON, FakeClock
from tests.notify.notices import delivery, firing
from tests.notify.rig import delivering, people
from tests.servers.receivers import receiver
from tests.servers.slack import slack
from tests.servers.smtp import Kept

WEEK = 7 * 86400.0
SENDER = mailbox("prober@x.example")


def report(checks: int = 3) -> Notice:
    counted = {f"check-{at:02}": Figures(up=900 + at, down=at) for at in range(checks)}
    facts = Facts(
        region="eu", period=Period(NOON - WEEK, NOON), at=NOON + 60, name="weekly", checks=counted
    )
    return notice(facts, "weekly")


def told(checks: int = 3) -> Delivery:
    return delivery(report(checks))


def codes(value: JsonValue) -> list[str]:
    """The blocks of fixed width in a message to Slack."""
    if isinstance(value, dict):
        text = value.get("text")
        own = [text[3:-3]] if isinstance(text, str) and text.startswith("```") else []
        return [*own, *(code for one in value.values() for code in codes(one))]
    return [code for one in value for code in codes(one)] if isinstance(value, list) else []


def test_a_mail_has_it_as_it_is_in_both_forms() -> None:
    raw = letter([told()], SENDER, [mailbox("a@x.example")], NOON)
    kept = Kept("", (), raw, tls=False, user="", greeted_as="")
    said = report().annotations["description"]

    assert kept.message["Subject"] == (
        "[report] weekly, 7 d in eu: 3 checks, 99.88 % available, no incidents"
    )
    assert kept.message["X-Prober-Event"] == "report"
    assert said in kept.part("plain").replace("\r\n", "\n")
    page = kept.part("html").replace("\r\n", "\n")
    assert f"<pre>{said.replace(chr(10), '<br>')}</pre>" in page


def test_slack_shows_a_long_one_in_several_blocks_broken_between_lines() -> None:
    for count in (3, 40, 60):
        one = report(count)
        found = codes(message(one))

        assert "\n".join(found) == one.annotations["description"].strip("\n")
        assert all(len(each) <= LONGEST_DESCRIPTION for each in found)
    assert len(found) > 1


def test_slack_gets_no_more_than_it_takes() -> None:
    long = "\n".join(f"{at:04} {'&' * 70}" for at in range(300))
    found = codes(message(replace(report(), annotations={"description": long})))

    assert len(found) == 4
    assert all(len(each) <= LONGEST_DESCRIPTION for each in found)
    assert "".join(found).startswith("0000 ")


async def test_slack_takes_the_longest_there_is() -> None:
    async with slack() as theirs, post.client() as client:
        notifier = SlackNotifier.model_validate({"slack": {"webhook_url": theirs.webhook_url}})
        means = Means(client=client, clock=FakeClock())
        long = "\n".join(f"{at:04} {'&' * 70}" for at in range(300))
        for said in (report(60).annotations["description"], long):
            noted = replace(report(), annotations={"summary": "s" * 999, "description": said})
            await send(Told(notifier=notifier, deliveries=(delivery(noted),)), means)

        assert len(theirs.messages) == 2


def test_what_else_is_described_stays_one_block() -> None:
    long = "\n".join("x" * 70 for _ in range(80))
    one = replace(firing().notice, annotations={"summary": "s", "description": long})

    assert len(codes(message(one))) == 1


def test_a_phone_shows_the_line() -> None:
    assert sms([report()]) == (
        "[report] weekly, 7 d in eu: 3 checks, 99.88 % available, no incidents"
    )


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_it_goes_alone_and_what_waits_beside_it_goes_together(at: int) -> None:
    """In one message with others its text would be cut."""
    async with (
        receiver() as hook,
        delivering({"ops": people(hook.url)}, firing(check="a")) as rig,
    ):
        await rig.until_marked(1)
        beside = [firing(check="b"), firing(check="c")]
        rig.deliverer.hand([*beside[:at], told(), *beside[at:]])
        await rig.let_pass(10, lambda: len(rig.marks) >= 4)

    bodies = [json.loads(one.raw) for one in hook.received]
    sent = [[alert["labels"].get("check", "report") for alert in one["alerts"]] for one in bodies]
    assert sorted(sent) == [["a"], ["b", "c"], ["report"]]
