"""Where journeys are played in the browser of this machine, against a server of the test's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from prober.clock import SystemClock
from prober.probes import chromium, journey, processes
from prober.probes.browsers import Browsers, Limits, Setup
from prober.probes.journey_options import SHELL
from prober.probes.journey_settings import BrowserSettings, JourneyCheck
from prober.result import Attempt
from prober.secret import Scrubber
from tests import tools
from tests.probes.playing import RUN_ID, Played
from tests.servers.target import Target, target

NOTHING_OUTSIDE = "'--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'"
SCRIPT = """
import os
import sys
import threading
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
WHOLE = Limits()
LATE = 8.0  # seconds that a busy machine may add
CALM = 2.0  # checks a second, of the ten that are wanted: a busy machine takes its part of them
GOOD = "assert page.url"
WAIT = "page.get_by_text('never').click(timeout=60_000)"


@dataclass
class Beside:
    """An HTTP check of ten a second, as far as the loop and the machine let it."""

    done: int = 0
    rate: float = 0.0  # a second, once it is over


@asynccontextmanager
async def checked(shop: Target, clock: SystemClock) -> AsyncIterator[Beside]:
    beside, began = Beside(), clock.monotonic()

    async def check() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                pause = asyncio.create_task(asyncio.sleep(0.1))
                (await client.get(shop.url)).raise_for_status()
                beside.done += 1
                await pause

    checking = asyncio.create_task(check())
    try:
        yield beside
    finally:
        assert not checking.done()
        beside.rate = beside.done / (clock.monotonic() - began)
        checking.cancel()
        with suppress(asyncio.CancelledError):
            await checking


class Theatre:
    """`rate` is how many checks a second were done beside the last journey.

    One journey at a time; an interval that leaves no time for a second try unless it is given.
    """

    def __init__(self, folder: Path, shop: Target, limits: Limits) -> None:
        self.folder = folder
        self.shop = shop
        self.clock = SystemClock()
        env = {**os.environ, "PROBER_CHROMIUM_ARGS": NOTHING_OUTSIDE}
        self.browsers = Browsers(
            self.clock, Setup(data_dir=folder / "data", env=env, limits=limits)
        )
        if missing := chromium.missing(env, [SHELL]):
            tools.missing(missing)

    def allow(self, memory: str) -> None:
        settings = BrowserSettings.model_validate({"memory": memory})
        self.browsers.configure(settings, Scrubber())

    async def play(self, stuck: str, timeout: float, interval: float | None = None) -> Played:
        (self.folder / "stuck.py").write_text(SCRIPT.format(stuck=stuck))
        settings = {"script": str(self.folder / "stuck.py"), "base_url": self.shop.url}
        times = {"timeout": timeout, "interval": timeout if interval is None else interval}
        check = JourneyCheck.model_validate({"name": "stuck", **times, "journey": settings})
        attempt = Attempt(run_id=RUN_ID, traceparent="")
        self.attempt = attempt
        async with checked(self.shop, self.clock) as beside:
            finding = await journey.probe(check, attempt, self.browsers)
        self.rate = beside.rate
        self.over = self.clock.now()
        return Played(finding, attempt, self.folder / "data")

    @property
    def took(self) -> float:
        """Seconds from the beginning of the last journey until nothing of it was left."""
        assert self.attempt.started_at is not None
        return self.over - self.attempt.started_at

    @property
    def tree(self) -> dict[int, bytes]:
        """The processes of the run under way and their command lines, ours first."""
        table = processes.processes()
        runs = (self.folder / "data" / "runs").resolve()
        pids = processes.with_descendants(processes.marked(table, runs), table)
        return {pid: command(pid) for pid in sorted(pids) if not table[pid].is_dead}

    def pids_of(self, which: str) -> Sequence[int]:
        """`child`, `driver`, `browser` or `renderer`."""
        is_it: Mapping[str, Callable[[bytes], bool]] = {
            "child": lambda line: b"prober.journey.child" in line,
            "driver": lambda line: b"run-driver" in line,
            "browser": lambda line: b"--headless" in line and b"--type=" not in line,
            "renderer": lambda line: b"--type=renderer" in line,
        }
        return [pid for pid, line in self.tree.items() if is_it[which](line)]

    def is_clean(self) -> bool:
        return not self.tree and list((self.folder / "data" / "runs").iterdir()) == []


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@asynccontextmanager
async def theatre(folder: Path, limits: Limits = WHOLE) -> AsyncIterator[Theatre]:
    async with target() as shop:
        yield Theatre(folder, shop, limits)
