"""When a check is due. Pure: the caller says what time it is.

A check has a rhythm: slot k is due at `origin + k * interval`, so two dues
differ by whole intervals and nothing drifts. A slot that passed while the
last run was still going on, or while the agent was stopped, is missed and
never made up for: runs bunched together would measure each other.

Checks that start together are spread by their names: over ten seconds, so
that a small agent has seen everything by then, or over so long that no more
than 50 begin in a second; but never over more than their interval. 10,000
checks of 30 s thus fill the whole 30 s with 333 runs in each second, where
ten seconds of 1,000 would be followed by twenty of none.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

SPREAD = 10.0  # seconds over which the first runs after a start are spread where they are few
CALM = 50  # first runs in a second; where there are more, they are spread further
# Waking up costs as much as a probe: where there are many, those due within 10 ms begin together.
MANY, GRID = 200.0, 0.01  # runs a second, seconds


def share(name: str) -> float:
    """The place of the check `name` among all that start together: from 0 to below 1."""
    return zlib.crc32(name.encode()) / 2**32


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


@dataclass(frozen=True, slots=True)
class Start:
    """A moment at which `count` checks begin together: all of an agent, or what a reload brings.

    `rate` is how many runs the whole agent has in a second. Two starts of as
    many checks give each of them the same place; what started before keeps
    its own whatever starts later.
    """

    at: float
    count: int = 1
    rate: float = 0.0

    @property
    def spread(self) -> float:
        """Seconds over which the first runs are spread, where the interval is not shorter."""
        return max(SPREAD, self.count / CALM)

    def rhythm(self, name: str, interval: float) -> Rhythm:
        """The rhythm of the check `name`."""
        origin = self.at + share(name) * min(interval, self.spread)
        if self.rate > MANY:
            origin = math.ceil(origin / GRID) * GRID
        return Rhythm(origin, interval)


def waking(due: float, early: float, now: float) -> float:
    """When to call a run that gets ready for `early` seconds first; at once where that has passed."""
    return max(due - early, min(due, now))


def missed(dues: Rhythm, slot: int, following: int, begun: float) -> tuple[tuple[str, int], ...]:
    """How many slots between `slot` and `following` nobody ran, and why.

    Those that passed before the run of `slot` had `begun` are ours (late), those
    after it the run's (overrun).
    """
    if following == slot + 1:
        return ()
    late = dues.next_slot(slot, begun) - slot - 1
    return (("late", late), ("overrun", following - slot - 1 - late))
