"""Which failures people have not been told of yet."""

from __future__ import annotations

from prober.notify import post
from prober.notify.lane import Lane


class News:
    """What failed last, by notifier; a lane knows its own."""

    def __init__(self) -> None:
        self._trouble: dict[str, str] = {}

    def first_heard(self, failure: str, notifier: str, lane: Lane | None = None) -> bool:
        """Neither the last failure of the notifier, by which lane ever, nor that of the lane."""
        news = post.without_answer(failure)
        known = {self._trouble.get(notifier), lane.trouble if lane else None}
        self._trouble[notifier] = news
        if lane:
            lane.trouble = news
        return news not in known

    def well(self, notifier: str) -> None:
        """It accepted: the next failure is news, whatever it is."""
        self._trouble.pop(notifier, None)
