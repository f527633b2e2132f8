"""How does the process of one journey live, from its start until nothing of it is left?

Two things go on beside it: it is looked at twice a second (its memory, and
whether somebody has stopped one of its processes), and may be cut off. Nothing
here waits for it without a limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from prober.probes import evidence, memory
from prober.probes.browsers import Browsers
from prober.probes.journey_budgets import judged
from prober.probes.journey_process import JourneyProcess, Start
from prober.probes.journey_settings import JourneyCheck
from prober.probes.journey_story import End, Story, verdict
from prober.probes.left_behind import Left
from prober.probes.memory import Look
from prober.probes.turns import Turn
from prober.result import Attempt, Finding, Outcome, Reason
from prober.visit import CONTENDED

EVERY, SELDOM = 0.5, 2.0  # seconds between two looks at it, where there are few processes and many
DEBUGGED = 86400.0  # seconds for who debugs a journey
ASK_AGAIN = 1.0  # seconds after which whoever does not come to an end is told once more


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a run has to do with."""

    check: JourneyCheck
    attempt: Attempt
    browsers: Browsers
    turn: Turn
    begins: Callable[[], None]


class Run:
    """One process. `cut` is why it was ended before its time, once it was."""

    def __init__(self, given: Given, start: Start) -> None:
        self._check, self._attempt, self._browsers = given.check, given.attempt, given.browsers
        self._turn, self._begins = given.turn, given.begins
        self._start = start
        self._clock = given.browsers.clock
        self._limits = given.browsers.setup.limits
        self._timeout = DEBUGGED if given.browsers.setup.play.debug else given.check.timeout
        self.story = Story()
        self._process: JourneyProcess | None = None
        self._beside: list[asyncio.Task[None]] = []
        self._keeping: asyncio.Task[None] | None = None
        self._kills = memory.kills()
        self._begun: float | None = None
        self._asked = False  # to come to an end, since its time was up
        self._stopped = Look()  # what of it was stopped at any time
        self.cut: Finding | None = None
        self.started_in: float | None = None  # seconds until its browser was there

    @property
    def where(self) -> str:
        """In which step it is, as a message goes on, by all that it has said until now."""
        if self._process is not None:
            self._process.catch_up()
        return self.story.where

    def end_now(self, why: Finding) -> None:
        """Cuts it off. What was said before stands; evidence that is being made is given up."""
        self.cut = self.cut or why
        if self._process is not None:
            self._process.wake()
        if self._keeping is not None:
            self._keeping.cancel()

    async def play(self) -> Finding:
        """What it came to. Its processes are gone then, and its folder is the caller's."""
        process = self._process = JourneyProcess(self._start, self._clock, self.story)
        since = self._clock.monotonic()
        self._beside.append(asyncio.create_task(self._watch(process)))
        try:
            await self._live(process, since)
        finally:
            process.leave_alone()
            for task in self._beside:
                task.cancel()
            until, code = self._clock.monotonic(), process.code
            try:
                self._note(await self._browsers.end(self._start.folder, process.pid))
            finally:
                process.close()
                await asyncio.wait(self._beside)
                self._beside.clear()  # why they ended leads back to us
        return self._judged(process, until, code)

    def _judged(self, process: JourneyProcess, until: float, code: int | None) -> Finding:
        end = End(
            code=code,
            begun=self._begun is not None,
            seconds=0.0 if self._begun is None else until - self._begun,
            limit=self._limits.start,
            asked=self._asked,
            printed=process.output.last_line,
            cut=self.cut,
        )
        finding = verdict(self.story, end, self._timeout)
        if self.cut is None:
            finding = memory.blamed(finding, self._kills, memory.kills())
            finding = _with_stopped(finding, self._stopped)
        self._tell(finding, until)
        return finding._replace(message=self.story.hush(finding.message))

    def _tell(self, finding: Finding, until: float) -> None:
        attempt, story = self._attempt, self.story
        attempt.steps = list(map(story.hush.step, story.all_steps(until)))
        attempt.skipped = list(map(story.hush, story.skipped))
        attempt.visits = list(map(story.hush.visit, story.visits()))
        if self._turn.is_shared:
            attempt.visits = [
                replace(visit, quality=(*visit.quality, CONTENDED)) for visit in attempt.visits
            ]
        if finding.outcome is not Outcome.UNKNOWN:
            seconds = finding.seconds if finding.outcome is Outcome.UP else None
            budgets = self._check.journey.budgets
            attempt.budgets = list(judged(budgets, attempt.visits, attempt.steps, seconds))

    async def _live(self, process: JourneyProcess, since: float) -> None:
        """Until it has ended, or is to be ended."""
        if not await self._got_ready(process, since):
            return
        self._begins()
        self._begun = self.story.since = self._clock.monotonic()
        self._attempt.started_at = self._clock.now()
        process.go()
        self._beside.append(asyncio.create_task(self._leave_note(self._clock.now())))
        story, limits = self.story, self._limits

        def is_done() -> bool:
            return story.tidying is not None or self._is_over(process)

        in_time = await process.until(self._begun + self._timeout, is_done)
        if not in_time and process.code is None:
            self._asked = True
            await self._ask_to_end(process, is_done)
        if story.tidying is not None:
            await process.until(story.tidying + limits.tidying, lambda: self._is_over(process))
        await self._let_end(process)

    async def _ask_to_end(self, process: JourneyProcess, is_done: Callable[[], bool]) -> None:
        """More than once: a signal that comes just before a program begins to sleep does not wake it."""
        now = self._clock.monotonic
        until = now() + self._limits.after_deadline
        while process.code is None and not is_done() and now() < until:
            process.time_is_up()
            await process.until(min(until, now() + ASK_AGAIN), is_done)

    async def _got_ready(self, process: JourneyProcess, since: float) -> bool:
        """Whether it is ready and due."""
        story = self.story
        await process.until(
            since + self._limits.start, lambda: story.ready is not None or self._is_over(process)
        )
        if story.ready is not None:
            self.started_in = self._clock.monotonic() - since
            self._browsers.setup.started(self.started_in)
            if self._attempt.due is not None:
                await process.until(self._attempt.due, lambda: self._is_over(process))
            if process.code is None and not self._is_over(process):
                return True
        await self._let_end(process)
        return False

    async def _let_end(self, process: JourneyProcess) -> None:
        """Gives a process that has said its last a little time to end by itself."""
        if self.cut is not None:
            return
        if self.story.ended is not None:
            moment = self._clock.monotonic() + self._limits.after_verdict
            await process.until(moment, lambda: self.cut is not None)
        elif process.is_silent and self.story.fault is None:
            moment = self._clock.monotonic() + self._limits.silent
            await process.until(moment, lambda: self.cut is not None)
            if process.code is None and self.cut is None:
                self.story.fault = "closed its pipe and did not end"

    def _is_over(self, process: JourneyProcess) -> bool:
        return self.story.is_over or process.is_silent or self.cut is not None

    async def _watch(self, process: JourneyProcess) -> None:
        pause = EVERY
        while (pid := process.pid) is not None:
            await self._clock.sleep(pause)
            began = self._clock.monotonic()
            look = await self._browsers.look(pid)
            pause = min(max(EVERY, 20 * (self._clock.monotonic() - began)), SELDOM)
            self._note(look)
            if look.used > self._browsers.memory:
                self.end_now(memory.too_much(look.used, self._browsers.memory, self.where))

    def _note(self, look: Look) -> None:
        before = self._stopped
        self._stopped = Look(
            is_stopped=before.is_stopped or look.is_stopped,
            has_stopped=before.has_stopped or look.has_stopped,
        )

    async def _leave_note(self, started_at: float) -> None:
        attempt = self._attempt
        left = Left(
            check=self._check.name,
            run_id=attempt.run_id,
            traceparent=attempt.traceparent,
            started_at=started_at,
            attempt=attempt.number,
        )
        await self._browsers.note(self._start.folder, left)

    async def keep(self, finding: Finding) -> None:
        """Publishes what explains the run, or shows what it looked like where it was good."""
        is_up = finding.outcome is Outcome.UP
        if self._check.journey.evidence == "never":
            return
        self._keeping = asyncio.create_task(self._published(is_up))
        try:
            await asyncio.wait([self._keeping])
        except asyncio.CancelledError:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])  # or it would work on while its folder goes
            raise
        if not self._keeping.cancelled():
            self._keeping.result()

    async def _published(self, is_up: bool) -> None:
        kept = self.story.kept
        is_wanted = self._check.journey.evidence == "always" and not self._attempt.earlier
        if is_up and not is_wanted:
            kept = [one for one in kept if one.good]
        # The first failure of a run is the one that is shown; only a later one may have a trace.
        shown = {one.kind for one in self._attempt.earlier}
        kept = [one for one in kept if one.good or one.kind not in shown]
        process = None if shown else self._process
        place = evidence.Place(
            data_dir=self._browsers.setup.data_dir,
            check=self._check.name,
            run_id=self._attempt.run_id,
        )
        self._attempt.evidence = await self._browsers.publish(
            place,
            self._start.folder,
            kept,
            str(process.output) if process is not None else "",
            self.story.learned,
            good=is_up,
        )


def _with_stopped(finding: Finding, seen: Look) -> Finding:
    """A process that is stopped answers nobody: what follows from that is not the target's."""
    if finding.outcome is Outcome.UP or not (seen.is_stopped or seen.has_stopped):
        return finding
    if seen.is_stopped:
        said, reason = "the journey's process was stopped by a signal", Reason.KILLED
    else:
        said, reason = "a process of the journey's browser was stopped by a signal", Reason.BROWSER
    return finding._replace(
        outcome=Outcome.UNKNOWN, reason=reason, message=f"{said}; {finding.message}"
    )
