"""Whose turn it is, what a stop does to who waits, and what an agent that was killed leaves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from prober.probes.journey_settings import BrowserSettings
from prober.probes.turns import Turns
from prober.result import Attempt, Outcome, Reason
from prober.secret import Scrubber
from tests.agent_process import until
from tests.probes.playing import (
    GO,
    GOOD,
    READY,
    RUN_ID,
    UP,
    Act,
    Played,
    Stage,
    begun,
    is_alive,
    until_begun,
)

DAY = 86400.0


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def slow(seconds: float) -> Sequence[Act]:
    return [READY, GO, ["file", "begun", ""], ["sleep", seconds], UP]


async def test_journeys_have_their_turns_one_after_the_other(stage: Stage) -> None:
    first = asyncio.create_task(stage.play(slow(1.5)))
    await until_begun(stage, "begun")
    second = asyncio.create_task(stage.play(GOOD))
    third = asyncio.create_task(stage.play(GOOD))
    done, _ = await asyncio.wait((first, second, third), return_when=asyncio.FIRST_COMPLETED)

    assert done == {first}
    begun = [(await task).attempt.started_at or 0.0 for task in (first, second, third)]
    assert begun == sorted(begun)
    assert stage.queued[0] < 0.7 < stage.queued[1]
    assert stage.queued[2] > stage.queued[1]


async def test_more_workers_are_taken_up_by_who_waits(stage: Stage) -> None:
    first = asyncio.create_task(stage.play(slow(30)))
    await until_begun(stage, "begun")
    second = asyncio.create_task(stage.play(GOOD))
    await asyncio.sleep(0)

    stage.browsers.configure(BrowserSettings(workers=2), Scrubber())

    assert (await second).why[0] == "up"
    await cancelled(first)


async def test_fewer_workers_leave_those_under_way_alone(stage: Stage) -> None:
    stage.browsers.configure(BrowserSettings(workers=2), Scrubber())
    playing = [asyncio.create_task(stage.play(slow(0.5))) for _ in range(2)]
    await until(lambda: len(stage.queued) == 2, "both have their turn")

    stage.browsers.configure(BrowserSettings(workers=1), Scrubber())
    third = await stage.play(GOOD)

    assert third.why[0] == "up"
    assert [(await task).why[0] for task in playing] == ["up", "up"]
    assert stage.queued[2] > 0.2


async def test_who_gives_up_waiting_does_not_keep_his_turn(stage: Stage) -> None:
    first = asyncio.create_task(stage.play(slow(0.3)))
    await until_begun(stage, "begun")
    second = asyncio.create_task(stage.play(GOOD))
    await asyncio.sleep(0)

    await cancelled(second)

    assert (await stage.play(GOOD)).why[0] == "up"
    assert (await first).why[0] == "up"


async def test_a_turn_that_came_too_late_for_who_waited_is_passed_on() -> None:
    turns = Turns()
    turns.allow(1)

    async def take() -> None:
        async with turns.taken():
            pass

    async with turns.taken():
        second, third = asyncio.create_task(take()), asyncio.create_task(take())
        await asyncio.sleep(0)
    second.cancel()  # it has been called, and does not know it yet
    async with asyncio.timeout(5):
        await third

    assert second.cancelled()


async def test_a_stop_begins_no_journey_and_leaves_the_one_under_way_alone(stage: Stage) -> None:
    under_way = asyncio.create_task(stage.play(slow(0.5)))
    await until_begun(stage, "begun")
    waits = asyncio.create_task(stage.play(GOOD))
    await asyncio.sleep(0)

    stage.browsers.stop()

    with pytest.raises(asyncio.CancelledError):
        await waits
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(stage.play(GOOD))
    assert (await under_way).why[0] == "up"


async def test_a_second_attempt_is_not_cancelled_by_a_stop(stage: Stage) -> None:
    second = Attempt(run_id=RUN_ID, traceparent="", number=2)
    under_way = asyncio.create_task(stage.play_as(second, GOOD))
    await asyncio.sleep(0)

    stage.browsers.stop()

    assert (await under_way).why[0] == "up"


async def test_a_run_that_failed_once_has_a_result_although_it_is_stopped(stage: Stage) -> None:
    stage.browsers.stop()
    second = Attempt(run_id=RUN_ID, traceparent="", number=2)

    run = await stage.play_as(second, GOOD)

    assert run.why[:2] == ("unknown", "killed")
    assert second.final
    assert stage.started == []


async def test_journeys_at_the_same_time_are_contended_and_one_alone_is_not(stage: Stage) -> None:
    seen = {"event": "seen", "id": "1", "page": "/", "url": "http://x/", "quality": ["throttled"]}
    stage.browsers.configure(BrowserSettings(workers=2), Scrubber())
    long: Sequence[Act] = [READY, GO, ["say", seen], ["file", "begun", ""], ["sleep", 0.6], UP]
    short: Sequence[Act] = [READY, GO, ["say", seen], UP]
    first = asyncio.create_task(stage.play(long))
    await until_begun(stage, "begun")

    runs = [await stage.play(short), await first, await stage.play(short)]

    qualities = [visit.quality for run in runs for visit in run.attempt.visits]
    assert qualities == [("throttled", "contended"), ("throttled", "contended"), ("throttled",)]


async def test_a_stop_that_waited_long_enough_cuts_a_journey_off_with_a_result(
    stage: Stage,
) -> None:
    goes: Sequence[Act] = [READY, GO, ["file", "goes", ""], ["sleep", 0.2]]
    acts: Sequence[Act] = [*goes, begun("pay"), ["file", "begun", ""], ["ignore"], ["spin"]]
    under_way = asyncio.create_task(stage.play(acts, interval=300))
    folder = await until_begun(stage, "goes")
    while not (folder / "begun").exists():
        time.sleep(0.01)  # noqa: ASYNC251 - so that nobody has heard yet of the step
    stage.browsers.stop()

    assert stage.browsers.cut() == {"buy"}
    run = await under_way

    said = 'the agent was stopped while the journey ran, in step "pay"'
    assert run.why == ("unknown", "killed", said)
    assert run.attempt.final
    assert stage.runs == []
    assert stage.browsers.cut() == set()


async def test_a_verdict_that_was_said_before_a_cut_stands(stage: Stage) -> None:
    tidying = {"event": "tidying", "outcome": "down", "reason": "step", "message": "no button"}
    acts: Sequence[Act] = [READY, GO, ["say", tidying], ["file", "begun", ""], ["spin"]]
    under_way = asyncio.create_task(stage.play(acts))
    await until_begun(stage, "begun")

    stage.browsers.cut()

    assert (await under_way).why == ("down", "step", "no button")


async def test_a_run_that_had_begun_when_its_agent_was_killed_is_known_to_the_next(
    stage: Stage,
) -> None:
    under_way = asyncio.create_task(stage.play(slow(30)))
    waits = asyncio.create_task(stage.play(GOOD))
    await until_begun(stage, "run.json")
    text = (stage.runs[0] / "run.json").read_text()
    before = stage.clock.now()
    await cancelled(under_way)
    await cancelled(waits)
    for name, content in (("1", text), ("2", text[:20]), ("3", None)):
        (stage.data_dir / "runs" / name).mkdir()
        if content is not None:
            (stage.data_dir / "runs" / name / "run.json").write_text(content)

    found = await stage.browsers.tidy()

    assert [(run.check, run.run_id, run.attempt) for run in found] == [("buy", RUN_ID, 1)]
    assert before - 10 < found[0].started_at <= before
    result = found[0].result("journey", "eu", {"team": "x"})
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, Reason.KILLED)
    assert result.message == "the agent was killed while the journey ran"
    assert stage.runs == []


async def test_a_stop_ends_a_process_that_waits_until_it_is_due(stage: Stage) -> None:
    due = stage.clock.monotonic() + 30
    waits = asyncio.create_task(stage.play(GOOD, due=due))
    await until(lambda: len(stage.started) == 1, "it is ready")

    stage.browsers.stop()

    with pytest.raises(asyncio.CancelledError):
        await waits
    assert stage.runs == []


def started(folder: Path) -> subprocess.Popen[bytes]:
    idle = "import time; print(1, flush=True); time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", idle], env={"TMPDIR": str(folder)}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


async def test_what_a_killed_agent_has_left_is_removed(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    folder = stage.data_dir / "runs" / "left"
    (folder / "profile").mkdir(parents=True)
    process = started(folder)

    await stage.browsers.tidy()

    assert not is_alive(process.pid)
    assert stage.runs == []
    assert "removed what 1 journeys of an agent before had left behind" in caplog.text
    process.communicate()


async def test_nothing_to_tidy_up_is_nothing_to_say(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    await stage.browsers.tidy()

    assert caplog.text == ""


async def cancelled(task: asyncio.Task[Played]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
