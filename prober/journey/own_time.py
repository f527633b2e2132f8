"""How much of the time that passes is the journey's own?

All but that in which it waited for us: for the vitals that are fetched before a
page is left, for a step that is noted in the trace. However many of its tasks
waited, that is taken off once; and it is taken off only where they were all
that went on. Beside another task of the author's the journey's time goes on: what
that one did was the journey's own, and whether it was what took longest nobody
can tell. So a step may look slower by what we took, never faster than it was.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from prober.clock import Clock


class Split:
    """The time from its making on, in two parts: while anybody holds it, and the rest.

    Neither of them ever goes back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()  # the last hand came to it, or left it
        self._holders = 0
        self._held = self._free = 0.0  # seconds until then

    def __enter__(self) -> None:
        self._turn(1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._turn(-1)

    @property
    def held(self) -> float:
        """Seconds until now."""
        return self._held + (self._clock.monotonic() - self._since if self._holders else 0.0)

    @property
    def free(self) -> float:
        """Seconds until now."""
        return self._free + (0.0 if self._holders else self._clock.monotonic() - self._since)

    def _turn(self, more: int) -> None:
        now = self._clock.monotonic()
        if self._holders:
            self._held += now - self._since
        else:
            self._free += now - self._since
        self._since = now
        self._holders += more


class OwnTime:
    """`is_alone`: whether nothing of the author's goes on but what asks."""

    def __init__(self, clock: Clock, is_alone: Callable[[], bool]) -> None:
        self._split = Split(clock)
        self._is_alone = is_alone

    def waiting(self) -> AbstractContextManager[None]:
        """A block in which the author's code waits for us."""
        return self._split if self._is_alone() else nullcontext()

    @property
    def seconds(self) -> float:
        """Until now; the difference of two is what passed in between, and never below 0."""
        return self._split.free
