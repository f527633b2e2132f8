"""One alert that is held open instead of many, beside a slow model of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.alerts.conditions import Failures
from prober.alerts.flapping import Flapping
from prober.alerts.moves import CALM
from prober.alerts.phrases import phrases
from prober.alerts.rules import EffectiveRule
from prober.alerts.state import (
    QUIET,
    AlertState,
    Change,
    advance,
    elapse,
    remind,
    set_back,
    wake_at,
    well_since,
)
from tests.alerts.samples import DOWN, UNKNOWN, UP, result, rule
from tests.fake_clock import NOON

LABELS = {"region": "eu-west-1", "check": "api", "alert": "down"}
SAID = {
    Change.FIRED: "F",
    Change.RESOLVED: "R",
    Change.FLAPPING: "H",
    Change.CALMED: "C",
    None: ".",
}
OUTCOMES = {"u": UP, "d": DOWN, "?": UNKNOWN}

# A letter for a run, or t for a tick of the clock, and the seconds since the one before.
bursts = st.tuples(
    st.sampled_from(["u", "d", "uu", "dd", "du", "dudu", "ddudduu", "d?udtu", "dududu", "t", "?"]),
    st.integers(0, 9),
)
steps = st.lists(bursts, max_size=14).map(
    lambda drawn: [(letter, gap) for letters, gap in drawn for letter in letters]
)
flappings = st.builds(Flapping, st.integers(2, 7), st.integers(5, 60).map(float))
rules = st.builds(
    EffectiveRule,
    name=st.just("down"),
    condition=st.sampled_from([Failures(1), Failures(2), Failures(2, 4)]),
    lasting=st.sampled_from([0.0, 0.0, 6.0]),
    successes=st.integers(1, 2),
    flapping=flappings,
)
OFTEN = replace(rule(1, 1), flapping=Flapping(4, 60.0))


def again(state: AlertState) -> AlertState:
    """As a restart finds it."""
    if state.firing:
        state = replace(state, labels=LABELS)
    return AlertState.from_json(json.loads(json.dumps(state.to_json())))


def play(
    told: list[tuple[str, int]], watched: EffectiveRule, restart: int | None = None
) -> tuple[str, AlertState, float]:
    state, said, now = QUIET, "", NOON
    for index, (letter, gap) in enumerate(told):
        now += gap
        state = again(state) if index == restart else state
        if letter == "t":
            state, change = elapse(state, watched, now)
        else:
            run = result(OUTCOMES[letter], at=now)
            state, change = advance(state, run, watched, now)
        said += SAID[change]
    return said, state, now


def naive(told: list[tuple[str, int]], watched: EffectiveRule) -> str:
    """From all changes of the same rule without flapping, counted anew each time."""
    flapping = watched.flapping
    assert flapping is not None
    plain, said, now, changes, held = QUIET, "", NOON, list[float](), False
    for letter, gap in told:
        now += gap
        change = None
        if letter != "t":
            run = result(OUTCOMES[letter], at=now)
            plain, change = advance(plain, run, replace(watched, flapping=None), now)
        changes += [now] if change else []
        within = sum(at > now - flapping.over for at in changes)
        if not held:
            held = change is Change.RESOLVED and within >= flapping.changes
            said += "H" if held else SAID[change]
        elif within < flapping.changes / 2 and plain.phase in CALM and letter != "?":
            held = False
            said += "C" if plain.firing else "R"
        else:
            said += "."
    return said


@settings(deadline=None)
@given(steps, rules)
def test_it_agrees_with_a_model_that_counts_all_changes(
    told: list[tuple[str, int]], watched: EffectiveRule
) -> None:
    assert play(told, watched)[0] == naive(told, watched)


@settings(deadline=None)
@given(steps, rules)
def test_incidents_begin_and_end_in_turn_and_are_held_open_only_between(
    told: list[tuple[str, int]], watched: EffectiveRule
) -> None:
    said, state, _ = play(told, watched)

    changes = said.replace(".", "")
    ends = "".join(one for one in changes if one in "FR")
    assert ends == "FR" * (len(ends) // 2) + "F" * (len(ends) % 2)
    assert state.firing == ends.endswith("F")
    for incident in changes.split("R"):
        held = incident.removeprefix("F")
        assert held == "HC" * (len(held) // 2) + "H" * (len(held) % 2)


@settings(deadline=None)
@given(steps, rules)
def test_no_more_incidents_begin_in_that_time_than_half_the_changes_and_one(
    told: list[tuple[str, int]], watched: EffectiveRule
) -> None:
    said, _, _ = play(told, watched)

    assert watched.flapping is not None
    ats, now = list[float](), NOON
    for one, (_, gap) in zip(said, told, strict=True):
        now += gap
        ats += [now] if one == "F" else []
    most = watched.flapping.changes / 2 + 1
    assert all(sum(end - watched.flapping.over < at <= end for at in ats) <= most for end in ats)


@settings(deadline=None)
@given(steps, rules, st.integers(0, 30))
def test_a_restart_is_not_noticed(
    told: list[tuple[str, int]], watched: EffectiveRule, restart: int
) -> None:
    assert play(told, watched, restart)[0] == play(told, watched)[0]


@settings(deadline=None)
@given(steps, rules)
def test_unknown_runs_might_as_well_not_have_been(
    told: list[tuple[str, int]], watched: EffectiveRule
) -> None:
    silent, gap = list[tuple[str, int]](), 0
    for letter, more in told:
        gap += more
        if letter != "?":
            silent.append((letter, gap))
            gap = 0

    said = play(told, watched)[0]
    known = [one for one, (letter, _) in zip(said, told, strict=True) if letter != "?"]
    assert known == list(play(silent, watched)[0])


@settings(deadline=None)
@given(steps, rules)
def test_time_alone_brings_every_held_alert_to_rest_and_forgets_it(
    told: list[tuple[str, int]], watched: EffectiveRule
) -> None:
    _, state, now = play(told, watched)
    assert watched.flapping is not None
    assert len(state.changes) <= watched.flapping.changes
    pending = state.below not in CALM

    rings = 0
    while (moment := wake_at(state, watched)) is not None:
        assert moment <= now + watched.flapping.over
        state, _ = elapse(state, watched, max(now, moment))
        rings += 1
    assert rings <= 2
    if not pending:
        assert not state.flapping
        assert state.firing or state == QUIET


@settings(deadline=None)
@given(steps, rules)
def test_without_the_option_nothing_of_it_is_kept(
    told: list[tuple[str, int]], watched: EffectiveRule
) -> None:
    _, state, now = play(told, replace(watched, flapping=None))

    assert not {"changes", "flapping_since", "shadow"} & state.to_json().keys()
    assert wake_at(state, replace(watched, flapping=None)) is None
    assert elapse(state, replace(watched, flapping=None), now + 1e6) == (state, None)


@settings(deadline=None)
@given(steps, rules)
def test_the_option_may_be_taken_away_at_any_moment(
    told: list[tuple[str, int]], watched: EffectiveRule
) -> None:
    _, state, now = play(told, watched)
    plain = replace(watched, flapping=None)

    for _ in range(2):
        state, _ = advance(state, result(UP, at=now), plain, now)
    for _ in range(4):
        state, change = advance(state, result(UP, at=now), plain, now)
    assert (state, change) == (QUIET, None)


@pytest.mark.parametrize(
    ("letters", "said"),
    [
        ("dudu", "FRFH"),  # the fourth change is not made
        ("dudud", "FRFH."),
        ("duduuuu", "FRFH..."),
        ("du" * 10, "FRFH" + "." * 16),
    ],
)
def test_the_last_change_that_is_allowed_holds_it_open(letters: str, said: str) -> None:
    assert play([(letter, 1) for letter in letters], OFTEN)[0] == said


@pytest.mark.parametrize(
    ("letter", "gap", "said"),
    [
        ("u", 57, "."),  # the second and the third of the four still count
        ("u", 59, "R"),  # one is left
        ("t", 59, "R"),
        ("t", 57, "."),
        ("?", 1000, "."),
        ("d", 57, "."),
        ("d", 59, "."),  # one is left, and this one
        ("d", 60, "C"),
    ],
)
def test_it_is_calm_when_less_than_half_of_them_are_left(letter: str, gap: int, said: str) -> None:
    held = [("d", 1), ("u", 1), ("d", 1), ("u", 1)]

    assert play([*held, (letter, gap)], OFTEN)[0][-1] == said
    assert wake_at(play(held, OFTEN)[1], OFTEN) == NOON + 3 + 60


def test_what_is_calm_while_it_is_bad_fires_on_and_ends_as_any_other() -> None:
    watched = replace(OFTEN, successes=2)
    _, held, now = play([(one, 1) for one in "duuduudd"], watched)
    assert held.flapping
    assert held.below == "firing"

    calm, change = elapse(held, watched, now + 60)
    assert (change, calm.phase, calm.incident) == (Change.CALMED, "firing", held.incident)
    assert calm.since == held.since
    better, change = advance(calm, result(UP, at=now + 61), watched, now + 61)
    assert change is None
    over, change = advance(better, result(UP, at=now + 62), watched, now + 62)
    assert (change, well_since(better, None)) == (Change.RESOLVED, now + 61)
    assert elapse(over, watched, now + 63 + 60)[0] == QUIET


def test_it_is_not_over_while_it_is_failing_again() -> None:
    watched = replace(rule(2, 1), flapping=Flapping(2, 60.0))
    said, state, now = play([("d", 1), ("d", 1), ("u", 1), ("d", 1)], watched)
    assert said == ".FH."
    assert wake_at(state, watched) is None

    assert elapse(state, watched, now + 1000) == (state, None)
    late = now + 1000
    assert advance(state, result(UP, at=late), watched, late)[1] is Change.RESOLVED
    assert advance(state, result(DOWN, at=late), watched, late)[0].flapping


def test_it_was_well_since_the_first_good_run_after_the_last_bad_one() -> None:
    _, state, now = play([(one, 1) for one in "dududuuu"], OFTEN)
    assert state.up_since == NOON + 6

    over, change = elapse(state, OFTEN, now + 60)
    assert change is Change.RESOLVED
    assert well_since(state, None) == NOON + 6
    assert not over.firing
    first, _ = advance(QUIET, result(DOWN, at=NOON), rule(1, 1), NOON)
    assert well_since(first, result(UP, at=NOON + 5)) == NOON + 5


def test_reminders_go_on_while_it_is_held_open() -> None:
    watched = replace(OFTEN, remind=10.0)
    _, state, _ = play([(one, 1) for one in "dudu"], watched)
    assert wake_at(state, watched) == NOON + 3 + 10

    state, change = elapse(state, watched, NOON + 13)
    assert (change, state.reminders, state.flapping) == (Change.REMINDED, 1, True)
    assert remind(state, watched, NOON + 22)[1] is None


def test_a_good_run_of_a_quiet_check_writes_nothing_until_its_changes_are_forgotten() -> None:
    _, state, now = play([("d", 1), ("u", 1)], OFTEN)
    assert state.to_json() == {"changes": [NOON + 1, NOON + 2]}

    assert advance(state, result(UP), OFTEN, now + 59)[0] is state
    assert elapse(state, OFTEN, now + 59)[0] is state
    assert wake_at(state, OFTEN) == now + 60
    assert advance(state, result(UP), OFTEN, now + 60) == (QUIET, None)
    assert elapse(state, OFTEN, now + 60) == (QUIET, None)


def test_a_clock_that_is_set_back_holds_nothing_open_for_ever() -> None:
    _, held, now = play([(one, 1) for one in "dudu"], OFTEN)
    early = now - 5000

    back = set_back(held, early)
    assert set(back.changes) == {early}
    assert wake_at(back, OFTEN) == early + 60
    assert elapse(back, OFTEN, early + 60)[1] is Change.RESOLVED
    assert set_back(held, now) is held


def test_what_flaps_is_said_to_do_so() -> None:
    _, state, _ = play([(one, 1) for one in "dudu"], OFTEN)
    slow = replace(state, details={"about": "latency"})

    assert phrases(state).begun == "fails and recovers again and again"
    assert phrases(slow).begun == "flaps"
    assert phrases(replace(state, flapping_since=None)).begun == "is down"
