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
from prober.probes import chromium, evidence, left_behind, memory, playwright_kept, processes
from prober.probes.journey_settings import BrowserSettings
from prober.probes.left_behind import Left
from prober.probes.play import UNATTENDED, Play
from prober.probes.publishing import Publishing, Remains
from prober.probes.sandbox import Sandbox, Trial, Way
from prober.probes.turns import Turn, Turns
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
    show a secret; `echo` gets what the authors' scripts print, as it comes;
    `in_full`: every run records its whole trace, as somebody waits for it.
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
    in_full: bool = False


class Browsers:
    """Made inside the running loop."""

    def __init__(self, clock: Clock, setup: Setup) -> None:
        self.clock = clock
        self.setup = setup
        self.scrub = Scrubber()
        self.sandbox = Sandbox(clock)
        self.memory = 0  # bytes that a journey and its browser may use
        self.is_stopped = False
        self._runs = (setup.runs or setup.data_dir / "runs").resolve()
        self.publishing = Publishing(clock, in_full=setup.in_full, withheld=setup.withheld)
        self._ages = evidence.Ages(clock)
        self._turns = Turns()
        self._threads = Threads(THREADS)
        self._waiting: set[asyncio.Task[object]] = set()
        self._under_way: dict[str, Callable[[], None]] = {}
        self.configure(BrowserSettings(), self.scrub)

    def configure(self, settings: BrowserSettings, scrub: Scrubber) -> None:
        """From the next journey on."""
        self.scrub = scrub
        self.sandbox.wish = settings.sandbox
        self.memory = settings.memory
        self._turns.allow(settings.workers)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """A worker's, first come first served."""
        asked = self.clock.monotonic()
        async with self._turns.taken() as turn:
            self.setup.queued(self.clock.monotonic() - asked)
            yield turn

    @contextmanager
    def journey(
        self, check: str, end: Callable[[], None], *, again: bool = False
    ) -> Iterator[Callable[[], None]]:
        """For who is to run one; gives what he calls once it has begun.

        A stop cancels him before that; later it leaves him alone for a while,
        and then calls `end`. `again`: his run has begun already, and is to have a result.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a probe is always awaited by one

        def begins() -> None:
            self._waiting.discard(task)
            self._under_way[check] = end

        if again:
            begins()
        else:
            self._waiting.add(task)
            if self.is_stopped:
                task.cancel()
        try:
            yield begins
        finally:
            self._waiting.discard(task)
            self._under_way.pop(check, None)

    def stop(self) -> None:
        """Begins no more journeys; leaves alone those under way."""
        self.is_stopped = True
        for task in self._waiting:
            task.cancel()

    def cut(self) -> frozenset[str]:
        """Ends those under way, too; the checks that will have a result in a moment."""
        checks = frozenset(self._under_way)
        for end in self._under_way.values():
            end()
        return checks

    def environment(self, folder: Path) -> dict[str, str]:
        """All that a journey's process is to know of ours."""
        env = self.setup.env
        passed = {n: v for n, v in env.items() if n in _PASSED or n.startswith(_PASSED_FROM)}
        return {
            "PATH": os.defpath,
            **passed,
            **self.setup.play.environment(env),
            "PLAYWRIGHT_BROWSERS_PATH": playwright_kept.folder(env),
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

    async def try_sandbox(self, browser: chromium.Browser) -> None:
        """Where nobody knows yet whether this one starts in it. Raises chromium.NoBrowser."""
        async with self.sandbox.one_at_a_time:
            if not self.sandbox.is_unknown(browser):
                return
            if (program := chromium.program(self.setup.env, browser)) is None:
                return
            arguments = chromium.arguments(self.setup.env)
            async with self.folder("sandbox") as folder:
                env = self.environment(folder)
                way = Way(program=program, arguments=arguments, env=env, folder=folder)
                trial = Trial(way)
                self.sandbox.learn(browser, await self._done(trial.made, trial.give_up))

    async def look(self, first: int) -> memory.Look:
        """At the run whose process `first` is."""
        return await self._done(partial(memory.look, first))

    async def end(self, folder: Path, first: int | None) -> memory.Look:
        """Kills every process of the run that works in `folder`; what it was like before."""

        def ended() -> tuple[memory.Look, Sequence[int]]:
            return memory.look(first, folder), processes.end(folder, first)

        look, left = await self._done(ended)
        if left:
            log.warning("processes of a journey cannot be killed: %s", ", ".join(map(str, left)))
        return look

    async def note(self, folder: Path, run: Left) -> None:
        """For the next agent, should this one be killed while the run is under way."""
        try:
            await self._done(partial(left_behind.note, folder, run))
        except OSError as error:
            log.warning("a run of %s is not noted: %s", run.check, error)

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
        publication = self.publishing.of(
            Remains(
                place=place,
                source=source,
                kept=kept,
                printed=printed,
                secrets={*self.scrub.values, *learned},
                good=good,
                env=self.environment(source),
            )
        )
        try:
            return await self._done(publication.made, publication.give_up)
        except OSError as error:
            log.warning("the evidence of %s is lost: %s", place.check, error)
            return []

    async def tidy(self) -> list[Left]:
        """Ends and removes what an agent that was killed has left; the runs that had begun."""
        try:
            found = await self._done(self._tidied)
        except OSError as error:
            log.warning("old journeys cannot be tidied up in %s: %s", self._runs, error)
            return []
        if found:
            log.info("removed what %d journeys of an agent before had left behind", len(found))
        return [run for run in found if run is not None]

    async def prune(self) -> None:
        """Removes old evidence."""
        await self._done(partial(evidence.prune, self.setup.data_dir, self._ages.now()))

    def _tidied(self) -> list[Left | None]:
        if not self._runs.is_dir():
            return []
        folders = list(self._runs.iterdir())
        found = [left_behind.noted(folder) for folder in folders]
        for folder in folders:  # one by one: who merely stands above them is no run's
            processes.end(folder)
            evidence.remove(folder)
        return found

    async def _done(self, work: Callable[[], T], hurry: Callable[[], None] = lambda: None) -> T:
        """What it returns, in a thread; waits for its end however often we are cancelled.

        Then it is told to hurry.
        """
        future = self._threads.call(work)
        is_cancelled = False  # the error itself would keep this frame, and all that it knows
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                is_cancelled = True
                hurry()
        if isinstance(future.exception(), OwnFault):
            done = work()  # no thread can be started: better late than never
        elif not is_cancelled:
            done = future.result()
        if is_cancelled:
            raise asyncio.CancelledError
        return done
