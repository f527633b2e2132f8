from __future__ import annotations

import json
from dataclasses import replace

import pytest

from prober.alerts import notice
from prober.alerts.notice import Ended, Event, Links, Notice
from prober.alerts.state import AlertState
from tests.alerts.samples import rule
from tests.fake_clock import NOON

LINKS = Links(external_url="https://prober.example.com/eu/", runbook="https://wiki.example.com/api")
LABELS = notice.identity("eu-west-1", "api-health", "http", rule(), {"team": "payments"})
STATE = AlertState(
    incident="run7",
    since=NOON,
    fired_at=NOON + 60,
    notified_at=NOON + 60,
    first_message="connection refused",
    first_reason="connect",
    last_message="status 503, expected 2xx",
    last_reason="status",
    labels=LABELS,
    told=("ops",),
)
SAME = replace(STATE, first_message=STATE.last_message, first_reason=STATE.last_reason)


def test_the_labels_are_ours_and_the_checks() -> None:
    assert LABELS == {
        "alertname": "ProberDown",
        "alert": "down",
        "check": "api-health",
        "kind": "http",
        "region": "eu-west-1",
        "severity": "critical",
        "team": "payments",
    }


@pytest.mark.parametrize("name", ["alertname", "alert", "check", "kind", "region", "severity"])
def test_a_check_cannot_override_our_labels(name: str) -> None:
    assert notice.identity("eu-west-1", "api-health", "http", rule(), {name: "mine"}) == {
        key: value for key, value in LABELS.items() if key != "team"
    }


def test_a_firing_says_what_where_and_why() -> None:
    said = notice.firing(SAME, LINKS)

    assert said.event is Event.FIRING
    assert said.key == "eu-west-1/api-health/down/run7"
    assert (said.starts_at, said.ends_at, said.at) == (NOON + 60, None, NOON + 60)
    assert said.url == f"https://prober.example.com/eu/incidents/{said.id}"
    assert said.annotations == {
        "summary": "api-health is down in eu-west-1: status 503, expected 2xx",
        "description": "failing since 2023-11-14T22:13:20.000Z: status 503, expected 2xx",
        "reason": "status",
        "since": "2023-11-14T22:13:20.000Z",
        "incident": said.id,
        "runbook_url": "https://wiki.example.com/api",
    }


def test_where_the_errors_differ_the_first_and_the_last_are_there() -> None:
    said = notice.firing(STATE, LINKS).annotations

    assert said["first_message"] == "connection refused"
    assert said["last_message"] == "status 503, expected 2xx"
    assert said["description"].endswith("expected 2xx; at first: connection refused")


def test_a_reminder_says_how_long_it_has_been() -> None:
    said = notice.reminder(replace(STATE, notified_at=NOON + 4 * 3600, reminders=1), LINKS)

    assert said.event is Event.REMINDER
    assert (said.starts_at, said.at, said.ends_at) == (NOON + 60, NOON + 4 * 3600, None)
    assert said.annotations["summary"] == (
        "api-health is still down in eu-west-1 after 4 h: status 503, expected 2xx"
    )
    assert said.annotations["duration"] == "4 h"


def test_a_resolution_says_how_long_it_was_and_what_was_wrong() -> None:
    said = notice.resolved(STATE, LINKS, Ended(at=NOON + 222, up_since=NOON + 192))

    assert said.event is Event.RESOLVED
    assert (said.starts_at, said.ends_at) == (NOON + 60, NOON + 222)
    assert said.annotations["summary"] == "api-health is up again in eu-west-1 after 3 m 12 s"
    assert said.annotations["duration"] == "3 m 12 s"
    assert said.annotations["reason"] == "status"
    assert said.annotations["first_message"] == "connection refused"
    assert said.annotations["last_message"] == "status 503, expected 2xx"


def test_a_resolution_names_the_only_error_too() -> None:
    said = notice.resolved(SAME, LINKS, Ended(at=NOON + 222)).annotations

    assert said["last_message"] == "status 503, expected 2xx"
    assert "first_message" not in said


def test_what_is_no_longer_watched_is_not_said_to_be_up() -> None:
    ended = Ended(at=NOON + 90, because="the check was removed from the config")
    said = notice.resolved(STATE, Links(), ended).annotations

    assert said["description"] == "the check was removed from the config"
    assert "no longer watched" in said["summary"]
    assert "up again" not in said["summary"]


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    said = notice.resolved(STATE, LINKS, Ended(at=NOON - 3600, up_since=NOON - 3630))

    assert not said.annotations["duration"].startswith("-")


def test_firing_reminder_and_resolution_have_the_same_identity() -> None:
    notices = (
        notice.firing(STATE, LINKS),
        notice.reminder(STATE, Links()),
        notice.resolved(STATE, Links(), Ended(at=NOON + 99)),
    )

    assert len({said.key for said in notices}) == 1
    assert all(said.labels == LABELS for said in notices)
    assert all(said.starts_at == NOON + 60 for said in notices)


def test_without_external_url_or_runbook_there_are_no_links() -> None:
    said = notice.firing(STATE, Links())

    assert said.url == ""
    assert "runbook_url" not in said.annotations


def test_all_that_is_said_of_an_incident_has_its_page_as_link() -> None:
    state = replace(STATE, labels={**LABELS, "check": "many:a/b"})
    begun, over = notice.firing(state, LINKS), notice.resolved(state, LINKS, Ended(at=NOON + 90))

    assert begun.url == over.url
    assert begun.url.startswith("https://prober.example.com/eu/incidents/")
    assert len(begun.id) == 12
    assert begun.url.endswith(f"/{begun.id}")


def test_a_notice_comes_back_from_json_as_it_was() -> None:
    for said in (
        notice.firing(STATE, LINKS),
        notice.resolved(STATE, LINKS, Ended(at=NOON + 99)),
    ):
        assert Notice.from_json(json.loads(json.dumps(said.to_json()))) == said


def test_what_is_no_notice_is_refused() -> None:
    with pytest.raises(ValueError, match="event"):
        Notice.from_json({"event": "burning"})


def test_ids_of_deliveries_are_made_of_what_they_say_and_to_whom() -> None:
    said = notice.reminder(STATE, LINKS)

    ids = {notice.delivery(said, name, nth).id for name in ("ops", "mail") for nth in (1, 2)}
    assert len(ids) == 4
    assert notice.delivery(said, "ops", 2) == notice.delivery(said, "ops", 2)


def test_a_link_to_the_screenshot_quotes_the_folder_that_is_quoted_already() -> None:
    state = replace(STATE, evidence="evidence/many%3Aa/run7/screenshot.png")
    link = "https://prober.example.com/eu/evidence/many%253Aa/run7/screenshot.png"

    over = notice.resolved(state, LINKS, Ended(at=NOON + 99))
    assert notice.firing(state, LINKS).annotations["evidence_url"] == link
    assert over.annotations["evidence_url"] == link
    assert "evidence_url" not in notice.firing(state, Links()).annotations
    assert "evidence_url" not in notice.firing(STATE, LINKS).annotations
