"""What is published of a run, what stays of good ones, and for how long."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from prober.clock import SystemClock
from prober.probes import evidence, publishing
from prober.probes.browsers import Browsers, Setup
from prober.probes.publishing import Publishing, Wishes
from prober.result import Attempt, Evidence
from prober.secret import Scrubber
from tests.agent_process import until
from tests.fake_clock import FakeClock
from tests.probes.playing import GO, GOOD, READY, RUN_ID, UP, Act, Played, Stage, down

DAY = 86400.0


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def kept(kind: str, name: str, text: str = "x", *, good: bool = False) -> Sequence[Act]:
    event = {"event": "kept", "kind": kind, "name": name, "good": good}
    return [["file", name, text], ["say", event]]


def names(run: Played) -> list[str]:
    return [Path(one.path).name for one in run.evidence]


FAILED = [READY, GO, *kept("dom", "dom.html"), *kept("screenshot", "screenshot.png"), down()]


async def test_a_failure_shows_its_picture_first_and_then_the_last_good_one(stage: Stage) -> None:
    good = [READY, GO, *kept("screenshot", "good.png", "all is well", good=True), UP]
    up = await stage.play(good)
    assert up.evidence == []
    failed = await stage.play(FAILED)
    beside = stage.data_dir / failed.evidence[-1].path

    newer = [READY, GO, *kept("screenshot", "good.png", "better still", good=True), UP]
    await stage.play(newer)

    assert names(failed) == ["screenshot.png", "dom.html", "good.png"]
    assert failed.evidence[-1] == Evidence("screenshot", f"evidence/buy/{RUN_ID}/good.png")
    assert beside.read_text() == "all is well"
    assert (stage.data_dir / "evidence" / "buy" / "good.png").read_text() == "better still"


async def test_a_good_run_is_kept_where_that_is_wanted(stage: Stage) -> None:
    acts = [READY, GO, *kept("dom", "dom.html"), UP]

    run = await stage.play(acts, evidence="always")
    other = await stage.play(acts, name="other")

    assert names(run) == ["dom.html"]
    assert other.evidence == []


async def test_where_nothing_is_to_be_kept_nothing_is(stage: Stage) -> None:
    run = await stage.play([READY, GO, ["print", "x"], *FAILED[2:]], evidence="never")

    assert run.why[0] == "down"
    assert run.evidence == []
    assert not (stage.data_dir / "evidence").exists()


async def test_texts_learned_are_taken_out_and_what_still_shows_one_is_counted(
    stage: Stage,
) -> None:
    withheld: list[int] = []
    stage.browsers.publishing = Publishing(stage.clock, withheld=withheld.append)
    stage.browsers.scrub = Scrubber(["hunter22"])
    acts: Sequence[Act] = [
        *kept("screenshot", "screenshot.png", "is hunter22"),
        *kept("dom", "dom.html", "<p>session-of-mine"),
        ["say", {"event": "learned", "texts": ["session-of-mine"]}],
    ]

    run = await stage.play([READY, GO, *acts, down()])

    assert names(run) == ["console.txt", "dom.html"]
    assert "screenshot.png, which may show a secret" in run.console
    assert (stage.data_dir / run.evidence[1].path).read_text() == "<p>***"
    assert withheld == [1]


@pytest.mark.parametrize("end", ["sys.exit(3)", "print('no answer')", "time.sleep(60)"])
async def test_evidence_that_could_not_be_cleaned_is_withheld_except_for_the_console(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(publishing, "COMMAND", (sys.executable, "-c", f"import sys, time; {end}"))
    monkeypatch.setattr(publishing, "SECONDS", 1.0)
    withheld: list[int] = []
    stage.browsers.publishing = Publishing(stage.clock, withheld=withheld.append)

    run = await stage.play([READY, GO, ["print", "hello"], *FAILED[2:]])

    assert run.why[0] == "down"
    assert names(run) == ["console.txt"]
    assert "hello" in run.console
    assert "which could not be cleaned in time" in run.console
    assert withheld == [2]


async def test_what_was_not_cleaned_is_told_with_the_name_of_the_check(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publishing, "COMMAND", (sys.executable, "-c", ""))

    await stage.play(FAILED, name="eu/buy")

    assert f"most evidence of eu/buy is withheld: it was not cleaned (run {RUN_ID})" in caplog.text


async def test_an_author_may_call_a_folder_of_his_what_he_likes(stage: Stage) -> None:
    run = await stage.play([READY, GO, ["folder", "clean"], *FAILED[2:]])

    assert names(run) == ["screenshot.png", "dom.html"]


HELD_UP_BY_A_TRACE = """
import os, sys
from prober.journey.clean import Work, cleaned
work = Work.model_validate_json(sys.stdin.buffer.read())
if os.path.exists(f"{work.folder}/trace.zip"):
    sys.exit(1)
print(cleaned(work).model_dump_json())
"""


async def test_a_trace_that_could_not_be_cleaned_takes_nothing_else_along(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "COMMAND", (sys.executable, "-c", HELD_UP_BY_A_TRACE))
    withheld: list[int] = []
    stage.browsers.publishing = Publishing(stage.clock, withheld=withheld.append)

    run = await stage.play([*FAILED[:-1], *kept("trace", "trace.zip"), down()])

    assert names(run) == ["screenshot.png", "console.txt", "dom.html"]
    assert "the trace, which could not be cleaned in time" in run.console
    assert withheld == [1]


async def test_a_stop_does_not_wait_until_evidence_is_clean(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = stage.data_dir / "cleaning"
    sleepy = f"import time; open({str(mark)!r}, 'w').close(); time.sleep(60)"
    monkeypatch.setattr(publishing, "COMMAND", (sys.executable, "-c", sleepy))
    run = asyncio.create_task(stage.play(FAILED))
    await until(mark.exists, "it is being cleaned")

    stage.browsers.cut()
    async with asyncio.timeout(10):
        played = await run

    assert played.why[0] == "down"
    assert played.evidence == []
    assert stage.runs == []


async def test_whole_traces_are_recorded_from_a_failure_on_and_for_a_while(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = stage.browsers.publishing.wishes
    good = [READY, GO, *kept("screenshot", "good.png", good=True), UP]

    assert asked("buy", "failure") == Wishes(publishing.BEFORE, portrait=True)
    await stage.play(good)
    assert asked("buy", "failure") == Wishes(publishing.BEFORE, portrait=False)
    await stage.play(FAILED)
    assert asked("buy", "failure") == Wishes("full", portrait=False)
    assert asked("other", "failure").trace == publishing.BEFORE
    monkeypatch.setattr(publishing, "TRACED_FOR", 0.0)
    monkeypatch.setattr(publishing, "PORTRAIT_EVERY", 0.0)
    assert asked("buy", "failure") == Wishes(publishing.BEFORE, portrait=True)
    assert asked("buy", "always").trace == "full"
    assert asked("buy", "never") == Wishes()


async def test_after_a_failure_that_was_recorded_none_is_until_the_next(stage: Stage) -> None:
    asked = stage.browsers.publishing.wishes

    failed = [READY, GO, ["print", "x"], down()]
    traces = []
    for acts in (failed, failed, failed, failed, GOOD, failed, GOOD, GOOD):
        traces.append(asked("buy", "failure").trace)
        await stage.play(acts)

    assert traces == ["none", "full", "none", "full", "none", "none", "full", "full"]


async def test_a_failure_is_followed_by_a_trace_however_seldom_the_check_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "TRACED_FOR", 0.0)
    await stage.play([READY, GO, ["print", "x"], down()])

    assert stage.browsers.publishing.wishes("buy", "failure", 3600.0).trace == "full"
    assert stage.browsers.publishing.wishes("buy", "failure").trace == publishing.BEFORE


async def test_a_good_attempt_leaves_the_evidence_of_the_failure_before_it_alone(
    stage: Stage,
) -> None:
    first = await stage.play(FAILED, evidence="always")
    attempt = Attempt(
        run_id=RUN_ID, traceparent="", number=2, earlier=tuple(first.attempt.evidence)
    )
    acts = [READY, GO, *kept("dom", "dom.html", "good"), *kept("har", "network.har", "{}"), UP]

    second = await stage.play_as(attempt, acts, evidence="always")

    folder = (stage.data_dir / first.evidence[0].path).parent
    assert second.why[0] == "up"
    assert second.evidence == []
    assert (folder / "dom.html").read_text() == "x"
    assert not (folder / evidence.IS_UP).exists()
    assert not (folder / "network.har").exists()


def test_who_waits_for_a_run_gets_its_whole_trace() -> None:
    watched = Publishing(SystemClock(), in_full=True, withheld=lambda count: None)

    assert watched.wishes("buy", "failure") == Wishes("full")
    assert watched.wishes("buy", "never") == Wishes()


def left(stage: Stage, check: str, run: int, age: float, *, up: bool = False) -> Path:
    folder = stage.data_dir / "evidence" / check / f"{run:032x}"
    folder.mkdir(parents=True)
    (folder / "console.txt").write_text("x" * 1000)
    if up:
        (folder / evidence.IS_UP).touch()
    moment = stage.clock.now() - age
    os.utime(folder, (moment, moment))
    return folder


async def test_evidence_is_kept_for_30_days_of_good_runs_for_7_and_for_100_runs(
    stage: Stage,
) -> None:
    many = [left(stage, "buy", number, age=60.0 * number) for number in range(103)]
    old, young = left(stage, "login", 1, 31 * DAY), left(stage, "login", 2, 29 * DAY)
    good = [left(stage, "login", 3, 8 * DAY, up=True), left(stage, "login", 4, 6 * DAY, up=True)]
    gone = left(stage, "removed", 1, 40 * DAY)
    portrait = gone.parent / "good.png"
    portrait.touch()
    os.utime(portrait, (0, 0))
    (old.parent / "good.png").touch()

    await stage.browsers.prune()

    assert [folder.exists() for folder in many] == [True] * 100 + [False] * 3
    assert (old.exists(), young.exists()) == (False, True)
    assert [folder.exists() for folder in good] == [False, True]
    assert not gone.parent.exists()
    assert (old.parent / "good.png").exists()


async def test_a_clock_that_jumps_ahead_is_believed_a_day_later(tmp_path: Path) -> None:
    clock = FakeClock()
    browsers = Browsers(clock, Setup(data_dir=tmp_path))
    folder = tmp_path / "evidence" / "buy" / RUN_ID
    folder.mkdir(parents=True)
    os.utime(folder, (clock.now(), clock.now()))
    there: list[bool] = []

    for seconds in (2 * DAY, 31 * DAY, -31 * DAY, 2 * DAY, 31 * DAY):
        clock.jump(seconds)
        await browsers.prune()
        there.append(folder.exists())
    await clock.advance(DAY - 60)
    await browsers.prune()
    there.append(folder.exists())
    await clock.advance(60)
    await browsers.prune()

    assert there == [True] * 6
    assert not folder.exists()


async def test_good_runs_never_push_out_those_that_failed(stage: Stage) -> None:
    failed = left(stage, "buy", 1, age=3 * DAY)
    good = [left(stage, "buy", 2 + n, age=60.0 * n, up=True) for n in range(102)]

    await stage.browsers.prune()

    assert failed.exists()
    assert [folder.exists() for folder in good] == [True] * 100 + [False] * 2


async def test_evidence_takes_no_more_room_than_it_may_and_good_runs_go_first(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "KEPT_BYTES", 2500)
    failed = [left(stage, "buy", 1, 3 * DAY), left(stage, "pay", 2, 2 * DAY)]
    oldest = left(stage, "pay", 3, 4 * DAY)
    good = left(stage, "buy", 4, 1 * DAY, up=True)

    await stage.browsers.prune()

    assert [folder.exists() for folder in failed] == [True, True]
    assert not oldest.exists()
    assert not good.exists()


async def test_a_later_attempt_adds_only_what_the_first_failure_did_not_keep(stage: Stage) -> None:
    first = await stage.play([READY, GO, ["print", "first"], down()])
    attempt = Attempt(
        run_id=RUN_ID, traceparent="", number=2, earlier=tuple(first.attempt.evidence)
    )
    acts = [READY, GO, *kept("dom", "dom.html"), ["print", "second"], down()]

    second = await stage.play_as(attempt, acts)

    assert names(first) == ["console.txt"]
    assert first.console.endswith("first\n")
    assert names(second) == ["dom.html"]
