"""What a journey's process tells, and what becomes of it when it does not end well."""

from __future__ import annotations

import json

import pytest

from prober.probes.journey_story import MOST, End, Story, verdict
from prober.result import Outcome, Reason


def told(*events: dict[str, object]) -> Story:
    story = Story()
    for moment, event in enumerate(events):
        story.hear(json.dumps(event).encode(), float(moment))
    return story


def end(code: int | None = 0, *, begun: bool = True, asked: bool = False) -> End:
    return End(code=code, begun=begun, seconds=3.0, limit=30.0, asked=asked)


def step_begun(name: str) -> dict[str, object]:
    return {"event": "step begun", "name": name}


def step_ended(name: str, ok: bool = True) -> dict[str, object]:
    return {"event": "step ended", "name": name, "ok": ok, "seconds": 0.5}


def test_steps_inside_steps_end_in_their_own_order() -> None:
    story = told(
        step_begun("a"), step_begun("a"), step_begun("b"), step_ended("b"), step_ended("a")
    )

    assert [(s.name, s.ok, s.seconds) for s in story.all_steps(10.0)] == [
        ("b", True, 0.5),
        ("a", True, 0.5),
        ("a", False, 10.0),
    ]


def test_a_step_began_so_long_after_the_function_was_let_go() -> None:
    story = Story(since=100.0)
    events = (step_begun("a"), step_begun("b"), step_ended("b"), step_ended("stray"))
    for moment, event in enumerate(events):
        story.hear(json.dumps(event).encode(), 100.5 + moment)

    assert [(step.name, step.began) for step in story.all_steps(110.0)] == [
        ("b", 1.5),
        ("stray", None),
        ("a", 0.5),
    ]


def test_what_comes_after_the_verdict_does_not_count() -> None:
    up = {"event": "ended", "outcome": "up", "seconds": 1}
    story = told(up, {"event": "ended", "outcome": "down", "reason": "step"}, {"event": "no"})

    assert verdict(story, end(), 60).outcome is Outcome.UP
    assert story.fault is None


def test_the_memory_of_a_run_is_bounded() -> None:
    seen = {"event": "seen", "page": "/", "url": "http://x/"}
    events: list[dict[str, object]] = []
    for number in range(MOST + 5):
        name = str(number)
        events += [step_begun(name), step_ended(name), {**seen, "id": name}]
        events.append({"event": "kept", "kind": "console", "name": f"{name}.txt"})
    story = told(*events, *(step_begun(str(n)) for n in range(MOST + 5)))

    assert len(story.visits()) == len(story.kept) == len(story.open_steps) == MOST
    assert len(story.steps) == MOST


@pytest.mark.parametrize(
    ("ended", "outcome", "reason"),
    [
        ({"outcome": "down"}, Outcome.DOWN, Reason.SCRIPT),
        ({"outcome": "unknown"}, Outcome.UNKNOWN, Reason.INTERNAL),
        ({"outcome": "unknown", "reason": "browser"}, Outcome.UNKNOWN, Reason.BROWSER),
        ({"outcome": "up", "reason": "step"}, Outcome.UP, None),
    ],
)
def test_a_verdict_has_the_reason_that_belongs_to_it(
    ended: dict[str, object], outcome: Outcome, reason: Reason | None
) -> None:
    finding = verdict(told({"event": "ended", **ended}), end(), 60)

    assert (finding.outcome, finding.reason) == (outcome, reason)


def test_dying_of_the_question_whether_it_is_over_is_an_answer() -> None:
    assert verdict(Story(), end(-10, asked=True), 60).reason is Reason.TIMEOUT
    assert verdict(Story(), end(-10), 60).reason is Reason.KILLED
    assert verdict(Story(), end(-9, asked=True), 60).reason is Reason.KILLED


@pytest.mark.parametrize("code", [None, -10])
def test_what_failed_softly_before_the_time_was_up_is_the_first_cause(code: int | None) -> None:
    story = told(
        step_begun("sound"),
        step_ended("sound"),
        step_begun("caught by its author"),
        step_ended("caught by its author", ok=False),
        step_begun("banner"),
        {**step_ended("banner", ok=False), "message": "x.py:3: no banner", "soft": "script"},
        step_begun("stars"),
        {**step_ended("stars", ok=False), "message": "x.py:5: no stars", "soft": "step"},
        step_begun("hang"),
    )
    finding = verdict(story, end(code, asked=True), 60)

    assert (finding.outcome, finding.reason) == (Outcome.DOWN, Reason.SCRIPT)
    assert (finding.message, finding.seconds) == ("x.py:3: no banner", 3.0)
    assert verdict(story, end(-9, asked=True), 60).reason is Reason.KILLED


def test_an_unknown_signal_has_its_number() -> None:
    assert "killed by signal 63" in verdict(Story(), end(-63), 60).message


def test_only_what_was_begun_has_a_duration() -> None:
    assert verdict(Story(), end(None), 60).seconds == 3.0
    assert verdict(told({"event": "ended", "outcome": "unknown"}), end(), 60).seconds == 0.0
