"""When is which alert to be looked at next, if nothing happens before?"""

from __future__ import annotations

import heapq

from prober.alerts.state import Key

OUTDATED = 100  # alarms that may be set for nothing before they are cleared away


class Alarms:
    """One alarm for each alert; a later one takes the place of that before it."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, Key]] = []  # may hold what is outdated
        self._due: dict[Key, float] = {}  # the entry of it that counts

    @property
    def next(self) -> float | None:
        """When the next one rings, at the earliest."""
        return self._heap[0][0] if self._heap else None

    def set(self, key: Key, moment: float) -> None:
        self._due[key] = moment
        heapq.heappush(self._heap, (moment, key))
        if len(self._heap) > 2 * len(self._due) + OUTDATED:
            self._heap = [(due, its) for its, due in self._due.items()]
            heapq.heapify(self._heap)

    def drop(self, key: Key) -> None:
        self._due.pop(key, None)

    def clear(self) -> None:
        self._heap, self._due = [], {}

    def ringing(self, now: float, most: int) -> list[Key]:
        """Those that are due, but no more than `most` at once; each rings once."""
        keys: list[Key] = []
        while self._heap and self._heap[0][0] <= now and len(keys) < most:
            moment, key = heapq.heappop(self._heap)
            if self._due.get(key) == moment:
                del self._due[key]
                keys.append(key)
        return keys
