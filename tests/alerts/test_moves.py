"""`advance` beside a slow model that looks at all runs each time; of every condition."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.alerts.conditions import Condition, ErrorRate, Failures, Percentile, ValueIs
from prober.alerts.flapping import Flapping
from prober.alerts.moves import CALM, MOVES, Phase, diagram
from prober.alerts.past import Ran, fitting
from prober.alerts.rules import EffectiveRule
from prober.alerts.state import QUIET, AlertState, Change, advance, elapse
from prober.result import Outcome, Result
from tests.alerts.samples import DOWN, UNKNOWN, UP, result
from tests.fake_clock import NOON

DOCUMENT = Path(__file__).parents[2] / "docs" / "alerts.md"
SAID = {Change.FIRED: "F", Change.RESOLVED: "R", None: "."}
LABELS = {"region": "eu-west-1", "check": "api", "alert": "down"}


@dataclass(frozen=True)
class Run:
    outcome: Outcome
    value: int  # seconds that it took, and what it reports
    gap: int

    def result(self, now: float) -> Result:
        values = {"queue": float(self.value)} if self.value % 3 else {}
        made = result(self.outcome, at=now)
        return made._replace(seconds=float(self.value), values=values)


runs = st.lists(
    st.builds(
        Run, st.sampled_from([UP, UP, DOWN, DOWN, UNKNOWN]), st.integers(0, 9), st.integers(0, 20)
    ),
    max_size=60,
)
small = st.integers(1, 4)
conditions: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Failures, small),
    st.builds(Failures, small, st.integers(4, 7)),
    st.builds(
        ErrorRate,
        rate=st.sampled_from([0.25, 0.5, 1.0]),
        over=st.integers(10, 90),
        min_runs=small,
        min_failures=small,
    ),
    st.builds(
        Percentile,
        share=st.sampled_from([0.5, 0.9]),
        limit=st.integers(1, 8),
        over=st.integers(10, 90),
        min_runs=small,
    ),
    st.builds(ValueIs, st.just("queue"), st.just((("gt", 4.0),))),
)
rules = st.builds(
    EffectiveRule,
    name=st.just("down"),
    condition=conditions,
    lasting=st.sampled_from([0.0, 5.0, 40.0]),
    successes=st.integers(1, 3),
)


def play(
    told: list[Run], watched: EffectiveRule, state: AlertState = QUIET, restart: int | None = None
) -> str:
    """One character a run. At `restart` all that is left is the state, as JSON, and the runs."""
    past, said, now = fitting(None, watched.condition), "", NOON
    before: list[Ran] = []
    for index, run in enumerate(told):
        now += run.gap
        if index == restart:
            if state.firing:
                state = replace(state, labels=LABELS)
            state = AlertState.from_json(json.loads(json.dumps(state.to_json())))
            past = fitting(None, watched.condition)
            if past is not None:
                past.refill(before, now)
        made = run.result(now)
        before.append(Ran(now, made.outcome, made.reason, made.seconds))
        if past is not None:
            past.add(made, now)
        state, change = advance(state, made, watched, now, past)
        said += SAID[change]
    return said


def judged(told: list[Run], condition: Condition, since: int) -> bool | None:
    """Whether the last run meets the condition; failures are counted `since` the last change."""
    ats = [NOON + sum(run.gap for run in told[: at + 1]) for at in range(len(told))]
    last = told[-1]
    if last.outcome is UNKNOWN:
        return None
    if isinstance(condition, Failures):
        verdicts = [run.outcome for run in told[since:] if run.outcome is not UNKNOWN]
        lately = verdicts[-(condition.of or condition.failures) :]
        return lately.count(DOWN) >= condition.failures
    if isinstance(condition, ValueIs):
        return last.value > 4 if last.value % 3 else None
    assert isinstance(condition, ErrorRate | Percentile)
    there = [
        run
        for at, run in zip(ats, told, strict=True)
        if at > ats[-1] - condition.over and run.outcome is not UNKNOWN
    ]
    if isinstance(condition, Percentile):
        times = sorted(run.value for run in there if run.outcome is UP)
        if len(times) < condition.min_runs:
            return None
        kept = sum(one <= condition.limit for one in times)
        return kept < condition.share * len(times) - 1e-9
    if len(there) < condition.min_runs:
        return None
    failures = sum(run.outcome is DOWN for run in there)
    return failures >= max(condition.min_failures, condition.rate * len(there) - 1e-9)


def naive(told: list[Run], watched: EffectiveRule) -> str:
    said, firing, since, good, met_since = "", False, 0, 0, None
    now = NOON
    for index, run in enumerate(told):
        now += run.gap
        is_met = judged(told[: index + 1], watched.condition, since)
        if firing and isinstance(watched.condition, Failures) and is_met is not None:
            is_met = run.outcome is DOWN
        if is_met is None:
            said += "."
            continue
        good = good + 1 if not is_met else 0
        met_since = (now if met_since is None else met_since) if is_met else None
        changed = (
            good >= watched.successes
            if firing
            else met_since is not None and now - met_since >= watched.lasting
        )
        said += ("R" if firing else "F") if changed else "."
        if changed:
            firing, since, good, met_since = not firing, index + 1, 0, None
    return said


@settings(deadline=None)
@given(runs, rules)
def test_advance_agrees_with_a_model_that_looks_at_all_runs(
    told: list[Run], watched: EffectiveRule
) -> None:
    assert play(told, watched) == naive(told, watched)


@settings(deadline=None)
@given(runs, rules, st.integers(0, 60))
def test_a_restart_is_not_noticed_where_the_runs_are_known(
    told: list[Run], watched: EffectiveRule, restart: int
) -> None:
    assert play(told, watched, restart=restart) == play(told, watched)


@settings(deadline=None)
@given(runs, rules)
def test_unknown_runs_might_as_well_not_have_been(told: list[Run], watched: EffectiveRule) -> None:
    without, gap = [], 0
    for run in told:
        gap += run.gap
        if run.outcome is not UNKNOWN:
            without.append(replace(run, gap=gap))
            gap = 0

    said = play(told, watched)
    assert [c for c, run in zip(said, told, strict=True) if run.outcome is not UNKNOWN] == list(
        play(without, watched)
    )


@settings(deadline=None)
@given(runs, rules, rules)
def test_an_edited_rule_keeps_the_incident(
    told: list[Run], before: EffectiveRule, after: EffectiveRule
) -> None:
    state, past = QUIET, fitting(None, before.condition)
    for run in told:
        if past is not None:
            past.add(run.result(NOON), NOON)
        state, _ = advance(state, run.result(NOON), before, NOON, past)
    if not state.firing:
        state = replace(QUIET, incident="abc", fired_at=NOON)

    edited, patient = fitting(past, after.condition), replace(after, successes=9)
    for run in told[:8]:
        if edited is not None:
            edited.add(run.result(NOON), NOON)
        after_it, change = advance(state, run.result(NOON), patient, NOON, edited)
        assert (after_it.incident, after_it.fired_at) == (state.incident, state.fired_at)
        assert change is None
        state = replace(after_it, streak=0)


def story(letters: str) -> list[Run]:
    return [Run(DOWN if one == "d" else UP, 1, 10) for one in letters]


@pytest.mark.parametrize(
    ("letters", "condition", "lasting", "said"),
    [
        ("ddudd", Failures(3, 5), 0, "...F."),
        ("duudd", Failures(3, 4), 0, "....."),  # the first is out of sight
        ("duuddd", Failures(3, 4), 0, ".....F"),
        ("dddd", Failures(4, 4), 0, "...F"),
        ("dduud", Failures(3, 5), 0, "....F"),
        ("dduuuuud", Failures(3, 5), 0, "........"),
        ("ddduuddd", Failures(3, 5), 0, "..F.R..F"),  # what led to one incident begins no other
        ("ddd", Failures(1), 20, "..F"),
        ("dudd", Failures(1), 20, "...."),
        ("dduddd", Failures(2, 3), 20, "...F.."),  # met at every run, also at the one that was up
        ("dduudd", Failures(2, 3), 20, "......"),  # not at the fourth
        ("dduudddd", Failures(2, 3), 20, ".......F"),
    ],
)
def test_failures_among_several_runs_and_for_a_while(
    letters: str, condition: Failures, lasting: float, said: str
) -> None:
    watched = EffectiveRule(name="down", condition=condition, lasting=lasting)

    assert play(story(letters), watched) == said
    assert naive(story(letters), watched) == said


def walked(watched: EffectiveRule, seed: int) -> set[tuple[Phase, Phase, Change | None]]:
    """What a long walk comes by, its runs and ticks drawn from a fixed seed."""
    draw = random.Random(seed)  # not for secrets
    made: set[tuple[Phase, Phase, Change | None]] = set()
    state, now, bad = QUIET, NOON, 0.5
    for _ in range(10_000):
        now += draw.randint(0, 4)
        bad = draw.choice([0.05, 0.5, 0.95]) if draw.random() < 0.1 else bad
        before, (state, change) = state, elapse(state, watched, now)
        if change is not None:
            made.add((before.phase, state.phase, change))
        before, outcome = state, DOWN if draw.random() < bad else UP
        state, change = advance(state, result(outcome, at=now), watched, now)
        made.add((before.phase, state.phase, change))
    return made


def test_every_move_is_made_and_no_other() -> None:
    patient = EffectiveRule(
        name="down",
        condition=Failures(2, 4),
        lasting=2,
        successes=3,
        remind=15.0,
        flapping=Flapping(4, 40.0),
    )
    hasty = EffectiveRule(
        name="down", condition=Failures(1), successes=1, flapping=Flapping(9, 40.0)
    )

    made = walked(patient, 1) | walked(hasty, 2)
    assert made == {(phase, move.to, move.change) for (phase, _), move in MOVES.items()}


def test_every_phase_that_is_not_waited_for_is_calm_in_some_way() -> None:
    assert {Phase.FLAPPING, Phase.PENDING, *CALM} == set(Phase)
    assert all((Phase.FLAPPING, signal) in MOVES for signal in CALM.values())
    assert all(MOVES[Phase.FLAPPING, signal].to is phase for phase, signal in CALM.items())


def test_the_diagram_of_the_documents_is_drawn_from_the_table() -> None:
    shown = re.findall(r"```mermaid\n(.*?)\n```", DOCUMENT.read_text(), re.DOTALL)

    assert shown == [diagram()]
