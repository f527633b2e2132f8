"""At which monotonic moment did a byte come that the kernel has stamped?

Stamps are of CLOCK_REALTIME; if that was set since the socket was opened,
they are worth nothing and the moment of the read is taken instead.
"""

from __future__ import annotations

from prober.clock import Clock

_SET = 0.001  # seconds that CLOCK_REALTIME may move before it counts as set
_TOGETHER = 0.0001
_TRIES = (1, 2, 3)


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
    """The monotonic time, and how far it is ahead of realtime; read as one, or once more."""
    monotonic = clock.monotonic
    for _ in _TRIES:
        before = monotonic()
        skew = before - clock.now()
        if monotonic() - before < _TOGETHER:
            break  # nobody else had the processor in between
    return before, skew
