"""What is said of an alert besides that it fires and is over, and what a failed run adds to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prober.alerts import details, notice
from prober.alerts.notice import Ended, Event, Links, WindowTold
from prober.alerts.state import QUIET, AlertState, advance
from prober.result import Assertion, Finding, Outcome, Reason, Result
from prober.visit import Step
from tests.alerts.samples import rule
from tests.fake_clock import NOON

LINKS = Links(external_url="https://prober.example.com/eu/", last_good=NOON - 30)
LABELS = notice.identity("eu-west-1", "api", "http", rule(), {})
STATE = AlertState(
    incident="run7",
    since=NOON,
    fired_at=NOON + 60,
    notified_at=NOON + 60,
    first_message="status 503",
    last_message="status 503",
    last_reason="status",
    labels=LABELS,
    told=("ops",),
)
OWN = {"alertname": "ProberStore", "alert": "store", "kind": "agent", "region": "eu-west-1", "severity": "high"}  # fmt: skip


def failed(n: int = 1, *, actual: str = "503", seconds: float = 0.2) -> Result:
    assertion = Assertion("status", "2xx", actual, ok=False)
    return Result(
        check="api",
        kind="http",
        region="eu-west-1",
        run_id=f"run{n}",
        traceparent=f"00-{n:032x}-{n:016x}-01",
        started_at=NOON + n,
        seconds=seconds,
        attempts=1,
        finding=Finding(
            Outcome.DOWN, Reason.STATUS, "status is wrong", assertions=(Assertion("ssl", "a", "a", ok=True), assertion)
        ),
        phases={"dns": 0.003, "connect": seconds},
        steps=(Step(name="open", ok=True, seconds=1), Step(name="pay", ok=False, seconds=2)),
    )  # fmt: skip


def test_a_failed_run_says_which_step_and_what_was_expected() -> None:
    assert details.of(failed(3)) == {
        "step": "pay",
        "assertion": "status",
        "expected": "2xx",
        "actual": "503",
        "phases": "dns 3 ms, connect 200 ms",
        "trace_id": f"{3:032x}",
    }


def test_what_was_not_found_is_not_said() -> None:
    plain = failed()._replace(finding=Finding(Outcome.UP), phases={}, steps=(), traceparent="")

    assert details.of(plain) == {}
    long = details.of(failed(actual="x" * 5000))["actual"]
    assert (len(long), long[-1]) == (details.LONGEST, "…")


def test_what_is_new_with_each_run_is_no_news() -> None:
    known = details.newest({"children": "web"}, failed(1), same=False)

    assert details.newest(known, failed(2, actual="502", seconds=0.9), same=True) is known
    other = details.newest(known, failed(2, actual="502"), same=False)
    assert (other["actual"], other["trace_id"]) == ("502", f"{2:032x}")
    assert other["children"] == "web"


def test_a_failure_as_the_one_before_changes_nothing_that_would_be_written_down() -> None:
    state = QUIET
    for n in range(1, 4):
        state, _ = advance(state, failed(n, seconds=n / 10), rule(failures=2), NOON + n)
    fires = replace(state, labels=LABELS)

    assert advance(fires, failed(9, seconds=0.9), rule(failures=2), NOON + 9)[0] is fires
    said = notice.firing(fires, LINKS).annotations
    assert {name: said[name] for name in ("step", "assertion", "expected", "actual")} == {
        "step": "pay", "assertion": "status", "expected": "2xx", "actual": "503",
    }  # fmt: skip
    assert said["last_good"] == "2023-11-14T22:12:50.000Z"
    assert said["incident"] == notice.firing(fires, LINKS).id


def test_an_escalation_says_for_how_long_nobody_has_seen_to_it() -> None:
    said = notice.escalated(STATE, LINKS, NOON + 900)

    assert (said.event, said.at, said.ends_at) == (Event.ESCALATED, NOON + 900, None)
    assert said.annotations["summary"] == (
        "api is still down in eu-west-1 after 15 m, and nobody has acknowledged it: status 503"
    )
    assert said.annotations["duration"] == "15 m"


def test_the_end_of_flapping_says_how_long_it_was_unsteady() -> None:
    state = replace(STATE, flapping_since=NOON + 50)
    said = notice.resolved(state, LINKS, Ended(at=NOON + 600, up_since=(STATE.since or 0) + 17))

    assert said.annotations["summary"] == (
        "api is steadily up again in eu-west-1 after 17 s of ups and downs"
    )


def test_flapping_says_how_often_within_how_long() -> None:
    at = NOON + 1800
    changes = tuple(NOON + 300 * n for n in range(1, 7))
    said = notice.flapping(replace(STATE, flapping_since=at, changes=changes), LINKS)

    assert (said.event, said.at) == (Event.FLAPPING, at)
    assert said.annotations["summary"] == (
        "api fails and recovers again and again in eu-west-1: 6 changes within 25 m"
    )
    assert "this alert stays open until it is calm" in said.annotations["description"]


def test_an_acknowledgement_says_whose_it_is_and_why() -> None:
    state = replace(STATE, acked_at=NOON + 120, acked_by="ann@desk")
    said = notice.acknowledged(state, LINKS, "the disk is full")

    assert (said.event, said.at) == (Event.ACKNOWLEDGED, NOON + 120)
    assert said.annotations["summary"] == (
        "api in eu-west-1: down was acknowledged by ann@desk: the disk is full"
    )
    assert said.annotations["acknowledged_by"] == "ann@desk"


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ("maintenance weekly", "api is down in eu-west-1, first seen in maintenance weekly"),
        ("silence 3f9a", "api is down in eu-west-1, held back so far by silence 3f9a"),
        ("dns is down", "api is down in eu-west-1, held back while dns was down"),
        ("offline", "api is down in eu-west-1, held back while the agent was cut off"),
        ("asking dns", "api is down in eu-west-1, held back so far, asking dns"),
    ],
)
def test_what_was_held_back_says_by_what(held: str, words: str) -> None:
    said = notice.firing(STATE, LINKS, held=held, at=NOON + 7200)

    assert said.annotations["summary"] == f"{words}: status 503"
    assert (said.starts_at, said.at) == (NOON + 60, NOON + 7200)


def test_all_that_is_said_of_an_incident_has_its_key_and_its_labels() -> None:
    told = (
        notice.firing(STATE, LINKS),
        notice.escalated(STATE, LINKS, NOON + 900),
        notice.flapping(STATE, LINKS),
        notice.acknowledged(STATE, LINKS),
        notice.resolved(STATE, LINKS, Ended(at=NOON + 999)),
    )

    assert {one.key for one in told} == {"eu-west-1/api/down/run7"}
    assert all(one.labels == LABELS and one.starts_at == NOON + 60 for one in told)
    assert len({one.annotations["summary"] for one in told}) == len(told)


def test_the_agents_own_alerts_have_words_of_their_own() -> None:
    state = replace(STATE, labels=OWN, last_message="disk is full")

    assert notice.firing(state, LINKS).annotations["summary"] == (
        "the agent in eu-west-1 cannot write to its store: disk is full"
    )
    over = notice.resolved(state, LINKS, Ended(at=NOON + 60)).annotations
    assert over["summary"] == "the agent in eu-west-1 writes to its store again after 1 m"
    assert "eu-west-1" in notice.acknowledged(state, LINKS).annotations["summary"]


def test_that_it_was_cut_off_is_told_by_its_own_times_and_not_by_when_it_was_told() -> None:
    state = replace(STATE, labels={**OWN, "alert": "offline"}, last_message="from 1 to 2 (9 s)")
    begun = notice.firing(state, LINKS).annotations
    over = notice.resolved(state, LINKS, Ended(at=NOON + 360)).annotations

    assert begun["summary"] == "the agent in eu-west-1 was cut off: from 1 to 2 (9 s)"
    assert over["summary"] == "the agent in eu-west-1 is no longer cut off"
    assert begun["description"] == over["description"] == "from 1 to 2 (9 s)"
    assert "duration" not in over


def test_a_window_is_told_as_one_thing_that_begins_and_ends() -> None:
    window = WindowTold(
        name="weekly", region="eu", begins=NOON, ends=NOON + 7200, labels={"env": "p"}
    )
    begun, over = notice.window_begun(window, LINKS), notice.window_over(window, LINKS, NOON + 7200)

    assert begun.key == over.key
    assert begun.labels == over.labels
    assert (begun.labels["kind"], begun.labels["env"]) == ("agent", "p")
    assert begun.annotations["summary"] == (
        "maintenance weekly in eu has begun, until 2023-11-15T00:13:20.000Z"
    )
    assert over.annotations["summary"] == "maintenance weekly in eu is over"
    assert (begun.ends_at, over.ends_at) == (None, NOON + 7200)
    later = notice.window_begun(replace(window, begins=NOON + 9999), LINKS)
    assert later.key != begun.key
    assert later.key.rpartition("/")[0] == begun.key.rpartition("/")[0]
