"""Which failures have people not been told of yet, and who has lost something?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from prober.notify import answers
from prober.notify.lane import Lane


class News:
    """What failed last, by notifier; a lane knows its own."""

    def __init__(self) -> None:
        self._trouble: dict[str, str] = {}

    def first_heard(self, failure: str, notifier: str, lane: Lane | None = None) -> bool:
        """Neither the last failure of the notifier, by which lane ever, nor that of the lane."""
        news = answers.without_answer(failure)
        known = {self._trouble.get(notifier), lane.trouble if lane else None}
        self._trouble[notifier] = news
        if lane:
            lane.trouble = news
        return news not in known

    def well(self, notifier: str) -> None:
        """It accepted: the next failure is news, whatever it is."""
        self._trouble.pop(notifier, None)


# Hears what a notifier was never told, and why; None once it accepts (again), or is gone.
Undelivered: TypeAlias = Callable[[str, str | None], None]


class Well:
    """Says of each notifier when it loses something, and with its next acceptance that it is well.

    Also with its first in this process: what it had lost before the start is over as well.
    """

    def __init__(self, undelivered: Undelivered) -> None:
        self._undelivered = undelivered
        self._well: set[str] = set()

    def accepted(self, notifier: str) -> None:
        if notifier not in self._well:
            self._well.add(notifier)
            self._undelivered(notifier, None)

    def lost(self, notifier: str, what: str) -> None:
        self._well.discard(notifier)
        self._undelivered(notifier, what)

    def gone(self, notifier: str) -> None:
        """Nobody is left who could miss anything."""
        self._well.discard(notifier)
        self._undelivered(notifier, None)
