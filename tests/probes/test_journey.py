"""One run of a journey, played by a stand-in that is as bad as can be."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from prober.probes import chromium, processes
from prober.probes.browsers import Limits
from prober.probes.journey_options import SHELL
from prober.probes.journey_order import _hidden
from prober.probes.journey_settings import BrowserSettings, JourneyCheck, JourneySettings
from prober.result import Evidence
from prober.secret import Scrubber
from prober.wire.failure import OwnFault
from tests import tools
from tests.agent_process import until
from tests.probes.playing import (
    GO,
    GOOD,
    READY,
    RUN_ID,
    SHORT,
    UP,
    Act,
    Stage,
    begun,
    down,
    ended,
    is_alive,
    journey_check,
    until_begun,
)
from tests.probes.running import running

TIDYING = {"event": "tidying", "outcome": "up"}


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_what_the_process_tells_is_the_result(stage: Stage) -> None:
    seen = {"event": "seen", "id": "1", "page": "/", "url": "http://x/", "lcp": 0.5, "inp": None}
    step = {"event": "step ended", "name": "sign in", "ok": True, "seconds": 0.2, "url": "http://x"}
    acts = [READY, GO, begun("sign in"), ["say", seen], ["say", {**seen, "lcp": 0.75}]]

    run = await stage.play([*acts, ["say", step], UP])

    assert run.why == ("up", None, "")
    assert run.finding.seconds == 0.25
    assert [(s.name, s.ok, s.seconds) for s in run.attempt.steps] == [("sign in", True, 0.2)]
    assert [(v.page, v.lcp, v.inp) for v in run.attempt.visits] == [("/", 0.75, None)]
    assert run.evidence == []
    assert stage.runs == []
    assert len(stage.queued) == len(stage.started) == 1


async def test_a_journey_begins_when_it_is_due_and_not_before(stage: Stage) -> None:
    due, due_at = stage.clock.monotonic() + 2.0, stage.clock.now() + 2.0

    run = await stage.play(GOOD, due=due)

    assert run.why[0] == "up"
    assert stage.started[0] < 2.0
    assert run.attempt.started_at is not None
    assert run.attempt.started_at >= due_at - 0.01


async def test_a_verdict_before_the_journey_began_is_our_fault(stage: Stage) -> None:
    run = await stage.play([READY, UP, GO], due=stage.clock.monotonic() + 30)

    assert run.why[:2] == ("unknown", "internal")
    assert run.attempt.started_at is None


async def test_a_script_that_cannot_be_imported_says_so_before_it_is_ready(stage: Stage) -> None:
    said = ended("unknown", "script", "buy.py:3: no module named 'shop'")

    run = await stage.play([["say", said]])

    assert run.why == ("unknown", "script", "buy.py:3: no module named 'shop'")


async def test_a_browser_that_does_not_get_ready_in_time_is_unknown(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Limits(start=0.5))

    run = await stage.play([["warn", "no usable sandbox"], ["sleep", 60]])

    assert run.why == (
        "unknown",
        "browser",
        "the browser was not ready within 500 ms: no usable sandbox",
    )
    assert "no usable sandbox" in run.console


@pytest.mark.parametrize(
    ("acts", "why"),
    [
        ([["raw", "hello\n"], ["sleep", 60]], "internal: said what is no event: 'hello'"),
        ([READY, GO, ["raw", "{}\n"], ["spin"]], "internal: said what is no event: '{}'"),
        ([READY, GO, ["long", 2 << 20], ["spin"]], "internal: said a line of over 1 MiB"),
        ([READY, GO, ["close"], ["spin"]], "internal: closed its pipe and did not end"),
        ([READY, GO, ["close"], ["exit", 0]], "internal: ended with exit code 0 and no verdict"),
        (
            [READY, GO, ["print", "a"], ["warn", "no memory"], ["exit", 3]],
            "internal: ended with exit code 3 and no verdict: no memory",
        ),
        ([["exit", 3]], "internal: ended with exit code 3 and no verdict"),
        ([READY, GO, ["kill", 9]], "killed: was killed by SIGKILL"),
        ([READY, ["kill", 11]], "killed: was killed by SIGSEGV"),
        ([READY, GO, ["kill", 10]], "killed: was killed by SIGUSR1"),
    ],
)
async def test_a_process_that_goes_wrong_says_nothing_of_the_target(
    stage: Stage, acts: list[Act], why: str
) -> None:
    run = await stage.play(acts)

    outcome, reason, message = run.why
    assert (outcome, f"{reason}: {message}") == (
        "unknown",
        why.replace(": ", ": the journey's process ", 1),
    )
    assert stage.runs == []


async def test_at_its_deadline_a_journey_is_asked_to_end_and_its_word_counts(stage: Stage) -> None:
    said = ended("down", "timeout", 'buy.py:9: not over within 500 ms, in step "pay"')

    run = await stage.play([READY, ["at deadline", [said]], GO, ["spin"]], timeout=0.5)

    assert run.why == ("down", "timeout", said["message"])


async def test_it_is_asked_again_where_it_did_not_hear(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Limits(after_deadline=10))
    said = ended("down", "timeout", "heard the second time")

    run = await stage.play([READY, ["at second deadline", [said]], GO, ["spin"]], timeout=0.5)

    assert run.why == ("down", "timeout", said["message"])


@pytest.mark.parametrize("how", [["ignore"], ["print", "SIGUSR1 ends it"]])
async def test_what_does_not_end_when_asked_is_ended_and_the_step_is_named(
    stage: Stage, how: Act
) -> None:
    run = await stage.play([READY, how, GO, begun("sign in"), begun("pay"), ["spin"]], timeout=0.5)

    assert run.why == ("down", "timeout", 'not over within 500 ms, in step "pay"')
    assert [(s.name, s.ok, s.message) for s in run.attempt.steps] == [
        ("sign in", False, "it did not end"),
        ("pay", False, "it did not end"),
    ]
    assert run.finding.seconds is not None
    assert run.finding.seconds >= 0.5


async def test_what_was_said_in_time_counts_when_we_are_late_to_hear_it(stage: Stage) -> None:
    acts = [["at deadline", [down()[1]]], READY, GO, ["file", "begun", ""], ["sleep", 0.2], UP]
    playing = asyncio.create_task(stage.play(acts, timeout=0.5))
    await until_begun(stage, "begun")

    time.sleep(0.8)  # noqa: ASYNC251 - what no part of the agent may do
    run = await playing

    assert run.why[0] == "up"


async def test_a_journey_that_is_up_too_late_is_not_up(stage: Stage) -> None:
    late = {"event": "ended", "outcome": "up", "seconds": 1.2}

    run = await stage.play([READY, GO, ["say", late]], timeout=1)

    assert run.why == ("down", "timeout", "not over within 1 s, it took 1.2 s")


async def test_cleaning_up_has_a_time_of_its_own(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Limits(after_deadline=0.2, tidying=20))
    acts = [READY, ["ignore"], GO, ["say", TIDYING], ["sleep", 1.2], down()]

    run = await stage.play(acts, timeout=0.5)

    assert run.why == ("down", "step", "no button")


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        ({"outcome": "up"}, ("up", None, "")),
        ({"outcome": "down", "reason": "step", "message": "x"}, ("down", "step", "x")),
    ],
)
async def test_cleaning_up_without_end_is_cut_off_and_the_verdict_stays(
    stage: Stage, verdict: dict[str, str], why: tuple[str, str | None, str]
) -> None:
    run = await stage.play([READY, GO, ["say", TIDYING | verdict], ["spin"]])

    assert run.why == why


async def test_a_secret_among_the_parameters_is_handed_on_as_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.browsers.scrub = Scrubber(["in-params", "elsewhere", "user-info"])
    params = {"card": ["4", {"pin": "my in-params 1"}]}
    settings = JourneySettings.model_validate(
        {"script": "x.py", "base_url": "http://u:user-info@shop.example/", "params": params}
    )

    hidden = _hidden(JourneyCheck(name="shop", journey=settings), stage.browsers)

    assert hidden == ("in-params", "user-info")


async def test_a_verdict_stands_when_the_process_then_does_not_end(stage: Stage) -> None:
    run = await stage.play([*GOOD, ["spin"]])

    assert run.why == ("up", None, "")
    assert stage.runs == []


@pytest.mark.parametrize("kind", ["stopped grandchild", "orphan"])
async def test_no_process_stays_behind_whatever_its_state(stage: Stage, kind: str) -> None:
    run = await stage.play([READY, GO, [kind], down()])

    pid = int(run.console.split()[-1])
    assert not is_alive(pid)


async def test_a_folder_that_was_made_read_only_goes_too(stage: Stage) -> None:
    await stage.play([READY, GO, ["lock"], UP])

    assert stage.runs == []


async def test_a_cancelled_run_leaves_nothing_behind(stage: Stage) -> None:
    playing = asyncio.create_task(stage.play([READY, GO, ["grandchild"], ["spin"]]))
    folder = await until_begun(stage, "pid")
    pid = int((folder / "pid").read_text())

    playing.cancel()
    await asyncio.sleep(0)
    playing.cancel()  # who is in a hurry does not get away without it
    with pytest.raises(asyncio.CancelledError):
        await playing

    assert not is_alive(pid)
    assert stage.runs == []


async def test_a_script_that_prints_without_end_holds_nobody_up(stage: Stage) -> None:
    acts = [READY, GO, ["ignore"], ["print", "the beginning"], ["flood"]]
    playing = asyncio.create_task(stage.play(acts, timeout=1))
    turns, used = 0, os.times()
    while not playing.done():
        await asyncio.sleep(0.01)
        turns += 1
    after = os.times()

    run = await playing
    assert run.why[1] == "timeout"
    assert after.user + after.system - used.user - used.system < 1.0
    assert turns > 20  # of a hundred
    assert run.console.splitlines()[1] == "the beginning"
    left_out = re.search(r"(\d+) bytes are left out here", run.console)
    assert left_out is not None
    assert int(left_out[1]) < 8 << 20
    assert run.console.rstrip().endswith("y" * 1000)
    assert len(run.console) < 66 << 10


async def test_an_order_may_be_long_and_its_reader_slow(stage: Stage) -> None:
    run = await stage.play([["sleep", 0.3], *GOOD], secrets={"big": "s" * 300_000})

    assert run.why[0] == "up"


async def test_evidence_of_a_failure_is_kept_and_holds_no_secret(stage: Stage) -> None:
    stage.browsers.scrub = Scrubber(["hunter22"])
    acts: Sequence[Act] = [
        ["file", "screenshot.png", "a picture"],
        ["file", "console.txt", "error: hunter22 is wrong"],
        ["say", {"event": "kept", "kind": "screenshot", "name": "screenshot.png"}],
        ["say", {"event": "kept", "kind": "console", "name": "console.txt"}],
        ["print", "signing in with hunter22"],
    ]

    run = await stage.play([READY, GO, *acts, down()], name="shop/buy:x")

    folder = f"evidence/shop%2Fbuy%3Ax/{RUN_ID}"
    assert run.evidence == [
        Evidence("screenshot", f"{folder}/screenshot.png"),
        Evidence("console", f"{folder}/console.txt"),
    ]
    assert (stage.data_dir / folder / "screenshot.png").read_text() == "a picture"
    assert run.console == (
        "error: *** is wrong\n\n--- what the script printed ---\nsigning in with ***\n"
    )


async def test_a_good_run_leaves_no_evidence(stage: Stage) -> None:
    kept = {"event": "kept", "kind": "screenshot", "name": "a.png"}

    run = await stage.play([READY, GO, ["file", "a.png", "x"], ["say", kept], ["print", "x"], UP])

    assert run.evidence == []
    assert not (stage.data_dir / "evidence").exists()


@pytest.mark.parametrize("name", ["link.png", "../out.png", "missing.png", ".hidden.png", "x.html"])
async def test_only_plain_files_of_the_run_become_evidence(
    stage: Stage, name: str, tmp_path: Path
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "out.png").write_text("not of this run")
    kept = {"event": "kept", "kind": "screenshot", "name": name}
    acts: Sequence[Act] = [
        ["link", "link.png", "/etc/passwd"],
        ["file", ".hidden.png", "x"],
        ["say", kept],
    ]

    run = await stage.play([READY, GO, *acts, down()])

    assert run.evidence == []


async def test_a_disk_that_takes_no_evidence_costs_the_evidence_only(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    (stage.data_dir / "evidence").write_text("in the way")

    run = await stage.play([READY, GO, ["print", "x"], down()])

    assert run.why == ("down", "step", "no button")
    assert run.evidence == []
    assert "the evidence of buy is lost" in caplog.text


async def exit_code(*command: str) -> int:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    return await process.wait()


async def test_a_full_disk_costs_the_evidence_only(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    place = stage.data_dir / "evidence"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or await exit_code(*mount):
        tools.missing("only root can mount a disk of 64 KiB")
    kept = {"event": "kept", "kind": "screenshot", "name": "a.png"}
    picture = ["file", "a.png", "x" * 200_000]
    try:
        run = await stage.play([READY, GO, picture, ["say", kept], ["print", "x"], down()])
    finally:
        left_mounted = await exit_code("umount", str(place))

    assert not left_mounted
    assert run.why == ("down", "step", "no button")
    assert run.evidence == []
    assert "the evidence of buy is lost: " in caplog.text
    assert stage.runs == []
    assert (await stage.play(GOOD)).why[0] == "up"


async def test_a_journey_over_its_memory_is_ended_and_says_so(stage: Stage) -> None:
    settings = BrowserSettings.model_validate({"memory": "256MiB"})
    stage.browsers.configure(settings, Scrubber())
    acts: Sequence[Act] = [READY, GO, begun("look"), ["ignore"], ["hold", 300 << 20], ["spin"]]

    run = await stage.play(acts, interval=300)

    assert run.why[:2] == ("unknown", "killed")
    assert "over agent.browser.memory 256 MiB" in run.why[2]
    assert run.why[2].endswith('in step "look"')
    assert len(stage.started) == 1  # a second try would end in the same way
    assert stage.runs == []


@pytest.mark.parametrize(
    ("acts", "why"),
    [
        ([["kill", 19]], ("unknown", "killed")),
        ([["stopped grandchild"], down()], ("unknown", "browser")),
        ([["stopped grandchild"], UP], ("up", None)),
    ],
)
async def test_who_was_stopped_has_not_seen_the_target_fail(
    stage: Stage, acts: Sequence[Act], why: tuple[str, str | None]
) -> None:
    run = await stage.play([READY, GO, *acts], timeout=1.5)

    assert run.why[:2] == why
    assert why[0] == "up" or "was stopped by a signal" in run.why[2]


async def test_what_a_script_prints_is_echoed_as_it_comes(tmp_path: Path) -> None:
    heard: list[bytes] = []
    stage = Stage(tmp_path, echo=heard.append)
    playing = asyncio.create_task(stage.play([READY, GO, ["print", "at once"], ["spin"]]))

    await until(lambda: b"".join(heard) == b"at once\n", "it is heard while the journey runs")

    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing


async def test_a_budget_is_judged_of_what_was_measured(stage: Stage) -> None:
    step = {"event": "step ended", "name": "pay", "ok": True, "seconds": 0.2}
    budgets = {"duration": "200ms", "steps": {"pay": "300ms"}}

    up = await stage.play([READY, GO, ["say", step], UP], budgets=budgets)
    crashed = await stage.play([READY, GO, ["say", step], ["kill", 9]], budgets=budgets)

    assert [(b.budget, b.actual, b.ok) for b in up.attempt.budgets] == [
        ("duration", 0.25, False),
        ("step pay", 0.2, True),
    ]
    assert crashed.attempt.budgets == []


async def test_a_journey_gets_its_order_and_nothing_else_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter22")
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", "/node")
    monkeypatch.setenv("LC_TIME", "de_CH")
    stage = Stage(tmp_path)

    run = await stage.play([["tell"], ["exit", 1]], secrets={"password": "hunter22"})

    given = json.loads(run.console.splitlines()[-1])
    folder = given["cwd"]
    assert Path(folder).parent == tmp_path / "runs"
    assert given["env"].pop("PATH") == os.environ["PATH"]
    assert given["env"]["HOME"] == given["env"]["TMPDIR"] == folder
    assert given["env"]["PLAYWRIGHT_NODEJS_PATH"] == "/node"
    assert given["env"]["LC_TIME"] == "de_CH"
    assert not any(name.startswith(("PROBER", "SHOP", "PYTEST")) for name in given["env"])
    assert "hunter22" not in str(given)
    assert given["files"] == [0, 1, 2]
    assert given["session"]


async def test_an_order_says_what_to_run_and_with_which_browser(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.env["PROBER_CHROMIUM_ARGS"] = "--mute-audio '--host-resolver-rules=MAP * ~NOTFOUND'"

    run = await stage.play(
        [["order"], ["exit", 1]],
        script="/journeys/buy.py::pay",
        base_url="http://x/",
        secrets={"password": "hunter22"},
    )

    order = json.loads(run.console.splitlines()[-1])
    assert (order["script"], order["function"]) == ("/journeys/buy.py", "pay")
    assert order["base_url"] == "http://x/"
    assert order["secrets"] == {"password": "hunter22"}
    assert order["executable"] == stage.env["PROBER_CHROMIUM"]
    assert order["arguments"] == ["--mute-audio", "--host-resolver-rules=MAP * ~NOTFOUND"]
    assert (order["run_id"], order["timeout"]) == (RUN_ID, 20)


async def test_without_a_browser_a_journey_is_unknown_and_says_what_to_do(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.env["PROBER_CHROMIUM"] = "/missing/chromium"

    run = await stage.play(GOOD)

    assert run.why[:2] == ("unknown", "browser")
    assert "'/missing/chromium'" in run.why[2]
    assert chromium.missing(stage.env, [SHELL]) == run.why[2]


async def test_what_never_began_does_not_count_the_time_in_which_others_had_their_turn(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path)
    stage.env["PROBER_CHROMIUM"] = "/missing/chromium"
    asked = stage.clock.monotonic()
    async with running(clock=stage.clock, browsers=stage.browsers) as runner:
        async with stage.browsers.turn():
            waiting = asyncio.create_task(runner.run(journey_check(GOOD)))
            await asyncio.sleep(0.2)
        result = await waiting

    waited = stage.queued[-1]
    assert (result.outcome.value, result.reason) == ("unknown", "browser")
    assert waited > 0.1
    assert result.seconds <= stage.clock.monotonic() - asked - waited


async def test_a_folder_that_cannot_be_made_is_our_own_fault(stage: Stage) -> None:
    (stage.data_dir / "runs").write_text("in the way")

    with pytest.raises(OwnFault, match="no folder for the journey in"):
        await stage.play(GOOD)


async def test_a_second_look_finds_nothing_of_a_run_that_is_over(stage: Stage) -> None:
    await stage.play(GOOD)

    assert processes.end(stage.data_dir / "runs") == ()


async def test_limits_of_the_product_are_those_of_its_contract() -> None:
    assert Limits() == Limits(start=30, after_deadline=5, tidying=10.5)
    assert Limits() != SHORT
