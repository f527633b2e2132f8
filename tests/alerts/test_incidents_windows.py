"""Rules that look back, among all the incidents of an agent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from prober.alerts.conditions import Condition, ErrorRate, Failures, Percentile, ValueIs
from prober.alerts.notice import Event
from prober.alerts.past import Ran, Rates
from prober.alerts.rules import EffectiveRule
from prober.alerts.sliding import Window
from prober.alerts.state import AlertState
from prober.alerts.words import moment
from prober.result import Assertion, Finding, Reason, Result
from tests.alerts.samples import DOWN, UP, result, rule
from tests.alerts.test_incidents import Story, plan
from tests.fake_clock import NOON

ERRORS = EffectiveRule(
    name="errors", condition=ErrorRate(rate=0.5, over=60, min_runs=4), severity="high"
)
SLOW = EffectiveRule(name="slow", condition=Percentile(share=0.95, limit=2, over=60, min_runs=2))
QUEUE = EffectiveRule(name="queue", condition=ValueIs("queue", (("gt", 100.0),)), lasting=5)


def put(story: Story, runs: Sequence[Result]) -> list[Event]:
    for one in runs:
        story.incidents.put(one._replace(started_at=story.now), story.now)
        story.now += 1
    return [event for event, _ in story.said()]


def test_a_rate_fires_and_resolves_with_words_of_its_own() -> None:
    story = Story(plan(ERRORS))

    story.runs()
    for one in (DOWN, UP, DOWN, UP):
        story.incidents.put(result(one, at=story.now), story.now)
        story.now += 1
    (fired,) = story.take()
    assert fired.notice.labels["alertname"] == "ProberErrors"
    assert fired.notice.annotations["summary"] == (
        "api fails too often in eu-west-1: 50 % of 4 runs failed within 1 m,"
        " allowed is less than 50 %"
    )
    assert fired.notice.annotations["reason"] == "error_rate"
    story.incidents.put(result(UP), story.now)
    assert story.take() == []
    story.incidents.put(result(UP), story.now)
    (ended,) = story.take()
    assert ended.notice.annotations["summary"].startswith(
        "api fails too often no longer in eu-west-1 after "
    )


def test_what_failed_and_since_when_is_said_though_nothing_was_asserted() -> None:
    story = Story(plan(ERRORS))
    refused = [result(DOWN, reason=Reason.CONNECT, message="connection refused")] * 2
    began = story.now + 1
    assert put(story, [result(UP), *refused]) == []
    late = result(DOWN, reason=Reason.TIMEOUT, message="no answer within 10 s")
    story.incidents.put(late._replace(started_at=story.now), story.now)

    (fired,) = story.take()
    said = fired.notice.annotations
    assert said["reason"] == "error_rate"
    assert said["since"] == moment(began)
    assert said["last_error"] == "timeout: no answer within 10 s"
    assert said["first_error"] == "connect: connection refused"
    assert said["description"].startswith(f"failing since {moment(began)}: ")
    assert said["description"].endswith(
        "; last error: timeout: no answer within 10 s; first error: connect: connection refused"
    )


def test_how_the_first_run_failed_is_known_when_that_has_left_the_window() -> None:
    story = Story(plan(ERRORS))
    first, second = (result(DOWN, message=one) for one in ("first", "second"))
    assert put(story, [first] * 4) == [Event.FIRING]
    assert put(story, [second] * 90) == []
    for _ in range(90):
        story.incidents.put(result(UP, at=story.now), story.now)
        story.now += 1

    said = story.take()[-1].notice
    assert said.event is Event.RESOLVED
    assert said.annotations["first_error"] == "status: first"
    assert said.annotations["last_error"] == "status: second"


def test_a_rate_that_a_good_run_meets_tells_of_the_last_failed_one() -> None:
    story = Story(plan(ERRORS))
    missed = Assertion("status", "2xx", "503", ok=False)
    bad = result(DOWN)._replace(
        finding=Finding.down(Reason.STATUS, "status 503", assertions=(missed,))
    )
    put(story, [bad, bad, result(UP)])
    story.incidents.put(result(UP, at=story.now), story.now)

    (fired,) = story.take()
    assert fired.notice.annotations["assertion"] == "status"
    assert fired.notice.annotations["last_error"] == "status: status 503"
    assert "first_error" not in fired.notice.annotations  # it is the same


def test_slow_runs_that_are_up_fire_and_the_reminder_says_so() -> None:
    story = Story(plan(replace(SLOW, remind=60)))
    slow = result(UP)._replace(seconds=3.0)

    assert put(story, [slow, slow]) == [Event.FIRING]
    story.incidents.tick(story.now + 60)
    (again,) = story.take()
    assert again.notice.annotations["summary"] == (
        "api is still slow in eu-west-1 after 1 m 5 s: p95 of 2 runs 3 s, at most 2 s"
    )
    assert put(story, [result(UP)] * 30) == []  # two of 32 are more than 5 %
    story.now += 60
    assert put(story, [result(UP)] * 3) == [Event.RESOLVED]


def test_a_value_that_comes_back_in_time_does_not_fire() -> None:
    story = Story(plan(QUEUE))
    high, low = (result(UP)._replace(values={"queue": one}) for one in (130.0, 3.0))

    assert put(story, [high] * 5 + [low] + [high] * 5) == []
    assert put(story, [high]) == [Event.FIRING]
    assert put(story, [low, result(UP), low]) == [Event.RESOLVED]


@pytest.mark.parametrize("condition", [Failures(2), Failures(2, 5)])
def test_no_window_is_kept_where_no_rule_needs_one(
    condition: Condition, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a window was made")

    monkeypatch.setattr(Window, "__init__", never)
    watched = replace(rule(), condition=condition)
    story = Story(plan(watched))

    assert put(story, [result(UP)] * 3) == []
    assert story.incidents.states == {}
    assert put(story, [result(DOWN), result(DOWN)]) == [Event.FIRING]


def test_a_run_that_is_up_is_not_even_judged_by_rules_of_failures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("prober.alerts.incidents.advance", lambda *a: asked.append(a))
    story = Story(plan(rule(1), replace(rule(3, name="often"), condition=Failures(3, 5))))

    assert put(story, [result(UP)] * 3) == []
    assert asked == []


def test_failures_of_several_runs_outlive_a_restart() -> None:
    watched = replace(rule(), condition=Failures(3, 5))
    story = Story(plan(watched))
    assert put(story, [result(one) for one in (DOWN, UP, DOWN)]) == []

    kept = {
        key: AlertState.from_json(json.loads(json.dumps(state.to_json())))
        for key, state in story.incidents.states.items()
    }
    later = Story(plan(watched), kept)
    assert put(later, [result(UP)]) == []
    assert put(later, [result(DOWN)]) == [Event.FIRING]


def test_after_a_restart_a_window_says_nothing_until_it_has_its_runs() -> None:
    story = Story(plan(ERRORS))
    put(story, [result(DOWN)] * 4)

    later = Story(plan(ERRORS), story.incidents.states)
    assert put(later, [result(UP)] * 3) == []
    assert put(later, [result(UP)]) == []  # the first good one
    assert put(later, [result(UP)]) == [Event.RESOLVED]


def again(story: Story, after: float, *, was_up: bool = False) -> Story:
    """Another life, so many seconds later; it is told of the runs of the one before."""
    later = Story(plan(ERRORS))
    later.incidents.watching.wait()
    later.incidents.load(story.incidents.states)
    later.incidents.configure(plan(ERRORS), later.now)
    past = story.incidents._looking["api"][0][2]
    assert isinstance(past, Rates)
    runs = [Ran(at, DOWN, None, 0.1, message="refused") for at in past.window._at]
    later.now = story.now + after
    lapsed = later.incidents.watching.remember("api", runs, later.now)
    if was_up:
        later.incidents.lapse(lapsed, later.now)
    return later


def test_what_a_window_fired_by_long_before_a_restart_is_over_with_the_first_good_run() -> None:
    story = Story(plan(ERRORS))
    put(story, [result(DOWN)] * 4)

    assert put(again(story, after=60), [result(UP)]) == [Event.RESOLVED]
    assert put(again(story, after=60), [result(DOWN)]) == []


def test_what_a_window_fired_by_long_before_a_restart_is_over_at_once_where_it_was_up_last() -> (
    None
):
    story = Story(plan(ERRORS))
    put(story, [result(DOWN)] * 4)
    put(story, [result(UP)])

    assert put(again(story, after=55, was_up=True), []) == []  # two are in it still
    assert put(again(story, after=60, was_up=True), []) == [Event.RESOLVED]


def test_a_window_that_still_has_what_it_fired_by_waits_for_its_runs() -> None:
    story = Story(plan(ERRORS))
    put(story, [result(DOWN)] * 4)

    later = again(story, after=57)  # two are in it, and then one
    assert put(later, [result(UP)] * 2) == []
    assert put(later, [result(UP)]) == [Event.RESOLVED]  # there is none


def test_when_nobody_looked_for_long_what_a_window_fired_by_is_over() -> None:
    story = Story(plan(ERRORS))
    put(story, [result(DOWN)] * 4)
    story.now += 57  # of all that was seen in this life the last three seconds are left
    assert put(story, [result(UP)]) == []
    story.now += 2
    assert put(story, [result(UP)]) == [Event.RESOLVED]


def test_a_window_goes_on_over_a_reload() -> None:
    story = Story(plan(ERRORS))
    assert put(story, [result(DOWN)] * 3) == []

    story.incidents.configure(plan(replace(ERRORS, severity="low")), story.now)
    assert put(story, [result(DOWN)]) == [Event.FIRING]
    past = story.incidents._looking["api"][0][2]
    assert isinstance(past, Rates)
    assert len(past.window) == 4


def test_an_incident_outlives_a_change_of_its_condition() -> None:
    story = Story(plan(ERRORS))
    put(story, [result(DOWN)] * 4)
    (incident,) = (state.incident for state in story.incidents.states.values())

    story.incidents.configure(plan(replace(ERRORS, condition=Failures(3))), story.now)
    assert put(story, [result(DOWN)]) == []
    assert [state.incident for state in story.incidents.states.values()] == [incident]
    assert put(story, [result(UP)] * 2) == [Event.RESOLVED]
    assert story.now > NOON
