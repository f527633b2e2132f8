"""Who may have a browser now, where does it work, and what is left behind?

One per agent. A journey has a worker's turn to itself, from the start of its
process until the last of its processes and its folder are gone: whatever runs
beside a journey would be measured with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import site
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from prober.clock import Clock
from prober.journey.events import Kept
from prober.probes import chromium, evidence, processes
from prober.probes.journey_settings import BrowserSettings
from prober.probes.play import UNATTENDED, Play
from prober.probes.turns import Turns
from prober.result import Evidence
from prober.secret import Scrubber
from prober.wire.failure import OwnFault
from prober.wire.threads import Threads

log = logging.getLogger(__name__)

T = TypeVar("T")
CHILD = (sys.executable, "-P", "-m", "prober.journey.child")
THREADS = 16  # that wait for disks and for dying processes
_PASSED = ("PATH", "LANG", "TZ")  # of the agent's environment
_PASSED_FROM = ("LC_", "PLAYWRIGHT_")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that a process of a journey has for what."""

    start: float = 30.0  # until its browser is there
    after_deadline: float = 5.0  # until it is killed
    tidying: float = 10.5
    after_verdict: float = 5.0
    silent: float = 2.0  # to end after it has closed its pipe


def _unobserved(number: float) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What an agent's browsers are made of; `queued` and `started` are told seconds.

    `withheld` is told how many pieces of evidence were not kept, as they may
    show a secret; `echo` gets what the authors' scripts print, as it comes.
    """

    data_dir: Path
    runs: Path | None = None  # None: data_dir/runs
    command: Sequence[str] = CHILD
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    limits: Limits = Limits()
    queued: Callable[[float], None] = _unobserved
    started: Callable[[float], None] = _unobserved
    withheld: Callable[[int], None] = _unobserved
    echo: Callable[[bytes], None] | None = None
    play: Play = UNATTENDED


class Browsers:
    """Made inside the running loop."""

    def __init__(self, clock: Clock, setup: Setup) -> None:
        self.clock = clock
        self.setup = setup
        self.scrub = Scrubber()
        self.sandboxed = True
        self._runs = (setup.runs or setup.data_dir / "runs").resolve()
        self._turns = Turns()
        self._threads = Threads(THREADS)
        self._waiting: set[asyncio.Task[object]] = set()
        self._is_stopped = False
        self.configure(BrowserSettings(), self.scrub)

    def configure(self, settings: BrowserSettings, scrub: Scrubber) -> None:
        """From the next journey on."""
        self.scrub = scrub
        self.sandboxed = chromium.sandboxed(settings.sandbox)
        self._turns.allow(settings.workers)

    @property
    def missing(self) -> str | None:
        """Why no journey can run, for people; None where there is a browser."""
        try:
            self.executable()
            chromium.arguments(self.setup.env)
        except chromium.NoBrowser as error:
            return str(error)
        return None

    def executable(self) -> str | None:
        """As `chromium.find`: it may have been installed since."""
        return chromium.find(self.setup.env)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A worker's, first come first served."""
        asked = self.clock.monotonic()
        async with self._turns.taken():
            self.setup.queued(self.clock.monotonic() - asked)
            yield

    @contextmanager
    def not_begun(self) -> Iterator[Callable[[], None]]:
        """For who has not begun a journey, until he says so: a stop cancels him."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a probe is always awaited by one
        self._waiting.add(task)
        if self._is_stopped:
            task.cancel()
        try:
            yield lambda: self._waiting.discard(task)
        finally:
            self._waiting.discard(task)

    def stop(self) -> None:
        """Begins no more journeys; leaves alone those under way."""
        self._is_stopped = True
        for task in self._waiting:
            task.cancel()

    def environment(self, folder: Path) -> dict[str, str]:
        """All that a journey's process is to know of ours."""
        env = self.setup.env
        passed = {n: v for n, v in env.items() if n in _PASSED or n.startswith(_PASSED_FROM)}
        return {
            "PATH": os.defpath,
            **passed,
            "PLAYWRIGHT_BROWSERS_PATH": chromium.playwrights(env),
            "PYTHONUNBUFFERED": "1",  # or what was printed before a kill is lost
            "PYTHONUSERBASE": site.getuserbase(),  # we may be installed there
            "HOME": str(folder),
            "TMPDIR": str(folder),
        }

    @asynccontextmanager
    async def folder(self, run_id: str) -> AsyncIterator[Path]:
        """Of one run, for its temporary files; a short name, as sockets lie in it."""
        folder = self._runs / f"{run_id[:12]}-{secrets.token_hex(3)}"
        try:
            try:
                await self._done(partial(folder.mkdir, parents=True, mode=0o700))
            except OSError as error:
                said = (error.strerror or str(error)).lower()
                raise OwnFault(f"no folder for the journey in {self._runs}: {said}") from error
            yield folder
        finally:
            if not await self._done(partial(evidence.remove, folder)):
                log.warning("the folder of a journey cannot be removed: %s", folder)

    async def end(self, folder: Path, first: int | None) -> None:
        """Kills every process of the run that works in `folder`."""
        left = await self._done(partial(processes.end, folder, first))
        if left:
            log.warning("processes of a journey cannot be killed: %s", ", ".join(map(str, left)))

    async def publish(
        self,
        place: evidence.Place,
        source: Path,
        kept: Sequence[Kept],
        printed: str,
        learned: Collection[str] = (),
        *,
        good: bool = False,
    ) -> list[Evidence]:
        work = partial(evidence.publish, place, source, kept, printed, self.scrub)
        try:
            return await self._done(work)
        except OSError as error:
            log.warning("the evidence of %s is lost: %s", place.check, error)
            return []

    async def tidy(self) -> None:
        """Ends and removes what an agent that was killed has left behind."""
        try:
            count = await self._done(self._tidied)
        except OSError as error:
            log.warning("old journeys cannot be tidied up in %s: %s", self._runs, error)
            return
        if count:
            log.info("removed what %d journeys of an agent before had left behind", count)

    async def prune(self) -> None:
        """Removes old evidence."""
        await self._done(partial(evidence.prune, self.setup.data_dir, self.clock.now()))

    def _tidied(self) -> int:
        if not self._runs.is_dir():
            return 0
        folders = list(self._runs.iterdir())
        for folder in folders:  # one by one: who merely stands above them is no run's
            processes.end(folder)
            evidence.remove(folder)
        return len(folders)

    async def _done(self, work: Callable[[], T]) -> T:
        """What it returns, in a thread; waits for its end however often we are cancelled."""
        future = self._threads.call(work)
        cancelled: asyncio.CancelledError | None = None
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError as error:
                cancelled = error
        failure = future.exception()
        if isinstance(failure, OwnFault):  # no thread can be started: better late than never
            done = work()
        elif failure is not None:
            raise cancelled or failure
        else:
            done = future.result()
        if cancelled is not None:
            raise cancelled
        return done
