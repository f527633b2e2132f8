"""What a Slack channel gets to see."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest
from hypothesis import given, settings
from pydantic import JsonValue

from prober.alerts.notice import Event, Notice
from prober.errors import DeliveryError
from prober.notify.answers import TurnedAway
from prober.notify.slack import SlackNotifier
from prober.notify.slack_blocks import GOOD, message
from tests.fake_clock import NOON, FakeClock
from tests.notify.notices import LABELS, delivery, firing, notice, resolved
from tests.notify.odd import NASTY, notices
from tests.notify.telling import refused_once, tell
from tests.servers.receivers import CUT_OFF, GARBAGE, RESET, SILENCE, Answer, Received, Receiver
from tests.servers.slack import PATH, Slack, slack


@pytest.fixture
async def theirs() -> AsyncIterator[Slack]:
    async with slack() as one:
        yield one


def notifier(url: str, **more: JsonValue) -> SlackNotifier:
    return SlackNotifier.model_validate({"slack": {"webhook_url": url, **more}})


def shown(value: JsonValue) -> Iterator[str]:
    """Every text of a message that somebody may read."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name == "text" and isinstance(one, str):
                yield one
            else:
                yield from shown(one)
    elif isinstance(value, list):
        for one in value:
            yield from shown(one)


def colour(one: Notice) -> str:
    attachments = message(one)["attachments"]
    assert isinstance(attachments, list)
    assert isinstance(attachments[0], dict)
    return str(attachments[0]["color"])


async def test_a_firing_is_a_headline_and_what_is_known_below_it(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    said = {
        "summary": "api-health is down in eu-west-1: status 503",
        "description": "failing since noon: status 503",
        "reason": "status",
        "since": "2023-11-14T22:13:20.000Z",
        "runbook_url": "https://wiki.example/api?a=1&b=2",
    }

    one = delivery(replace(notice(), annotations=said))
    await tell(notifier(theirs.webhook_url), one, client)

    assert theirs.messages == [
        {
            "text": "Firing, critical: api-health is down in eu-west-1: status 503",
            "mrkdwn": False,
            "unfurl_links": False,
            "unfurl_media": False,
            "attachments": [
                {
                    "color": "#c41e3a",
                    "blocks": [
                        {
                            "type": "section",
                            "text": words("```failing since noon: status 503```"),
                        },
                        {
                            "type": "section",
                            "fields": [
                                words("*Since*\n`2023-11-14T22:13:20.000Z`"),
                                words("*Reason*\n`status`"),
                            ],
                        },
                        {
                            "type": "context",
                            "elements": [
                                words(
                                    "`alert=down check=api-health kind=http"
                                    " region=eu-west-1 team=payments`"
                                )
                            ],
                        },
                        {
                            "type": "section",
                            "text": words(
                                "<https://prober.example/eu/#api-health|Prober>"
                                " · <https://wiki.example/api?a=1&amp;b=2|Runbook>"
                            ),
                        },
                    ],
                }
            ],
        }
    ]


async def test_links_as_long_as_they_may_be_are_all_there(
    client: httpx.AsyncClient, theirs: Slack
) -> None:
    hrefs = [f"https://{name}.example/".ljust(1000, "x") for name in ("prober", "wiki", "files")]
    page, runbook, evidence = hrefs
    said = {"runbook_url": runbook, "evidence_url": evidence}
    one = delivery(replace(notice(), annotations=said, url=page))

    await tell(notifier(theirs.webhook_url), one, client)

    text = json.dumps(theirs.messages)
    assert all(href in text for href in hrefs)


def test_of_more_than_slack_takes_the_least_important_are_left_out() -> None:
    names = [
        "trace_id", "phases", "extra", "children", "actual", "expected", "assertion", "step", "reason",
        "last_good", "since",
    ]  # fmt: skip
    one = replace(notice(), annotations={"duration": "5 m", **dict.fromkeys(names, "x")})

    assert re.findall(r"\*([A-Z][a-z ]+)\*", json.dumps(message(one))) == [
        "Since", "Last good", "Reason", "Step", "Assertion", "Expected", "Actual", "Lasted",
        "Children", "Extra",
    ]  # fmt: skip


def words(text: str) -> JsonValue:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


async def test_a_resolution_is_green_and_says_how_long_it_was(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    await tell(notifier(theirs.webhook_url), resolved(at=NOON + 190), client, FakeClock())

    texts = [*shown(theirs.messages[0])]
    assert texts[0] == "Resolved, critical: api-health is resolved"
    assert "*Lasted*\n`3 m 10 s`" in texts
    assert colour(resolved().notice) == GOOD


def test_the_colour_is_the_severitys() -> None:
    severities = ("critical", "high", "medium", "low", "page")
    colours = [colour(replace(notice(), labels={**LABELS, "severity": s})) for s in severities]

    assert len(set(colours)) == 4
    assert colours[4] == colours[0]
    assert GOOD not in colours
    assert colour(notice(Event.REMINDER)) == colours[0]


def test_the_words_are_the_notices_own_whatever_the_rule() -> None:
    said = {
        "summary": "the certificate of api expires in 12 d",
        "expected": "30 d",
        "actual": "12 d",
    }
    one = replace(notice(), annotations=said, labels={**LABELS, "severity": "low"})

    texts = [*shown(message(one))]
    assert texts[0] == "Firing, low: the certificate of api expires in 12 d"
    assert texts[1:3] == ["*Expected*\n`30 d`", "*Actual*\n`12 d`"]


@pytest.mark.parametrize("key", ["summary", "description", "reason"])
def test_nothing_that_a_target_says_is_taken_for_slacks_own(key: str) -> None:
    one = replace(notice(), annotations={key: "<!channel> & <https://evil.example|click> ```*b*"})

    told = "\n".join(shown(message(one)))

    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;" in told
    assert told.count("```") in (0, 2) if key != "summary" else True
    assert message(one)["mrkdwn"] is False


@pytest.mark.parametrize("text", NASTY)
def test_a_text_that_is_cut_is_cut_between_what_it_escapes(text: str) -> None:
    theirs = Slack(Receiver())

    theirs.answer(_sent(replace(notice(), annotations={"summary": text, "description": text})))

    assert theirs.wrong == []
    assert len(theirs.messages) == 1


@settings(max_examples=60, deadline=None)
@given(notices)
def test_whatever_a_notice_holds_slack_takes_it(one: Notice) -> None:
    theirs = Slack(Receiver())

    answer = theirs.answer(_sent(one))

    assert theirs.wrong == []
    assert (answer.status, answer.text) == (200, "ok")


def _sent(one: Notice) -> Received:
    raw = json.dumps(message(one)).encode()
    return Received("POST", PATH, {"content-type": "application/json"}, raw)


@pytest.mark.parametrize(
    ("answer", "permanent", "wish"),
    [
        (Answer(429, headers={"Retry-After": "30"}), False, 30.0),
        (Answer(429, text="rate_limited"), False, None),
        (Answer(500, text="rollup_error"), False, None),
        (Answer(400, text="invalid_payload"), True, None),
        (Answer(400, text="no_text"), True, None),
        (Answer(403, text="invalid_token"), True, None),
        (Answer(403, text="action_prohibited"), True, None),
        (Answer(404, text="no_service"), True, None),
        (Answer(410, text="channel_is_archived\n"), True, None),
        (RESET, False, None),
        (SILENCE, False, None),
        (GARBAGE, False, None),
    ],
)
async def test_an_answer_is_final_or_worth_another_try(
    theirs: Slack,
    client: httpx.AsyncClient,
    answer: Answer,
    permanent: bool,
    wish: float | None,
) -> None:
    theirs.hook.answers.append(answer)
    hasty = notifier(theirs.webhook_url, timeout="200ms" if answer.silent else "5s")
    patient = notifier(theirs.webhook_url)

    await refused_once(hasty, client, permanent=permanent, wish=wish, patient=patient)

    assert len(theirs.messages) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, text="<html>no such page</html>"),
        Answer(200, text="<html>please log in</html>"),
        Answer(200, text='{"ok": false, "error": "ratelimited"}'),
        Answer(200, text="[]"),
    ],
)
async def test_whoever_does_not_answer_as_slack_does_is_tried_for_a_while(
    theirs: Slack, client: httpx.AsyncClient, answer: Answer
) -> None:
    theirs.hook.answers.append(answer)

    with pytest.raises(TurnedAway):
        await tell(notifier(theirs.webhook_url), firing(), client, FakeClock())


@pytest.mark.parametrize(
    "answer",
    [Answer(200, text="ok\n"), Answer(200), Answer(200, text='{"success": true}')],
)
async def test_what_was_taken_is_not_said_twice(
    theirs: Slack, client: httpx.AsyncClient, answer: Answer
) -> None:
    theirs.hook.answers.append(answer)

    await tell(notifier(theirs.webhook_url), firing(), client, FakeClock())

    assert len(theirs.hook.received) == 1


async def test_an_answer_that_was_cut_off_says_half_of_something_else(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    theirs.hook.answers.append(CUT_OFF)

    with pytest.raises(TurnedAway, match="answered 200, but not as Slack does"):
        await tell(notifier(theirs.webhook_url), firing(), client, FakeClock())


async def test_the_webhook_is_shown_nowhere(
    theirs: Slack, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    theirs.hook.answer = lambda one: Answer(400, text=f"{theirs.webhook_url} {one.path}")
    told = notifier(theirs.webhook_url)

    with pytest.raises(DeliveryError) as caught:
        await tell(told, firing(), client, FakeClock())

    heard = f"{caught.value} {caught.value!r} {told!r} {told.model_dump_json()} {caplog.text}"
    assert [part for part in PATH.split("/")[2:] if part in heard] == []
    assert theirs.hook.received[0].path == PATH
