"""A crash is tried once more where there is time for it; nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from prober.probes.again import Spent, is_worth_it, joined
from prober.result import Attempt, Finding, Reason
from tests.probes.playing import GO, GOOD, READY, RUN_ID, Act, Stage, down, until_begun

CRASHED = Finding.unknown("it crashed", Reason.BROWSER)
KILLED = Finding.unknown("it was killed", Reason.KILLED)


def spent(so_far: float = 10, interval: float = 60) -> Spent:
    return Spent(so_far=so_far, start=2, timeout=30, after=5, interval=interval)


@pytest.mark.parametrize(
    ("finding", "so_far", "is_tried"),
    [
        (CRASHED, 10, True),
        (KILLED, 23, True),
        (CRASHED, 23.1, False),  # the next run would be late for it
        (Finding.unknown("no verdict"), 10, False),
        (Finding.unknown("no module", Reason.SCRIPT), 10, False),
        (Finding.down(Reason.TIMEOUT, "not over"), 10, False),
        (Finding.up(), 10, False),
    ],
)
def test_only_a_crash_is_worth_another_try_and_only_in_time(
    finding: Finding, so_far: float, is_tried: bool
) -> None:
    assert is_worth_it(finding, spent(so_far)) is is_tried


def test_two_crashes_are_both_told_and_anything_else_stands_alone() -> None:
    assert joined(CRASHED, Finding.up()) == Finding.up()
    assert joined(CRASHED, CRASHED).message == "it crashed (twice)"
    both = joined(CRASHED, KILLED)
    assert both.reason is Reason.KILLED
    assert both.message == "it was killed (and in the try before: it crashed)"


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def crash_then(stage: Stage, *acts: Act) -> Sequence[Act]:
    """Crashes the first time."""
    return [READY, GO, ["print", "x"], ["once", str(stage.data_dir / "was here"), 9], *acts]


@pytest.mark.parametrize(
    ("then", "outcome"), [(GOOD[-1], "up"), (down(), "down"), (["kill", 11], "unknown")]
)
async def test_a_second_try_is_what_counts(
    stage: Stage, caplog: pytest.LogCaptureFixture, then: Act, outcome: str
) -> None:
    run = await stage.play(crash_then(stage, then), interval=300)

    assert run.why[0] == outcome
    assert "buy is tried again in a fresh browser: the journey's process was killed" in caplog.text
    assert len(stage.started) == 2
    assert len(stage.queued) == 1  # it is still the same turn
    assert stage.runs == []
    assert (run.evidence == []) == (outcome == "up")
    assert run.attempt.number == 1


async def test_a_crash_in_a_later_attempt_is_that_attempts(stage: Stage) -> None:
    attempt = Attempt(run_id=RUN_ID, traceparent="", number=2)

    run = await stage.play_as(attempt, crash_then(stage, GOOD[-1]), interval=300)

    assert run.why[:2] == ("unknown", "killed")
    assert len(stage.started) == 1


async def test_a_stop_comes_before_a_second_try(stage: Stage) -> None:
    acts = [READY, GO, ["file", "begun", ""], ["sleep", 0.4], ["kill", 9]]
    playing = asyncio.create_task(stage.play(acts, interval=300))
    await until_begun(stage, "begun")

    stage.browsers.stop()

    assert (await playing).why[:2] == ("unknown", "killed")
    assert len(stage.started) == 1


def test_the_longest_a_journey_may_take_is_counted() -> None:
    assert is_worth_it(CRASHED, spent(0, interval=37))
    assert not is_worth_it(CRASHED, spent(0, interval=36))
