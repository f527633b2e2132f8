"""Real journeys in a real browser that go wrong: over in time, said right, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from prober.clock import SystemClock
from prober.probes import journey, processes
from prober.probes.browsers import Browsers, Setup
from prober.probes.journey_settings import JourneyCheck
from prober.result import Attempt
from tests import tools
from tests.agent_process import until
from tests.probes.playing import RUN_ID, Played, is_alive
from tests.servers.target import Target, target

NOTHING_OUTSIDE = "'--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'"
SCRIPT = """
import time
from prober.journey import journey

@journey
def stuck(page, step, params):
    with step("open"):
        page.goto("/")
    print("opened", flush=True)
    with step("get stuck"):
        {stuck}
"""
GOOD = "assert page.url"
SPIN = "while True: pass"
SLEEP = "time.sleep(999)"
LOOP = "page.evaluate('while (true) {}')"
WAIT = "page.get_by_text('never').click(timeout=60_000)"


class Theatre:
    """A journey in the browser of this machine, against a server of this test's."""

    def __init__(self, folder: Path, shop: Target) -> None:
        self.folder = folder
        self.shop = shop
        self.clock = SystemClock()
        env = {**os.environ, "PROBER_CHROMIUM_ARGS": NOTHING_OUTSIDE}
        self.browsers = Browsers(self.clock, Setup(data_dir=folder / "data", env=env))
        if missing := self.browsers.missing:
            tools.missing(missing)

    async def play(self, stuck: str, timeout: float) -> Played:
        (self.folder / "stuck.py").write_text(SCRIPT.format(stuck=stuck))
        settings = {"script": str(self.folder / "stuck.py"), "base_url": self.shop.url}
        check = JourneyCheck.model_validate(
            {"name": "stuck", "timeout": timeout, "journey": settings}
        )
        attempt = Attempt(run_id=RUN_ID, traceparent="")
        self.attempt = attempt
        finding = await journey.probe(check, attempt, self.browsers)
        return Played(finding, attempt, self.folder / "data")

    @property
    def tree(self) -> dict[int, bytes]:
        """The processes of the run under way and their command lines, ours first."""
        table = processes.processes()
        runs = (self.folder / "data" / "runs").resolve()
        pids = processes.with_descendants(processes._marked(table, runs), table)
        return {pid: command(pid) for pid in sorted(pids) if not table[pid].is_dead}

    def pid_of(self, which: str) -> int:
        """`child`, `driver` or `browser`."""
        is_it: Mapping[str, Callable[[bytes], bool]] = {
            "child": lambda line: b"prober.journey.child" in line,
            "driver": lambda line: b"run-driver" in line,
            "browser": lambda line: b"--headless" in line and b"--type=" not in line,
        }
        return next(pid for pid, line in self.tree.items() if is_it[which](line))

    def is_clean(self) -> bool:
        return not self.tree and list((self.folder / "data" / "runs").iterdir()) == []


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@asynccontextmanager
async def theatre(folder: Path) -> AsyncIterator[Theatre]:
    async with target() as shop:
        yield Theatre(folder, shop)


@pytest.mark.parametrize("stuck", [SPIN, SLEEP, LOOP, WAIT])
async def test_a_stuck_journey_is_down_in_time_with_evidence_and_the_next_is_good(
    tmp_path: Path, stuck: str
) -> None:
    async with theatre(tmp_path) as stage:
        run = await stage.play(stuck, timeout=1.5)
        over = stage.clock.now()
        good = await stage.play(GOOD, timeout=20)
        clean = stage.is_clean()

    assert run.why[:2] == ("down", "timeout")
    assert "get stuck" in run.why[2]
    assert [(step.name, step.ok) for step in run.attempt.steps] == [
        ("open", True),
        ("get stuck", False),
    ]
    assert run.attempt.started_at is not None
    assert over - run.attempt.started_at < 1.5 + 5 + 1.5
    assert "opened" in run.console
    assert stuck == LOOP or "screenshot" in {one.kind for one in run.evidence}
    assert good.why == ("up", None, "")
    assert clean


@pytest.mark.parametrize("which", ["child", "driver", "browser"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_what_happens_to_our_own_processes_is_not_the_targets_fault(
    tmp_path: Path, which: str, number: signal.Signals
) -> None:
    async with theatre(tmp_path) as stage:
        playing = asyncio.create_task(stage.play(WAIT, timeout=2))
        await until(lambda: stage.shop.requests > 0, "the journey has opened the page")
        await asyncio.sleep(0.3)  # and got stuck
        everything = stage.tree
        os.kill(stage.pid_of(which), number)
        run = await playing
        assert stage.attempt.started_at is not None
        took = stage.clock.now() - stage.attempt.started_at
        clean = stage.is_clean()

    # A stopped child cannot say what became of its browser, and its time is up all the same.
    expected = {
        ("child", signal.SIGKILL): ("unknown", "killed"),
        ("child", signal.SIGSTOP): ("down", "timeout"),
    }
    assert run.why[:2] == expected.get((which, number), ("unknown", "browser"))
    assert took < 2 + 5 + 1.5
    assert not any(map(is_alive, everything))
    assert clean
