"""Is it the agent itself that is cut off?

Asked when a run is down: then a few addresses that are none of the targets are
looked at, all at the same time. If none of them answers the run says nothing
about its target: it is `unknown`, reason `offline`. However many runs fail at
once, one look serves them all. Runs that are up ask nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from prober.clock import Clock
from prober.probes import AnyCheck
from prober.result import Finding, Outcome, Reason, Result
from prober.units import rfc3339, show_duration

AGAIN = 5.0  # seconds between looks while nothing answers
FRESH = 1.0  # seconds for which an answer of before still stands
# Seconds of it after which somebody is to know at once: the notice waits until we are back, and
# comes through where it is only the addresses that are wrong.
LONG = 600.0
SAY_AGAIN = 240.0  # seconds after which that still holds

Run: TypeAlias = Callable[[AnyCheck], Awaitable[Result]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look; `began` is monotonic."""

    began: float
    answered: bool
    said: str  # what became of each, where none answered


class Connectivity:
    """`changed` hears whether the agent is connected whenever that changes; `missed` what it cost."""

    def __init__(
        self,
        *,
        clock: Clock,
        run: Run,
        changed: Callable[[bool], None],
        missed: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._run = run
        self._changed = changed
        self._missed = missed
        self._addresses: Sequence[AnyCheck] = ()
        self._last: _Look | None = None
        self._looking: asyncio.Task[_Look] | None = None
        self._off_since: float | None = None  # Unix seconds
        self._runs = 0  # that were put down to it
        self._said_at: float | None = None  # when somebody was told, while cut off
        self._is_off = asyncio.Event()

    @property
    def offline(self) -> bool:
        return self._off_since is not None

    def configure(self, addresses: Sequence[AnyCheck]) -> None:
        """Without any, nothing is doubted."""
        self._addresses = addresses
        self._last = None
        if not addresses:
            self._connected()

    async def judged(self, result: Result) -> Result:
        """`result`, or that it says nothing."""
        if not self._addresses or result.finding.outcome is not Outcome.DOWN:
            return result
        look = await self._looked(result.started_at)
        if look.answered:
            return result
        self._runs += 1
        message = f"the agent is cut off ({look.said}); it saw: {result.message}"
        finding = Finding.unknown(message, Reason.OFFLINE)
        return result._replace(finding=finding._replace(seconds=result.finding.seconds))

    async def run(self) -> None:
        """Looks again while nothing answers, and once at the start: who never answers is a mistake."""
        if self._addresses and not (await self._looked(self._clock.now())).answered:
            log.warning("none of the addresses under connectivity answers: %s", self._said())
        while True:
            await self._is_off.wait()
            await self._clock.sleep(AGAIN)
            if self.offline:
                await self._look_again()
            self._say_if_long()

    def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    async def _looked(self, started_at: float) -> _Look:
        """A look that can tell of a run which began at `started_at` and has just ended."""
        asked = self._clock.monotonic()
        began = asked - max(0.0, self._clock.now() - started_at)
        last = self._last
        while last is None or not _tells(last, began, asked):
            last = await self._look_again()
        return last

    async def _look_again(self) -> _Look:
        """The look that is under way, or a new one; whoever waits for it may be cancelled."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="connectivity")
        return await asyncio.shield(self._looking)

    async def _look(self) -> _Look:
        began, addresses = self._clock.monotonic(), self._addresses
        asked = [asyncio.create_task(_ask(self._run, one)) for one in addresses]
        said = []
        try:
            for answer in asyncio.as_completed(asked):
                failure = await answer
                if failure is None:
                    look = _Look(began, True, "")
                    break
                said.append(failure)
            else:
                look = _Look(began, False, "; ".join(said))
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        if addresses is self._addresses:  # or it is about those of an earlier config
            self._last = look
            self._connected() if look.answered else self._cut_off()
        return look

    def _cut_off(self) -> None:
        if self._off_since is None:
            self._off_since, self._runs, self._said_at = self._clock.now(), 0, None
            self._is_off.set()
            log.warning("the agent is cut off: %s", self._said())
            self._changed(False)

    def _connected(self) -> None:
        if self._off_since is None:
            return
        since, now = self._off_since, self._clock.now()
        self._off_since = None
        self._is_off.clear()
        lasted = show_duration(max(0.0, now - since))
        said = (
            f"from {rfc3339(since)} to {rfc3339(now)} ({lasted});"
            f" {self._runs} failed runs of that time say nothing"
        )
        log.warning("the agent is connected again, it was cut off %s", said)
        self._changed(True)
        self._missed(said)

    def _say_if_long(self) -> None:
        since, now = self._off_since, self._clock.now()
        if since is None or now - since < LONG:
            return
        if self._said_at is not None and now - self._said_at < SAY_AGAIN:
            return
        self._said_at = now
        self._missed(
            f"since {rfc3339(since)}, or the addresses under connectivity are wrong:"
            f" {self._said()}; {self._runs} failed runs say nothing"
        )

    def _said(self) -> str:
        return self._last.said if self._last else ""


def _tells(look: _Look, began: float, ended: float) -> bool:
    """One during the run tells that we were cut off; that we were not, only one at its end."""
    return look.began >= (ended - FRESH if look.answered else min(began, ended - FRESH))


async def _ask(run: Run, check: AnyCheck) -> str | None:
    """What is wrong; None where anything answered."""
    result = await run(check)
    if result.outcome is Outcome.UP or result.facts.get("status_code") is not None:
        return None
    return f"{check.target}: {result.message}"
