from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.alerts.conditions import Failures
from prober.alerts.phrases import phrases
from prober.alerts.rules import EffectiveRule
from prober.alerts.state import QUIET, AlertState, Change, advance, remind, set_back, wake_at
from prober.result import Evidence, Outcome, Reason, Result
from tests.alerts.samples import DOWN, UNKNOWN, UP, result, rule
from tests.fake_clock import NOON

LETTERS = {"u": UP, "d": DOWN, "?": UNKNOWN}
CHANGES = {Change.FIRED: "F", Change.RESOLVED: "R"}

outcomes = st.lists(st.sampled_from([UP, DOWN, UNKNOWN]), max_size=60)
small_rules = st.builds(rule, st.integers(1, 5), st.integers(1, 5))

LABELS = {"region": "eu-west-1", "check": "api", "alert": "down"}


def play(
    runs: Iterable[Outcome], watched: EffectiveRule, state: AlertState = QUIET
) -> tuple[str, AlertState]:
    """One character a run: what it changed, or a dot."""
    said = ""
    for second, outcome in enumerate(runs):
        state, change = advance(state, result(outcome, at=NOON + second), watched, NOON + second)
        said += CHANGES[change] if change else "."
    return said, state


def watched_failures(watched: EffectiveRule) -> int:
    assert isinstance(watched.condition, Failures)
    return watched.condition.failures


def naive(runs: Sequence[Outcome], watched: EffectiveRule) -> str:
    """The same from the whole list each time: the verdicts since the last change end in a row."""
    said, firing, seen = "", False, ""
    for outcome in runs:
        seen += {UP: "u", DOWN: "d", UNKNOWN: ""}[outcome]
        needed = "u" * watched.successes if firing else "d" * watched_failures(watched)
        changed = outcome is not UNKNOWN and seen.endswith(needed)
        said += ("R" if firing else "F") if changed else "."
        firing, seen = (not firing, "") if changed else (firing, seen)
    return said


@pytest.mark.parametrize(
    ("runs", "failures", "successes", "said"),
    [
        ("ddd", 3, 2, "..F"),
        ("dd", 3, 2, ".."),
        ("d?dd", 3, 2, "...F"),
        ("d????dd", 3, 2, "......F"),
        ("ddudd", 3, 2, "....."),
        ("ddduu", 3, 2, "..F.R"),
        ("dddu?u", 3, 2, "..F..R"),
        ("dddudu", 3, 2, "..F..."),
        ("dddududuu", 3, 2, "..F.....R"),
        ("ddddddd", 3, 2, "..F...."),
        ("dudu", 1, 1, "FRFR"),
        ("uuu", 1, 1, "..."),
        ("???", 1, 1, "..."),
        ("dddd??uuddd", 2, 2, ".F.....R.F."),
    ],
)
def test_runs_in_a_row_fire_and_resolve(
    runs: str, failures: int, successes: int, said: str
) -> None:
    assert play((LETTERS[letter] for letter in runs), rule(failures, successes))[0] == said


@settings(deadline=None)
@given(outcomes, small_rules)
def test_advance_agrees_with_a_model_that_looks_at_all_runs(
    runs: list[Outcome], watched: EffectiveRule
) -> None:
    assert play(runs, watched)[0] == naive(runs, watched)


@settings(deadline=None)
@given(outcomes, small_rules)
def test_it_fires_and_resolves_in_turn_beginning_with_firing(
    runs: list[Outcome], watched: EffectiveRule
) -> None:
    said, state = play(runs, watched)

    changes = said.replace(".", "")
    assert changes == "FR" * (len(changes) // 2) + "F" * (len(changes) % 2)
    assert state.firing == changes.endswith("F")


@settings(deadline=None)
@given(outcomes, small_rules)
def test_unknown_runs_might_as_well_not_have_been(
    runs: list[Outcome], watched: EffectiveRule
) -> None:
    said, state = play(runs, watched)
    verdicts = [outcome for outcome in runs if outcome is not UNKNOWN]

    without = play(verdicts, watched)[0]
    assert [c for c, o in zip(said, runs, strict=True) if o is not UNKNOWN] == list(without)
    assert advance(state, result(UNKNOWN), watched, NOON) == (state, None)


@settings(deadline=None)
@given(outcomes, small_rules)
def test_a_state_comes_back_from_json_as_it_was(
    runs: list[Outcome], watched: EffectiveRule
) -> None:
    _, state = play(runs, watched)
    state = replace(state, labels={**LABELS, "team": 'a"b'}, told=("ops", "am"))

    assert AlertState.from_json(json.loads(json.dumps(state.to_json()))) == state


@settings(deadline=None)
@given(outcomes, small_rules, small_rules)
def test_a_changed_threshold_keeps_the_incident_and_the_streak(
    runs: list[Outcome], before: EffectiveRule, after: EffectiveRule
) -> None:
    _, state = play(runs, before)

    kept, change = advance(state, result(UNKNOWN), after, NOON)
    assert (kept, change) == (state, None)
    fired, change = advance(state, result(DOWN), after, NOON)
    if state.firing:
        assert (fired.incident, change) == (state.incident, None)
    else:
        assert (change is Change.FIRED) == (state.streak + 1 >= watched_failures(after))


def test_the_incident_is_the_run_that_made_it_fire_and_began_with_the_first_failure() -> None:
    state = QUIET
    for second, run_id in enumerate(("a", "b", "c")):
        run = result(DOWN, run_id=run_id, at=NOON + 10 * second)
        state, _ = advance(state, run, rule(3), NOON + 10 * second + 1)

    assert state.incident == "c"
    assert (state.since, state.fired_at) == (NOON, NOON + 21)
    assert state.notified_at == state.fired_at


def test_the_first_and_the_last_error_are_remembered() -> None:
    state = QUIET
    for message, reason in (("refused", Reason.CONNECT), ("reset", Reason.PROTOCOL)):
        state, _ = advance(state, result(DOWN, message=message, reason=reason), rule(2), NOON)
    state, _ = advance(state, result(DOWN, message="503", reason=Reason.STATUS), rule(2), NOON)

    assert (state.first_message, state.first_reason) == ("refused", "connect")
    assert (state.last_message, state.last_reason) == ("503", "status")


def test_a_success_between_makes_the_next_failure_the_first() -> None:
    _, state = play([DOWN, DOWN, UP], rule(3))
    assert state == QUIET

    state, _ = advance(state, result(DOWN, at=NOON + 99), rule(3), NOON + 99)
    assert (state.streak, state.since) == (1, NOON + 99)


def test_the_first_success_of_the_last_streak_is_when_it_was_up_again() -> None:
    _, state = play([DOWN, UP, DOWN, UP, UP], rule(1, 3))

    assert (state.streak, state.up_since) == (2, NOON + 3)


def test_the_same_error_again_is_the_same_state() -> None:
    _, state = play([DOWN], rule(1))

    assert advance(state, result(DOWN), rule(1), NOON)[0] is state


def test_a_reminder_is_due_by_the_time_since_the_last_notice() -> None:
    watched = rule(1, remind=60)
    _, state = play([DOWN], watched)
    assert wake_at(state, watched) == NOON + 60
    assert remind(state, watched, NOON + 59.9) == (state, None)

    state, change = remind(state, watched, NOON + 75)
    assert change is Change.REMINDED
    assert (state.notified_at, state.reminders) == (NOON + 75, 1)
    assert wake_at(state, watched) == NOON + 135
    assert remind(state, watched, NOON + 75)[1] is None


def test_nothing_is_due_while_quiet_or_without_reminders() -> None:
    _, failing = play([DOWN], rule(2))
    _, firing = play([DOWN], rule(1))

    assert wake_at(QUIET, rule(1, remind=60)) is None
    assert wake_at(failing, rule(2, remind=60)) is None
    assert wake_at(firing, rule(1)) is None
    assert remind(firing, rule(1), NOON + 10**9) == (firing, None)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1000), max_size=30), st.floats(1, 500))
def test_between_two_reminders_lies_at_least_the_interval(
    steps: list[float], interval: float
) -> None:
    watched = rule(1, remind=interval)
    _, state = play([DOWN], watched)
    now, notices = NOON, [NOON]
    for step in steps:
        now += step
        state, change = remind(state, watched, now)
        notices += [now] if change else []

    assert all(b >= a + interval for a, b in pairwise(notices))
    assert now < notices[-1] + interval


def test_a_state_of_a_newer_version_is_read_as_far_as_it_is_known() -> None:
    assert AlertState.from_json({"streak": 2, "acknowledged": True}) == AlertState(streak=2)


@pytest.mark.parametrize("missing", ["region", "check", "alert", "fired_at"])
def test_an_incident_that_does_not_say_what_it_is_is_refused(missing: str) -> None:
    _, state = play([DOWN], rule(1))
    saved = replace(state, labels=LABELS).to_json()
    assert AlertState.from_json(saved).firing
    saved.pop(missing, None)
    saved["labels"] = {name: text for name, text in LABELS.items() if name != missing}

    with pytest.raises(ValueError, match="does not say since when or what"):
        AlertState.from_json(saved)


def test_a_clock_that_is_set_back_does_not_put_a_reminder_off() -> None:
    _, state = play([DOWN], rule(1))

    assert set_back(state, NOON - 5000).notified_at == NOON - 5000
    assert set_back(state, NOON + 5000) is state
    assert set_back(QUIET, NOON) is QUIET


def test_a_state_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="streak"):
        AlertState.from_json({"streak": "many"})


def test_the_screenshot_is_that_of_the_last_failure() -> None:
    def failed(*files: tuple[str, str]) -> Result:
        return result(DOWN)._replace(evidence=tuple(Evidence(*one) for one in files))

    log, first, second = ("console", "c.txt"), ("screenshot", "1.png"), ("screenshot", "2.png")
    fired, _ = advance(QUIET, failed(log, first), rule(1), NOON)
    later, _ = advance(fired, failed(second), rule(1), NOON)
    without, _ = advance(later, failed(log), rule(1), NOON)
    assert [one.evidence for one in (fired, later, without)] == ["1.png", "2.png", ""]
    assert AlertState.from_json({"streak": 2}).evidence == ""


def test_what_fails_often_is_not_said_to_be_down() -> None:
    watched = replace(rule(), condition=Failures(3, 5))
    _, state = play([DOWN, UP, DOWN, UP, DOWN], watched)

    assert state.firing
    assert phrases(state).begun == "fails often, in 3 of the last 5 runs,"
    assert state.last_reason == state.first_reason == "status"
    later, _ = advance(state, result(DOWN, message="reset"), watched, NOON)
    assert phrases(later) == phrases(state)
    assert later.last_message == "reset"
    in_a_row, _ = advance(later, result(DOWN), rule(3), NOON)
    assert phrases(in_a_row).begun == "is down"


def test_so_many_failures_of_as_many_runs_are_down() -> None:
    _, state = play([DOWN] * 3, replace(rule(), condition=Failures(3, 3)))

    assert phrases(state).begun == "is down"


def test_what_others_have_noted_of_an_incident_is_kept() -> None:
    fired = replace(play([DOWN], rule(1))[1], details={"children": "a, b"})

    later, _ = advance(fired, result(DOWN, message="reset"), rule(1), NOON)
    assert later.last_message == "reset"
    assert later.details["children"] == "a, b"
