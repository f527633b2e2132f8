"""How is code ended that does not end by itself?

Signals only set in: SIGUSR1 is the deadline, SIGALRM whatever this file has
planned. Both end in a strike, which raises where that can do no harm: in the
author's code, or where the loop of Playwright waits. An author may swallow
what is raised, so there is another strike every half a second, and after a few
of them the journey is abandoned.
"""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable
from enum import Enum, auto
from types import FrameType, TracebackType

import playwright

from prober.clock import SystemClock
from prober.journey.limits import Limit, Limits, Overdue
from prober.journey.where import Authors

AGAIN = 0.5  # seconds between two strikes
STRIKES = 4  # that a function may swallow before it is abandoned
LAST_WORD = 4.3  # seconds after the deadline: in 5 s the agent ends what has not ended
_SOON = 0.01  # seconds until the next try where a strike would do harm
_QUICK = 0.00002  # until the author's code is met between two calls of Playwright's
_UNHEARD = 0.05  # between two alarms of which the first was not heard
_OURS = os.path.join(os.path.dirname(__file__), "")
_PLAYWRIGHTS = os.path.join(os.path.dirname(playwright.__file__), "")


class Deadline(KeyboardInterrupt):
    """Raised at the author's line when time is up.

    Of KeyboardInterrupt's kind because asyncio and Playwright let that through
    and contain everything else.
    """


def raised_at(frame: FrameType | None) -> Deadline:
    """What the code of this frame would have raised, had it let it through."""
    if frame is None:
        return Deadline()
    return Deadline().with_traceback(TracebackType(None, frame, frame.f_lasti, frame.f_lineno))


class Elapsed(KeyboardInterrupt):
    """A bounded call of ours took too long."""


class CallbackOver(Exception):
    """Raised in an author's event handler, where Playwright has to go on afterwards."""


class _Place(Enum):
    OURS = auto()
    AUTHORS = auto()
    CALLBACK = auto()
    WAITING = auto()
    BETWEEN = auto()


class Interrupt:
    """Created in the main thread, where signals arrive."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._authors: Authors | None = None
        self._raise: type[KeyboardInterrupt] | None = None
        self._wake: Callable[[], None] | None = None
        self._abandon: Callable[[Deadline], None] | None = None
        self._heeds_deadline = False
        self._strike_at: float | None = None
        self._last_at: float | None = None
        self._last: Callable[[], None] | None = None
        self.limits = Limits()
        self.struck = 0
        self.passed: float | None = None  # when the deadline did
        signal.signal(signal.SIGUSR1, self._on_deadline)
        signal.signal(signal.SIGALRM, self._on_alarm)

    @property
    def exhausted(self) -> bool:
        return self.struck >= STRIKES

    @property
    def under_way(self) -> bool:
        """Whether the author's code runs, which is struck at its own time."""
        return self._raise is Deadline

    @property
    def is_late(self) -> bool:
        """Whether the author's code still runs, though the deadline has passed."""
        return self.under_way and self.passed is not None

    def begin(
        self,
        authors: Authors,
        *,
        wake: Callable[[], None] | None = None,
        abandon: Callable[[Deadline], None] | None = None,
        within: float | None = None,
    ) -> None:
        """From now on the author's code runs; it is struck after `within`, else at the deadline.

        `wake` is called where the loop waits, instead of raising there;
        `abandon` when the author's code has swallowed all strikes.
        """
        self._authors, self._wake, self._abandon = authors, wake, abandon
        self._raise, self.struck = Deadline, 0
        self._heeds_deadline = within is None
        if within is not None:
            self._strike_in(within)
        elif self.passed is not None:
            self._last_at = self.passed + LAST_WORD
            self._strike_in(_SOON)

    def limit(self, limit: Limit) -> None:
        """A step has begun that may take so long; until `lift`."""
        self.limits.add(limit)
        self._arm()

    def lift(self, limit: Limit) -> None:
        self.limits.remove(limit)
        limit.lift()
        self._arm()

    def behind(self, error: BaseException | None) -> Limit | None:
        """The step whose time was up, where that has raised this."""
        return None if self.struck else self.limits.behind(error)

    def end(self) -> None:
        self.limits.clear()
        self._raise = self._wake = self._abandon = self._strike_at = None
        self._arm()

    def bound(self, seconds: float) -> None:
        """From now on a call of ours runs, which is struck after `seconds`; until `end`."""
        self._raise = Elapsed
        self._strike_in(seconds)

    def last(self, what: Callable[[], None], seconds: float | None = None) -> None:
        """Calls `what` after so long, wherever the program is then; else soon after the deadline."""
        self._last = what
        if seconds is not None:
            self._last_at = self._clock.monotonic() + seconds
            self._arm()

    def _on_deadline(self, number: int, frame: FrameType | None) -> None:
        if self.passed is None:
            self.passed = self._clock.monotonic()
            if self._raise is Deadline and self._heeds_deadline:
                self._last_at = self.passed + LAST_WORD
                self._strike(frame)

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        now = self._clock.monotonic()
        if self._last is not None and self._last_at is not None and now >= self._last_at:
            self._last_at = None
            self.end()  # nothing may strike the last word
            self._last()
        elif self._strike_at is not None and now >= self._strike_at:
            self._strike(frame)
        elif limit := self.limits.due(now):
            self._strike_for(limit, now, frame)
        else:
            self._arm()

    def _strike_for(self, limit: Limit, now: float, frame: FrameType | None) -> None:
        """A step's time is up. The deadline, once it is past, has the only word."""
        place = self._place(frame)
        lands = self.under_way and not self.struck and not self._is_inside_playwright(frame)
        if not lands or place in (_Place.OURS, _Place.BETWEEN):
            limit.at = now + (AGAIN if self.struck else _SOON)
            self._arm()
            return
        limit.at = now + AGAIN
        limit.struck += 1
        self._arm()
        if place is _Place.CALLBACK:
            raise CallbackOver("its time is over")
        if limit.task is not None and (place is _Place.WAITING or limit.is_elsewhere):
            limit.cancel_soon()
        else:
            raise Overdue(limit)

    def _is_inside_playwright(self, frame: FrameType | None) -> bool:
        """Whether a call of the author's is at work there: a journey that goes on needs it whole."""
        passed = False
        while frame is not None:
            file = frame.f_code.co_filename
            if self._authors is not None and self._authors.wrote(file):
                return passed
            passed = passed or file.startswith(_PLAYWRIGHTS)
            frame = frame.f_back
        return False

    def _strike(self, frame: FrameType | None) -> None:
        if self._raise is None:
            return
        place = self._place(frame)
        if place is _Place.AUTHORS and self.exhausted and self._abandon is not None:
            abandon, error = self._abandon, self._at(frame)
            self.end()
            abandon(error)
        elif place in (_Place.OURS, _Place.BETWEEN):
            self._strike_in(_QUICK if self.exhausted else _SOON)
        else:
            self._land(place)

    def _land(self, place: _Place) -> None:
        self.struck += 1
        self._strike_in(_QUICK if self.exhausted and self._abandon else AGAIN)
        if place is _Place.CALLBACK:
            raise CallbackOver("its time is over")
        if self._wake is not None and place is not _Place.AUTHORS:
            self._wake()
        elif self._raise is not None:
            raise self._raise

    def _at(self, frame: FrameType | None) -> Deadline:
        """As if it had been raised at the author's line."""
        while frame and not (self._authors and self._authors.wrote(frame.f_code.co_filename)):
            frame = frame.f_back
        return raised_at(frame)

    def _place(self, frame: FrameType | None) -> _Place:
        if frame is None or frame.f_code.co_filename.startswith(_OURS):
            return _Place.OURS
        innermost, theirs = frame, False
        outer: FrameType | None = frame
        while outer is not None:
            file = outer.f_code.co_filename
            if theirs and file.startswith(_PLAYWRIGHTS):
                return _Place.CALLBACK
            theirs = theirs or (self._authors is not None and self._authors.wrote(file))
            outer = outer.f_back
        if theirs:
            return _Place.AUTHORS
        waits = innermost.f_code
        if waits.co_name == "select" and waits.co_filename == selectors.__file__:
            return _Place.WAITING
        return _Place.BETWEEN

    def _strike_in(self, seconds: float) -> None:
        self._strike_at = self._clock.monotonic() + seconds
        self._arm()

    def _arm(self) -> None:
        planned = (self._strike_at, self._last_at, self.limits.next())
        moments = [at for at in planned if at is not None]
        if moments:
            wait = max(min(moments) - self._clock.monotonic(), _QUICK)
            # One that comes just before the program begins to sleep does not wake it: so there is another.
            signal.setitimer(signal.ITIMER_REAL, wait, _UNHEARD)
        else:
            signal.setitimer(signal.ITIMER_REAL, 0)
