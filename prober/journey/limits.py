"""What if a single step takes longer than its author has given it?

It is struck as the deadline strikes (interrupt.py), but the journey is not
over: what leaves the step is an ordinary failure, which a soft step contains.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType


class TooSlow(AssertionError):
    """A step was not done in its time."""


@dataclass(slots=True, eq=False)
class Limit:
    """The time of one step that is under way; `task` is the one that it is in, if any."""

    name: str
    seconds: float
    at: float  # when the next strike is due
    task: asyncio.Task[object] | None = None
    struck: int = 0
    fault: TooSlow | None = None
    _cancelled: int = 0
    _is_over: bool = False

    @property
    def is_elsewhere(self) -> bool:
        """Whether what runs now is another task, or none: then it must not raise there."""
        return self.task is not None and current_task() is not self.task

    def cancel_soon(self) -> None:
        """Ends what the task waits for; called where the loop does not run."""
        if self.task is not None:
            self.task.get_loop().call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self.task is not None and not self._is_over and self.task.cancel():
            self._cancelled += 1

    def lift(self) -> None:
        """The step has been left: what was cancelled for its sake no longer is."""
        self._is_over = True
        while self.task is not None and self._cancelled:
            self._cancelled -= 1
            self.task.uncancel()

    def told(self, trace: TracebackType | None, step: str) -> TooSlow:
        """The failure that this is, with the line where it was met first, in `step`."""
        if self.fault is None:
            whose = "" if step == self.name else f" that step {self.name!r} may take"
            self.fault = TooSlow(f"not done within {self.seconds:g} s{whose}")
            self.fault.__traceback__ = trace
        return self.fault


class Overdue(KeyboardInterrupt):
    """Raised at the author's line when a step's time is up; of that kind as Deadline is."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        super().__init__(f"not done within {limit.seconds:g} s")


@dataclass(slots=True)
class Limits:
    """Those of the steps that are under way."""

    _open: list[Limit] = field(default_factory=list)

    def add(self, limit: Limit) -> None:
        self._open.append(limit)

    def remove(self, limit: Limit) -> None:
        with suppress(ValueError):
            self._open.remove(limit)

    def clear(self) -> None:
        self._open.clear()

    def next(self) -> float | None:
        return min((limit.at for limit in self._open), default=None)

    def due(self, now: float) -> Limit | None:
        return next((limit for limit in self._open if limit.at <= now), None)

    def behind(self, error: BaseException | None) -> Limit | None:
        """Whose strike it was that raised this, if it was one's."""
        if isinstance(error, Overdue):
            return error.limit
        if isinstance(error, asyncio.CancelledError):
            struck = (one for one in self._open if one.struck and one.task is not None)
            task = current_task()
            return next((one for one in struck if one.task is task), None)
        return None


def current_task() -> asyncio.Task[object] | None:
    """None where no loop runs. In a sync journey it is one of Playwright's own."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
