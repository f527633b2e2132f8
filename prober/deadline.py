"""When is an attempt cut off, and what does it still get before?

Thousands of deadlines are set and almost none is met: each is a place in a
list, and the loop has one timer for all of the same few milliseconds.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from types import TracebackType

from prober.result import Attempt

GRAIN = 0.005  # seconds by which a deadline may come late; what is late by the clock is late all the same


class Deadlines:
    """All of one agent. `look` hands what the kernel already holds to those who wait for it."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._places: dict[int, dict[Deadline, None]] = {}

    def place(self, moment: float) -> dict[Deadline, None]:
        """The deadlines of (about) this monotonic moment, to be entered and left."""
        key = math.ceil(moment / GRAIN)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = {}
            asyncio.get_running_loop().call_at(key * GRAIN, self._ring, key)
        return place

    def _ring(self, key: int) -> None:
        if met := self._places.pop(key):
            self._look()
            asyncio.get_running_loop().call_soon(_cut_off, met)


class Deadline:
    """asyncio.timeout with a last look, to be entered with `with`.

    When time is up, what the kernel already holds is handed to the probe and
    the probe gets one more turn; only then is it cut off, with TimeoutError.
    A probe that has its answer and judges it is not: that is our own work, and
    it sees to its own end.
    """

    __slots__ = ("_attempt", "_cancelled", "_has_cut", "_place", "_task")

    def __init__(self, deadlines: Deadlines, moment: float, attempt: Attempt) -> None:
        self._place = deadlines.place(moment)
        self._attempt = attempt
        self._has_cut = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a probe is always awaited by one
        self._task, self._cancelled = task, task.cancelling()
        self._place[self] = None

    def cut_off(self) -> None:
        if self._attempt.during != "expect":
            self._has_cut = True
            self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._place.pop(self, None)
        if not self._has_cut:
            return
        # Where somebody else cancels too, their cancellation counts.
        if self._task.uncancel() <= self._cancelled and kind is asyncio.CancelledError:
            raise TimeoutError from error


def _cut_off(met: dict[Deadline, None]) -> None:
    for deadline in tuple(met):
        deadline.cut_off()
