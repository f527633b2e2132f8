"""At which monotonic moment did a byte come that the kernel has stamped?

Stamps are of CLOCK_REALTIME; if that was set since the socket was opened,
they are worth nothing and the moment of the read is taken instead.
"""

from __future__ import annotations

from math import inf

from prober.clock import Clock

_SET = 0.001  # seconds that CLOCK_REALTIME may move before it counts as set
_TOGETHER = 0.0001
_TRIES = range(8)


class Stamps:
    """For one socket, from `opened` on."""

    __slots__ = ("_clock", "_skew", "opened")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.opened, self._skew = _skew(clock)

    def moment(self, stamp: float, read: float) -> float:
        """Of a byte with this stamp (0 for none) that was read at the moment `read`."""
        if not stamp:
            return read
        moment = stamp + self._skew
        moved = _skew(self._clock)[1] - self._skew
        was_set = abs(moved) > _SET or not self.opened - _SET <= moment <= read + _SET
        return read if was_set else min(moment, read)


def _skew(clock: Clock) -> tuple[float, float]:
    """The monotonic time, and how far it is ahead of realtime: read as one, or as nearly as can be."""
    monotonic = clock.monotonic
    at, skew, apart = 0.0, 0.0, inf
    for _ in _TRIES:
        before = monotonic()
        now = clock.now()
        took = monotonic() - before
        if took < apart:
            at, skew, apart = before, before - now, took
        if took < _TOGETHER:
            break  # nobody else had the processor in between
    return at, skew
