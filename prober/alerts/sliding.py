"""What came in the last minutes or hours, and how much of it was too much?

Nothing here knows the clock: who adds a figure says when it was. A clock that is
set back makes what lies ahead of it as old as now.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable

FRESH = 60.0  # seconds for which a sentence about a window may be told again


class Window:
    """The figures of the last `over` seconds, and how many of them are above `limit`.

    It has every run `since` then: the first of this life, or for ever where those of
    an earlier one were put before.
    """

    __slots__ = ("_at", "_first", "_values", "above", "limit", "over", "said", "said_at", "since")

    def __init__(self, over: float, limit: float) -> None:
        self.over = over
        self.limit = limit
        self.above = 0
        self.said = ""  # the last sentence about it, made at `said_at`
        self.said_at = -math.inf
        self.since = math.inf
        self._at = array("d")
        self._values = array("d")
        self._first = 0  # what lies before is forgotten

    def __len__(self) -> int:
        return len(self._values) - self._first

    def add(self, value: float, now: float) -> None:
        self._set_back(now)
        self.since = min(self.since, now)
        self._at.append(now)
        self._values.append(value)
        self.above += value > self.limit
        self.forget(now)

    def forget(self, now: float) -> None:
        """What is `over` old, or older."""
        first, end = self._first, len(self._at)
        while first < end and self._at[first] <= now - self.over:
            self.above -= self._values[first] > self.limit
            first += 1
        if first > 32 and first * 2 > end:
            del self._at[:first], self._values[:first]
            first = 0
        self._first = first

    def is_clear(self, now: float) -> bool:
        """Whether all is known that could be in it, and nothing of that is above."""
        return not self.above and self.since <= now - self.over

    def put_before(self, earlier: Iterable[tuple[float, float]], now: float) -> None:
        """Moments and figures of before all that is there."""
        self.since = -math.inf
        latest = self._at[self._first] if len(self) else now
        older = sorted((min(at, latest), value) for at, value in earlier)
        self._at = array("d", [at for at, _ in older]) + self._at[self._first :]
        self._values = array("d", [value for _, value in older]) + self._values[self._first :]
        self.above += sum(value > self.limit for _, value in older)
        self._first = 0
        self.said_at = -math.inf
        self.forget(now)

    def fit(self, over: float, limit: float) -> None:
        """Other bounds from now on, for what is there as well."""
        if (over, limit) == (self.over, self.limit):
            return
        if over > self.over and len(self):
            self.since = max(self.since, self._at[-1] - self.over)
        self.over, self.limit = over, limit
        self.above = sum(value > limit for value in self._values[self._first :])
        self.said_at = -math.inf

    def quantile(self, share: float) -> float:
        """The least figure that so many of all do not go beyond; there is at least one."""
        return sorted(self._values[self._first :])[_rank(share, len(self)) - 1]

    def first_above(self) -> tuple[float, float] | None:
        """When it was, and the figure."""
        there = zip(self._at[self._first :], self._values[self._first :], strict=True)
        return next((one for one in there if one[1] > self.limit), None)

    def beyond(self, share: float) -> bool:
        """Whether that quantile is above the limit, without looking for it."""
        return len(self) - self.above < _rank(share, len(self))

    def _set_back(self, now: float) -> None:
        index = len(self._at)
        while index > self._first and self._at[index - 1] > now:
            index -= 1
            self._at[index] = now
            self.said_at = -math.inf


def _rank(share: float, count: int) -> int:
    return max(1, math.ceil(round(share * count, 9)))
