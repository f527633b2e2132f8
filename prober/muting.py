"""Which checks are in maintenance and which alerts are held back, as metrics and results show it?

`Mutes` knows that of any check at any time; here it is asked for all of them
whenever the answer may have changed, and for each result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from prober.alerts.mutes import Mutes
from prober.alerts.notice import identity
from prober.alerts.scope import labels_of
from prober.alerts.state import Key
from prober.clock import Clock
from prober.config.model import Config
from prober.export.metrics import Metrics
from prober.probes import AnyCheck
from prober.result import Result

LOOK = 30.0  # seconds after which the wall clock is looked at again: somebody may have set it
SLICE = 100  # checks that are asked about before the loop is given back


class _Left(NamedTuple):
    """When a check was seen to be out of a window."""

    at: float
    window: str


class Muting:
    def __init__(self, *, mutes: Mutes, metrics: Metrics, clock: Clock) -> None:
        self.mutes = mutes
        self._metrics = metrics
        self._clock = clock
        self._config: Config | None = None
        self._checks: Mapping[str, AnyCheck] = {}
        self._covered: dict[str, str] = {}  # by check, the window that it is shown to be in
        self._left: dict[str, _Left] = {}  # by check, until the first run that began later
        self._muted: dict[str, set[str]] = {}  # by check, the rules whose alerts are to be muted
        self._held: frozenset[Key] = frozenset()  # alerts that fire and wait for something else
        self._stir = asyncio.Event()

    @property
    def covered(self) -> Mapping[str, str]:
        """The checks in maintenance, and the window of each."""
        return self._covered

    def configure(self, config: Config) -> None:
        self._config = config
        self._checks = {check.name: check for check in config.checks}
        self.mutes.configure(config.maintenance)
        for shown in (self._covered, self._left, self._muted):
            for gone in shown.keys() - self._checks.keys():
                del shown[gone]
        self.changed()

    def changed(self) -> None:
        """Somebody has decided something, or the agent is cut off, or no longer."""
        self._stir.set()

    def hold(self, held: frozenset[Key]) -> None:
        """These fire, and nobody has been told: of a check that is down itself, for one."""
        changed, self._held = self._held ^ held, held
        for check, rule in changed:
            if rule not in self._muted.get(check, ()):
                self._metrics.mute(check, rule, (check, rule) in held)

    def stamped(self, result: Result) -> Result:
        """With the maintenance that it fell into. Called a thousand times a second."""
        now = self._clock.now()
        if self.mutes.is_quiet(now) and not self._left:
            return result
        name = self._window(result.check, now)
        if not name and (left := self._left.get(result.check)) is not None:
            if result.started_at < left.at:
                name = left.window
            else:
                del self._left[result.check]
        return result._replace(maintenance=name) if name else result

    def is_paused(self, check: str) -> bool:
        """Whether its window wants no runs."""
        now = self._clock.now()
        if self.mutes.is_quiet(now) or check not in self._checks:
            return False
        return not self.mutes.probes(check, self._labels(self._checks[check]), now)

    async def run(self) -> None:
        while True:
            self._stir.clear()
            await self._show()
            now = self._clock.now()
            bound = self.mutes.next(now)
            wait = LOOK if bound is None else min(LOOK, max(0.0, bound - now))
            await self._stirred_within(wait)

    async def _stirred_within(self, seconds: float) -> None:
        nap = asyncio.create_task(self._clock.sleep(seconds))
        stir = asyncio.create_task(self._stir.wait())
        try:
            await asyncio.wait({nap, stir}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (nap, stir):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _show(self) -> None:
        """Tells the metrics of every check that is other than it was shown."""
        checks = list(self._checks.values())
        for first in range(0, len(checks), SLICE):
            now = self._clock.now()
            if self.mutes.is_free(now) and not self._covered and not self._muted:
                return
            for check in checks[first : first + SLICE]:
                if self._checks.get(check.name) is check:
                    self._show_window(check.name, now)
                    self._show_muted(check, now)
            await asyncio.sleep(0)

    def _show_window(self, check: str, now: float) -> None:
        window, shown = self._window(check, now), self._covered.get(check, "")
        if window:
            self._covered[check] = window
            self._left.pop(check, None)
        elif shown:
            del self._covered[check]
            self._left[check] = _Left(now, shown)
        if bool(window) != bool(shown):
            self._metrics.maintenance(check, bool(window))

    def _show_muted(self, check: AnyCheck, now: float) -> None:
        muted = set() if self.mutes.is_free(now) else set(self._muted_rules(check, now))
        shown = self._muted.get(check.name, set())
        for rule in muted ^ shown:
            self._metrics.mute(check.name, rule, rule in muted or (check.name, rule) in self._held)
        if muted:
            self._muted[check.name] = muted
        else:
            self._muted.pop(check.name, None)

    def _muted_rules(self, check: AnyCheck, now: float) -> Iterator[str]:
        config = self._config
        if config is None:
            return
        for rule in config.rules[check.name]:
            labels = identity(config.agent.region, check.name, check.kind, rule, check.labels)
            if self.mutes.why(check.name, labels, now):
                yield rule.name

    def _window(self, check: str, now: float) -> str:
        if self.mutes.is_quiet(now) or check not in self._checks:
            return ""
        return self.mutes.maintenance_of(check, self._labels(self._checks[check]), now)

    def _labels(self, check: AnyCheck) -> Mapping[str, str]:
        region = self._config.agent.region if self._config else ""
        return labels_of(region, check.name, check.kind, check.labels)
