"""When a check is due. Pure: the caller says what time it is.

A check has a rhythm: slot k is due at `origin + k * interval`, so two dues
differ by whole intervals and nothing drifts. A slot that passed while the
last run was still going on, or while the agent was stopped, is missed and
never made up for: runs bunched together would measure each other.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

SPREAD = 10.0  # seconds over which the first runs after a start are spread at most
# Waking up costs as much as a probe: where there are many, those due within 5 ms begin together.
MANY, GRID = 200.0, 0.005  # runs a second, seconds


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The dues of one check, in seconds of the monotonic clock."""

    origin: float
    interval: float

    def due(self, slot: int) -> float:
        return self.origin + slot * self.interval

    def next_slot(self, slot: int, now: float) -> int:
        """The first slot after both `slot` and `now`.

        A timer that fires a little early must not run a slot twice, hence
        after `slot` whatever `now` says.
        """
        return max(slot + 1, math.floor((now - self.origin) / self.interval) + 1)


def rhythm(name: str, interval: float, start: float, rate: float = 0.0) -> Rhythm:
    """The rhythm of the check `name` in an agent that starts at `start`.

    First runs are spread by name over min(interval, 10 s), so that a start is
    no burst and a restart keeps each check's place. `rate` is how many runs
    the whole agent has a second.
    """
    share = zlib.crc32(name.encode()) / 2**32
    origin = start + share * min(interval, SPREAD)
    if rate > MANY:
        origin = math.ceil(origin / GRID) * GRID
    return Rhythm(origin, interval)
