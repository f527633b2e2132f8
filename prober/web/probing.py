"""Who looks at the targets that scrapes name, and what becomes of a probe when the agent stops?

The agent's own runner does, so that deadlines, late answers and faults of
ours are judged as they are for checks. Nothing of it is kept.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping

from prober.probes.modules import Aim, Module
from prober.result import Result
from prober.runner import Runner
from prober.secret import Scrubber

log = logging.getLogger(__name__)

LONGEST = 120.0  # seconds of a probe, however long a scrape may take
RESERVED = 0.5  # of a scrape's seconds, for the way there and back


class Stopping(Exception):
    """The agent takes no more probes."""


class Probing:
    """One per agent. `modules` and `runner` are asked anew for each probe: a reload changes them."""

    def __init__(
        self, modules: Callable[[], Mapping[str, Module]], runner: Callable[[], Runner]
    ) -> None:
        self._modules = modules
        self._runner = runner
        self._under_way: set[asyncio.Task[Result]] = set()
        self._is_stopping = False

    @property
    def modules(self) -> Mapping[str, Module]:
        return self._modules()

    @property
    def scrub(self) -> Scrubber:
        return self._runner().scrub

    def begin(self, aim: Aim) -> asyncio.Task[Result]:
        """The probe, under way; whoever waits for it may cancel it. Raises Stopping."""
        if self._is_stopping:
            raise Stopping
        runner = self._runner().with_probe(aim.probe)
        task = asyncio.get_running_loop().create_task(
            runner.run(aim.check), name="a scrape's probe"
        )
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def drain(self, within: float) -> None:
        """Begins no more probes, and ends those that are under way after so many seconds."""
        self._is_stopping = True
        if not self._under_way:
            return
        log.info("%d probes that were asked for by scrapes are under way", len(self._under_way))
        _, late = await asyncio.wait(set(self._under_way), timeout=within)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def time_for(scrape: str | None, module: float | None) -> float:
    """Seconds for a probe, given what the scrape says it has and what the module gives.

    Raises ValueError where `scrape` is no number of seconds.
    """
    try:
        given = float(scrape or 0)
    except ValueError:
        given = math.nan
    if not (math.isfinite(given) and given >= 0):
        raise ValueError(f"{scrape!r} is not a number of seconds")
    whole = given or LONGEST
    # A scrape of half a second and less would otherwise leave nothing at all.
    most = min(max(whole - RESERVED, whole / 2) if given else LONGEST, LONGEST)
    return min(module, most) if module else most
