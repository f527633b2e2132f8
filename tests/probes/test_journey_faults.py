"""What happens to a journey's own processes: said as our fault, tried again, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from prober.probes.browsers import Limits
from tests.agent_process import until
from tests.probes.playing import is_alive
from tests.probes.theatre import CALM, GOOD, LATE, WAIT, WHOLE, theatre

MUTE = Limits(after_deadline=1.5)  # its last word is not to be waited for
EXPECTED = {
    ("child", signal.SIGKILL): ("unknown", "killed", "the journey's process was killed by SIGKILL"),
    ("child", signal.SIGSTOP): ("unknown", "killed", "the journey's process was stopped"),
    ("driver", signal.SIGKILL): ("unknown", "browser", "the browser does not answer"),
    ("driver", signal.SIGSTOP): ("unknown", "browser", "browser was stopped by a signal"),
    ("browser", signal.SIGKILL): ("unknown", "browser", "the browser does not answer"),
    ("browser", signal.SIGSTOP): ("unknown", "browser", "browser was stopped by a signal"),
    ("renderer", signal.SIGKILL): ("unknown", "browser", "a page crashed; stuck.py:14: "),
    ("renderer", signal.SIGSTOP): ("unknown", "browser", "browser was stopped by a signal"),
}


@pytest.mark.parametrize(("which", "number"), EXPECTED)
async def test_what_happens_to_our_own_processes_is_not_the_targets_fault(
    tmp_path: Path, which: str, number: signal.Signals
) -> None:
    async with theatre(tmp_path, MUTE if which == "child" else WHOLE) as stage:
        stuck = tmp_path / "stuck"
        playing = asyncio.create_task(
            stage.play(f"open('{stuck}', 'w').close(); {WAIT}", timeout=3)
        )
        await until(stuck.exists, "the journey has opened the page and got stuck")
        everything = stage.tree
        for pid in stage.pids_of(which):
            os.kill(pid, number)
        run = await playing
        clean = stage.is_clean()

    outcome, reason, words = EXPECTED[which, number]
    assert run.why[:2] == (outcome, reason)
    assert words in run.why[2]
    assert "get stuck" in run.why[2] or number == signal.SIGKILL
    assert stage.took < 3 + 5 + LATE
    assert stage.rate > CALM
    assert not any(map(is_alive, everything))
    assert clean


async def test_a_crash_is_tried_once_more_in_a_fresh_browser_and_counts_for_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    once = f"""
        if os.path.exists("{tmp_path}/crashed"):
            return
        open("{tmp_path}/crashed", "w").close()
        page.goto("chrome://crash")
    """
    async with theatre(tmp_path) as stage:
        run = await stage.play(once.strip(), timeout=15, interval=300)
        clean = stage.is_clean()
        good = await stage.play(GOOD, timeout=15)

    assert run.why == ("up", None, "")
    assert [step.ok for step in run.attempt.steps] == [True, True]
    assert run.evidence == []
    assert "stuck is tried again in a fresh browser: a page crashed" in caplog.text
    assert clean
    assert good.why == ("up", None, "")
