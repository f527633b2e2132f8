"""How are values counted by size, and how is that written?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from prober.export.family import number

_OWN = "\0"  # where the labels of a series stand in the text that all of a family share


class Histogram:
    """One series of a histogram; `labels` is label text as it stands between the braces."""

    __slots__ = ("_buckets", "_edges", "_labels", "_sum", "_text")

    def __init__(self, name: str, labels: str, edges: tuple[float, ...]) -> None:
        self._edges = edges
        self._buckets = [0] * (len(edges) + 1)
        self._sum = 0.0
        self._labels = labels
        self._text = _lines(name, edges)

    def observe(self, value: float) -> None:
        self._buckets[bisect_left(self._edges, value)] += 1
        self._sum += value

    def text(self) -> str:
        counts = tuple(accumulate(self._buckets))
        return (self._text % (*counts, number(self._sum), counts[-1])).replace(_OWN, self._labels)


@lru_cache
def _lines(name: str, edges: Sequence[float]) -> str:
    """With %s in the place of each number."""
    bounds = [*map(repr, edges), "+Inf"]
    buckets = "".join([f'{name}_bucket{{{_OWN},le="{bound}"}} %s\n' for bound in bounds])
    return f"{buckets}{name}_sum{{{_OWN}}} %s\n{name}_count{{{_OWN}}} %s\n"
