"""Does a user's way through a site work, in a real browser?

    turn ─► folder ─► process ─► ready ─► due ─► the author's function ─► verdict ─► nothing is left

Every journey is a process of its own, which is told what to do and says what
came of it (`prober.journey.events`). It is asked to end at its deadline, and
killed with all that it started when it does not: no step here waits for it
without a limit, so the runner's own deadline is not needed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prober.probes import chromium, evidence
from prober.probes.browsers import Browsers
from prober.probes.journey_order import order_of
from prober.probes.journey_process import JourneyProcess, Start
from prober.probes.journey_settings import JourneyCheck
from prober.probes.journey_story import End, verdict
from prober.result import Attempt, Finding, Outcome, Reason

LEAD = 2.0  # seconds before it is due that the process is started


async def probe(check: JourneyCheck, attempt: Attempt, browsers: Browsers) -> Finding:
    """Runs the journey; begins it when `attempt.due` says, and as soon as it can without."""
    with browsers.not_begun() as begins:
        async with browsers.turn(), browsers.folder(attempt.run_id) as folder:
            try:
                start = _start(check, attempt, browsers, folder)
            except chromium.NoBrowser as error:
                return Finding.unknown(str(error), Reason.BROWSER)
            return await _Run(check, attempt, browsers, begins).play(start)


def _start(check: JourneyCheck, attempt: Attempt, browsers: Browsers, folder: Path) -> Start:
    return Start(
        command=browsers.setup.command,
        order=order_of(check, attempt, browsers, folder),
        env=browsers.environment(folder),
        folder=folder,
    )


class _Run:
    """One process, from its start to its last trace."""

    def __init__(
        self,
        check: JourneyCheck,
        attempt: Attempt,
        browsers: Browsers,
        begins: Callable[[], None],
    ) -> None:
        self._check = check
        self._attempt = attempt
        self._browsers = browsers
        self._begins = begins
        self._clock = browsers.clock
        self._limits = browsers.setup.limits
        self._begun: float | None = None
        self._asked = False  # to come to an end, since its time was up

    async def play(self, start: Start) -> Finding:
        process = JourneyProcess(start, self._clock)
        since = self._clock.monotonic()
        try:
            await self._live(process, since)
        finally:
            process.leave_alone()
            until, code = self._clock.monotonic(), process.code
            try:
                await self._browsers.end(start.folder, process.pid)
            finally:
                process.close()
        end = End(
            code=code,
            begun=self._begun is not None,
            seconds=0.0 if self._begun is None else until - self._begun,
            limit=self._limits.start,
            asked=self._asked,
            printed=process.output.last_line,
        )
        finding = verdict(process.story, end, self._check.timeout)
        self._attempt.steps = process.story.all_steps(until)
        self._attempt.visits = process.story.visits()
        self._attempt.skipped = process.story.skipped
        if finding.outcome is not Outcome.UP:
            await self._keep(process, start.folder)
        return finding

    async def _live(self, process: JourneyProcess, since: float) -> None:
        """Until it has ended, or is to be ended."""
        if not await self._got_ready(process, since):
            return
        self._begins()
        self._begun = self._clock.monotonic()
        self._attempt.started_at = self._clock.now()
        process.go()
        story, limits = process.story, self._limits

        def is_done() -> bool:
            return story.tidying is not None or self._is_over(process)

        in_time = await process.until(self._begun + self._check.timeout, is_done)
        if not in_time and process.code is None:
            self._asked = True
            process.time_is_up()
            await process.until(self._clock.monotonic() + limits.after_deadline, is_done)
        if story.tidying is not None:
            await process.until(story.tidying + limits.tidying, lambda: self._is_over(process))
        await self._let_end(process)

    async def _got_ready(self, process: JourneyProcess, since: float) -> bool:
        """Whether it is ready and due."""
        story = process.story
        await process.until(
            since + self._limits.start, lambda: story.ready is not None or self._is_over(process)
        )
        if story.ready is not None:
            self._browsers.setup.started(self._clock.monotonic() - since)
            if self._attempt.due is not None:
                await process.until(self._attempt.due, lambda: self._is_over(process))
            if process.code is None and not self._is_over(process):
                return True
        await self._let_end(process)
        return False

    async def _let_end(self, process: JourneyProcess) -> None:
        """Gives a process that has said its last a little time to end by itself."""
        if process.story.ended is not None:
            moment = self._clock.monotonic() + self._limits.after_verdict
            await process.until(moment, lambda: False)
        elif process.is_silent and process.story.fault is None:
            moment = self._clock.monotonic() + self._limits.silent
            await process.until(moment, lambda: False)
            if process.code is None:
                process.story.fault = "closed its pipe and did not end"

    def _is_over(self, process: JourneyProcess) -> bool:
        return process.story.is_over or process.is_silent

    async def _keep(self, process: JourneyProcess, folder: Path) -> None:
        place = evidence.Place(
            data_dir=self._browsers.setup.data_dir,
            check=self._check.name,
            run_id=self._attempt.run_id,
        )
        self._attempt.evidence = await self._browsers.publish(
            place, folder, process.story.kept, str(process.output), process.story.learned
        )
