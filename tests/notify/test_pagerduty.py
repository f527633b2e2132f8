"""What PagerDuty gets to see, and what becomes of an incident there."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from prober.alerts.notice import Delivery, Event, Notice
from prober.config import load
from prober.errors import DeliveryError
from prober.notify import takes
from prober.notify.answers import TurnedAway
from prober.notify.pagerduty import PagerdutyNotifier, dedup_key, event, send
from tests.fake_clock import NOON, FakeClock
from tests.notify.notices import LABELS, delivery, firing, notice, resolved
from tests.notify.odd import notices
from tests.notify.telling import refused_once, tell
from tests.servers.pagerduty import KEY, PagerDuty, pagerduty
from tests.servers.receivers import GARBAGE, RESET, SILENCE, Answer, Received, Receiver


@pytest.fixture
async def theirs() -> AsyncIterator[PagerDuty]:
    async with pagerduty() as one:
        yield one


def notifier(url: str = "https://events.pagerduty.com", **settings: JsonValue) -> PagerdutyNotifier:
    return PagerdutyNotifier.model_validate(
        {"pagerduty": {"routing_key": KEY, "url": url, **settings}}
    )


def reminder(n: int) -> Delivery:
    return delivery(notice(Event.REMINDER, at=NOON + n), n=n)


async def test_a_firing_triggers_with_everything_that_is_known(
    theirs: PagerDuty, client: httpx.AsyncClient
) -> None:
    said = {
        "summary": "api-health is down in eu-west-1: status 503",
        "description": "failing since noon: status 503",
        "reason": "status",
        "runbook_url": "https://wiki.example/api",
        "evidence_url": "https://prober.example/evidence/1",
    }
    one = delivery(replace(notice(), annotations=said))

    await tell(notifier(theirs.url), one, client)

    assert theirs.events == [
        {
            "routing_key": KEY,
            "event_action": "trigger",
            "dedup_key": "eu-west-1/api-health/down/run-1",
            "payload": {
                "summary": "api-health is down in eu-west-1: status 503",
                "source": "eu-west-1/api-health",
                "severity": "critical",
                "timestamp": "2023-11-14T22:13:20.000Z",
                "component": "api-health",
                "group": "eu-west-1",
                "class": "status",
                "custom_details": {
                    **{name: text for name, text in said.items() if name != "summary"},
                    "labels": LABELS,
                },
            },
            "links": [
                {"href": "https://prober.example/eu/#api-health", "text": "Prober"},
                {"href": "https://wiki.example/api", "text": "Runbook"},
                {"href": "https://prober.example/evidence/1", "text": "Evidence"},
            ],
            "client": "Prober",
            "client_url": "https://prober.example/eu/#api-health",
        }
    ]


async def test_reminders_and_retries_stay_in_the_one_incident_until_its_end(
    theirs: PagerDuty, client: httpx.AsyncClient
) -> None:
    for one in (firing(), firing(), reminder(1), reminder(2), resolved()):
        await send(notifier(theirs.url), one, client, FakeClock())

    assert [one.log for one in theirs.incidents] == [["trigger"] * 4 + ["resolve"]]
    assert theirs.dropped == []
    assert not theirs.incidents[0].open


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (Event.ESCALATED, "trigger"),
        (Event.FLAPPING, "trigger"),
        (Event.ACKNOWLEDGED, "acknowledge"),
    ],
)
async def test_whatever_becomes_of_an_incident_stays_in_it(
    theirs: PagerDuty, client: httpx.AsyncClient, kind: Event, action: str
) -> None:
    for one in (firing(), delivery(notice(kind, at=NOON + 9)), resolved()):
        await send(notifier(theirs.url), one, client, FakeClock())

    assert [one.log for one in theirs.incidents] == [["trigger", action, "resolve"]]
    assert theirs.dropped == []
    assert kind in takes(notifier())


def test_it_is_not_told_of_what_is_no_incident() -> None:
    told = takes(notifier())

    assert told.isdisjoint({Event.WINDOW_BEGUN, Event.WINDOW_OVER, Event.REPORT})


async def test_the_next_incident_is_another(theirs: PagerDuty, client: httpx.AsyncClient) -> None:
    for one in (firing(), resolved(), firing(incident="run-2"), firing(check="other")):
        await send(notifier(theirs.url), one, client, FakeClock())

    assert [(one.key, one.open) for one in theirs.incidents] == [
        ("eu-west-1/api-health/down/run-1", False),
        ("eu-west-1/api-health/down/run-2", True),
        ("eu-west-1/other/down/run-1", True),
    ]


async def test_a_resolution_says_how_long_it_was(
    theirs: PagerDuty, client: httpx.AsyncClient
) -> None:
    for one in (firing(), resolved(at=NOON + 190)):
        await send(notifier(theirs.url), one, client, FakeClock())

    payload = theirs.events[1]["payload"]
    assert isinstance(payload, dict)
    assert isinstance(payload["custom_details"], dict)
    assert payload["summary"] == "api-health is resolved"
    assert payload["timestamp"] == "2023-11-14T22:16:30.000Z"
    assert payload["custom_details"]["duration"] == "3 m 10 s"


def test_a_key_that_is_too_long_is_cut_and_still_its_own() -> None:
    one, other = (dedup_key("eu/" + "x" * 300 + end) for end in ("/run-1", "/run-2"))

    assert len(one) <= 255
    assert one != other
    assert one == dedup_key("eu/" + "x" * 300 + "/run-1")
    assert dedup_key("k" * 255) == "k" * 255


@pytest.mark.parametrize(
    ("severity", "theirs"),
    [("critical", "critical"), ("high", "warning"), ("medium", "warning"), ("low", "info"), ("page", "error")],
)  # fmt: skip
def test_the_severity_is_ones_own_word_for_it_or_the_usual_one(severity: str, theirs: str) -> None:
    mapped = notifier(severities={"high": "warning", "page": "error"}).pagerduty
    payload = event(mapped, replace(notice(), labels={**LABELS, "severity": severity}))["payload"]

    assert isinstance(payload, dict)
    assert payload["severity"] == theirs


def test_the_agents_own_alert_has_no_check() -> None:
    own = replace(notice(), annotations={}, labels={"alertname": "ProberAgentFault", "alert": "agent-fault", "region": "eu"})  # fmt: skip
    payload = event(notifier().pagerduty, own)["payload"]

    assert isinstance(payload, dict)
    assert payload["source"] == payload["group"] == "eu"
    assert payload["component"] == "agent"
    assert payload["class"] == "agent-fault"


@settings(max_examples=60, deadline=None)
@given(notices)
def test_whatever_a_notice_holds_pagerduty_takes_it(one: Notice) -> None:
    theirs = PagerDuty(Receiver())
    raw = json.dumps(event(notifier().pagerduty, one)).encode()

    answer = theirs.answer(
        Received("POST", "/v2/enqueue", {"content-type": "application/json"}, raw)
    )

    assert (answer.status, answer.text if answer.status != 202 else "") == (202, "")


async def test_an_event_that_would_be_too_large_leaves_its_details_out(
    theirs: PagerDuty, client: httpx.AsyncClient
) -> None:
    large = {f"note_{n}": "ä" * 3000 for n in range(200)}

    await send(
        notifier(theirs.url), delivery(replace(notice(), annotations=large)), client, FakeClock()
    )

    payload = theirs.events[0]["payload"]
    assert isinstance(payload, dict)
    assert payload["custom_details"] == {"left_out": "the details are too large for one event"}
    assert len(theirs.incidents) == 1


@pytest.mark.parametrize(
    ("answer", "permanent", "wish"),
    [
        (Answer(429, headers={"Retry-After": "30"}), False, 30.0),
        (Answer(429), False, None),
        (Answer(500, text="oops"), False, None),
        (Answer(503, headers={"Retry-After": "5"}), False, 5.0),
        (Answer(400, text='{"status":"invalid event"}'), True, None),
        (Answer(413), True, None),
        (RESET, False, None),
        (SILENCE, False, None),
        (GARBAGE, False, None),
        (Answer(200, text="<html>please log in</html>"), False, None),
        (Answer(200, text='{"status": "throttled"}'), False, None),
    ],
)
async def test_an_answer_is_final_or_worth_another_try(
    theirs: PagerDuty,
    client: httpx.AsyncClient,
    answer: Answer,
    permanent: bool,
    wish: float | None,
) -> None:
    theirs.hook.answers.append(answer)
    hasty = notifier(theirs.url, timeout="200ms" if answer.silent else "5s")
    patient = notifier(theirs.url)

    await refused_once(hasty, client, permanent=permanent, wish=wish, patient=patient)

    assert len(theirs.incidents) == 1


async def test_what_speaks_pagerduties_words_may_say_200(
    theirs: PagerDuty, client: httpx.AsyncClient
) -> None:
    theirs.hook.answers.append(Answer(200, text='{"status": "success"}'))

    await send(notifier(theirs.url), firing(), client, FakeClock())

    assert len(theirs.events) == 1


async def test_a_wrong_address_is_tried_for_a_while(
    theirs: PagerDuty, client: httpx.AsyncClient
) -> None:
    with pytest.raises(TurnedAway, match="answered 404"):
        await send(notifier(f"{theirs.url}/elsewhere"), firing(), client, FakeClock())


async def test_the_key_is_shown_nowhere(
    theirs: PagerDuty, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    theirs.hook.answer = lambda one: Answer(400, text=one.raw.decode())
    told = notifier(theirs.url)

    with pytest.raises(DeliveryError) as caught:
        await send(told, firing(), client, FakeClock())

    heard = f"{caught.value} {caught.value!r} {told!r} {told.model_dump_json()} {caplog.text}"
    assert KEY not in heard
    assert KEY in theirs.hook.received[0].raw.decode()


def _config(folder: Path, settings: str, severities: str = "") -> Path:
    path = folder / "config.yaml"
    path.write_text(f"{severities}\nnotifiers: {{pager: {{pagerduty: {settings}}}}}\n")
    return path


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        (f"{{routing_key: {KEY}}}", []),
        ("{routing_key: PABC123}", ["has 7 characters; an integration key of PagerDuty's has 32"]),
        ('{routing_key: PABC123, url: "https://pager.example"}', []),
    ],
)
def test_a_key_of_another_length_than_pagerduties_is_odd(
    settings: str, warned: list[str], tmp_path: Path
) -> None:
    found = load(_config(tmp_path, settings), {}).warnings

    assert [one.message for one in found if "routing_key" in one.field] == warned


def test_own_severities_are_right_once_each_has_a_word(tmp_path: Path) -> None:
    settings = f"{{routing_key: {KEY}, severities: {{page: critical, ticket: info}}}}"

    loaded = load(_config(tmp_path, settings, "severities: [page, ticket, warning]"), {})

    assert [*loaded.config.notifiers] == ["pager"]


@given(st.text(st.characters(), min_size=1, max_size=600))
def test_a_dedup_key_fits_whatever_the_incident_is_called(key: str) -> None:
    assert len(dedup_key(key).encode("utf-16-le")) <= 2 * 255
