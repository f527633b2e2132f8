"""Which runs of a window are to blame: since when, in what words the first failed, and what the last found?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from operator import itemgetter

from prober.result import Reason, Result

MOST = 20  # different errors of one window; of more the first, and the newest, are kept
WORDS = 300  # characters of one


class Blamed:
    """Equal errors one after the other are kept as one, with the moment of the last of them."""

    __slots__ = ("_said", "run")

    def __init__(self) -> None:
        self._said: deque[tuple[float, str]] = deque()
        self.run: Result | None = None  # the last one, of this life

    @property
    def first(self) -> str:
        return self._said[0][1] if self._said else ""

    @property
    def last(self) -> str:
        return self._said[-1][1] if self._said else ""

    def add(self, run: Result, now: float) -> None:
        """Of runs that were too slow, and failed in nothing, there are no words."""
        self.run = run
        if text := words(run.reason, run.message):
            self._add(now, text)

    def forget(self, until: float) -> None:
        """What was until then."""
        while self._said and self._said[0][0] <= until:
            self._said.popleft()

    def put_before(self, earlier: Iterable[tuple[float, str]]) -> None:
        """Moments and words of before all that is there."""
        later, self._said = self._said, deque()
        for at, text in (*sorted(earlier, key=itemgetter(0)), *later):
            self._add(at, text)

    def _add(self, at: float, text: str) -> None:
        if self._said and self._said[-1][0] > at:  # the clock was set back
            self._said = deque((min(before, at), said) for before, said in self._said)
        if self._said and self._said[-1][1] == text:
            self._said.pop()
        self._said.append((at, text))
        if len(self._said) > MOST:
            del self._said[1]


def words(reason: Reason | None, message: str) -> str:
    return ": ".join(filter(None, (reason.value if reason else "", message)))[:WORDS]
