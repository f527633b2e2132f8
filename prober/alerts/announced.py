"""Which windows of maintenance have been announced, and which are to be now?

What was told of a window is kept as an alert state that never fires, so that a
restart says nothing twice: `since` is its start, `up_since` its end.
"""

from __future__ import annotations

from prober.alerts import notice
from prober.alerts.book import Book
from prober.alerts.faults import AGENT
from prober.alerts.notice import Links, WindowTold
from prober.alerts.periods import REPORT
from prober.alerts.saying import Saying
from prober.alerts.state import QUIET, AlertState, Key
from prober.alerts.windows import Maintenance

_WINDOW = "@window "  # before the name of the window, where a rule has its own


def is_window(key: Key) -> bool:
    return key[1].startswith(_WINDOW)


def is_remark(key: Key) -> bool:
    """Whether it keeps what was told of something that is no alert."""
    return key[1].startswith((_WINDOW, REPORT))


class Announced:
    def __init__(self, book: Book, saying: Saying) -> None:
        self._book = book
        self._saying = saying
        self._windows: dict[str, Maintenance] = {}  # of which somebody wants to hear
        self.next: float | None = None  # when one begins or ends

    def configure(self, now: float) -> None:
        """Under the plan of `saying`; nothing is said before `tick`."""
        self._windows = {one.name: one for one in self._saying.plan.windows if one.notify}
        told = any(is_window(key) for key in self._book.states)
        self.next = now if self._windows or told else None

    def tick(self, now: float) -> None:
        if self.next is None or now < self.next:
            return
        for key in [key for key in self._book.states if is_window(key)]:
            state = self._book.states[key]
            name = key[1].removeprefix(_WINDOW)
            if name not in self._windows or now >= (state.up_since or 0.0):
                self._over(key, state, now)
        moments = [moment for one in self._windows.values() for moment in self._begin(one, now)]
        self.next = min(moments, default=None)

    def _begin(self, window: Maintenance, now: float) -> list[float]:
        """Tells that it has, if it has; the moments at which it is to be looked at again."""
        span = window.span(now)
        if span is None:
            return []
        if span.start > now:
            return [span.start]
        key = (AGENT, _WINDOW + window.name)
        if self._book.get(key).since != span.start:
            state = AlertState(since=span.start, up_since=span.end, told=window.notify)
            self._book.keep(key, state)
            if self._saying.plan.notify:
                told = self._told(window.name, state)
                self._saying.say(notice.window_begun(told, self._links()), state.told, 0)
        return [span.end]

    def _over(self, key: Key, state: AlertState, now: float) -> None:
        self._book.keep(key, QUIET)
        if self._saying.plan.notify:
            told = self._told(key[1].removeprefix(_WINDOW), state)
            self._saying.say(notice.window_over(told, self._links(), now), state.told, 0)

    def _told(self, name: str, state: AlertState) -> WindowTold:
        plan = self._saying.plan
        return WindowTold(
            name=name,
            region=plan.region,
            begins=state.since or 0.0,
            ends=state.up_since,
            labels=plan.labels,
        )

    def _links(self) -> Links:
        return Links(external_url=self._saying.plan.external_url)
