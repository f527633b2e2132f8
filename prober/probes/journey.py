"""Does a user's way through a site work, in a real browser?

    turn ─► folder ─► process ─► ready ─► due ─► the author's function ─► verdict ─► nothing is left

Every journey is a process of its own, which is told what to do and says what
came of it (`prober.journey.events`). It is asked to end at its deadline, and
killed with all that it started when it does not: no step here waits for it
without a limit, so the runner's own deadline is not needed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from prober.probes import again, chromium
from prober.probes.browsers import Browsers
from prober.probes.journey_order import order_of, prepare
from prober.probes.journey_process import Start
from prober.probes.journey_run import Given, Run
from prober.probes.journey_settings import JourneyCheck
from prober.probes.turns import Turn
from prober.result import Attempt, Finding, Reason

log = logging.getLogger(__name__)

LEAD = 2.0  # seconds before it is due that the process is started


async def probe(check: JourneyCheck, attempt: Attempt, browsers: Browsers) -> Finding:
    """Runs the journey; begins it when `attempt.due` says, and as soon as it can without."""
    is_later = attempt.number > 1
    if is_later and browsers.is_stopped:
        attempt.final = True
        said = "the agent was stopped before the journey could be tried again"
        return Finding.unknown(said, Reason.KILLED)
    tries = _Tries(check, attempt, browsers)
    with browsers.journey(check.name, tries.stop, again=is_later) as begins:
        asked = browsers.clock.monotonic()
        async with browsers.turn() as turn:
            attempt.aside += browsers.clock.monotonic() - asked  # others had their turn
            return await tries.found(turn, begins)


class _Tries:
    """One attempt at a check: a process, and a second one where the first has crashed."""

    def __init__(self, check: JourneyCheck, attempt: Attempt, browsers: Browsers) -> None:
        self._check, self._attempt, self._browsers = check, attempt, browsers
        self._clock = browsers.clock
        self._since = browsers.clock.monotonic()
        self._run: Run | None = None
        self._may_again = attempt.number == 1 and not browsers.setup.play.debug

    def stop(self) -> None:
        """The agent stops, and has waited long enough."""
        self._may_again, self._attempt.final = False, True
        if self._run is not None:
            said = f"the agent was stopped while the journey ran{self._run.where}"
            self._run.end_now(Finding.unknown(said, Reason.KILLED))

    async def found(self, turn: Turn, begins: Callable[[], None]) -> Finding:
        given = Given(
            check=self._check,
            attempt=self._attempt,
            browsers=self._browsers,
            turn=turn,
            begins=begins,
        )
        try:
            first = await self._tried(given)
            if not self._is_worth_another(first):
                return first
            log.warning("%s is tried again in a fresh browser: %s", self._check.name, first.message)
            self._may_again, self._attempt.due = False, None
            return again.joined(first, await self._tried(given))
        finally:
            self._run = None  # by `begins` it knows us

    async def _tried(self, given: Given) -> Finding:
        async with self._browsers.folder(self._attempt.run_id) as folder:
            try:
                await prepare(self._check, self._browsers)
                start = self._start(folder)
            except chromium.NoBrowser as error:
                self._may_again = False
                return Finding.unknown(str(error), Reason.BROWSER)
            run = self._run = Run(given, start)
            finding = await run.play()
            if not self._is_worth_another(finding):
                await run.keep(finding)
            return finding

    def _is_worth_another(self, finding: Finding) -> bool:
        run = self._run
        if not self._may_again or run is None or run.cut is not None:
            return False
        if self._browsers.is_stopped:
            return False
        so_far = self._clock.monotonic() - self._since
        spent = again.Spent(
            so_far=so_far,
            start=so_far if run.started_in is None else run.started_in,
            timeout=self._check.timeout,
            after=self._browsers.setup.limits.after_deadline,
            interval=self._check.interval,
        )
        return again.is_worth_it(finding, spent)

    def _start(self, folder: Path) -> Start:
        browsers = self._browsers
        return Start(
            command=browsers.setup.command,
            order=order_of(self._check, self._attempt, browsers, folder),
            env=browsers.environment(folder),
            folder=folder,
            echo=browsers.setup.echo,
        )
