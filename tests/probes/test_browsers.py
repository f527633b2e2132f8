"""Whose turn it is, what a stop does to who waits, and what an agent that was killed leaves."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from prober.probes import evidence
from prober.probes.journey_settings import BrowserSettings
from prober.probes.turns import Turns
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
    first = asyncio.create_task(stage.play(slow(0.4)))
    await until_begun(stage, "begun")
    second = asyncio.create_task(stage.play(GOOD))
    third = asyncio.create_task(stage.play(GOOD))
    done, _ = await asyncio.wait((first, second, third), return_when=asyncio.FIRST_COMPLETED)

    assert done == {first}
    begun = [(await task).attempt.started_at or 0.0 for task in (first, second, third)]
    assert begun == sorted(begun)
    assert stage.queued[0] < 0.2
    assert stage.queued[1] > 0.2
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
        await asyncio.create_task(stage.play(GOOD))  # a second attempt, say
    assert (await under_way).why[0] == "up"


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


def kept(stage: Stage, check: str, run: int, age: float) -> Path:
    folder = stage.data_dir / "evidence" / check / f"{run:032x}"
    folder.mkdir(parents=True)
    (folder / "console.txt").write_text("x")
    moment = stage.clock.now() - age
    os.utime(folder, (moment, moment))
    return folder


async def test_evidence_is_kept_for_30_days_and_for_100_runs(stage: Stage) -> None:
    many = [kept(stage, "buy", number, age=60.0 * number) for number in range(103)]
    old, young = kept(stage, "login", 1, 31 * DAY), kept(stage, "login", 2, 29 * DAY)
    gone = kept(stage, "removed", 1, 40 * DAY)

    await stage.browsers.prune()

    assert [folder.exists() for folder in many] == [True] * 100 + [False] * 3
    assert (old.exists(), young.exists()) == (False, True)
    assert not gone.parent.exists()


async def test_a_second_attempt_takes_the_place_of_the_first(stage: Stage) -> None:
    for text in ("first", "second"):
        last = await stage.play([READY, GO, ["print", text], ["exit", 1]])

    assert "second" in last.console
    assert "first" not in last.console
    assert [f.name for f in (stage.data_dir / "evidence" / "buy").iterdir()] == [RUN_ID]


def test_a_long_console_is_cut_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "console.txt").write_text("x" * (evidence.MOST_TEXT + 10))

    text = evidence._text(tmp_path / "console.txt")

    assert len(text) == evidence.MOST_TEXT + 1
    assert text.endswith("…")


async def cancelled(task: asyncio.Task[Played]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
