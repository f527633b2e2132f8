"""How are values counted by size, and how is that written?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from prober.export.family import number


class Histogram:
    """One series of a histogram; `labels` is label text as it stands between the braces."""

    __slots__ = ("_buckets", "_edges", "_sum", "_text")

    def __init__(self, name: str, labels: str, edges: Sequence[float]) -> None:
        self._edges = edges
        self._buckets = [0] * (len(edges) + 1)
        self._sum = 0.0
        own = labels.replace("%", "%%")
        bounds = [*map(repr, edges), "+Inf"]
        buckets = "".join([f'{name}_bucket{{{own},le="{bound}"}} %s\n' for bound in bounds])
        self._text = f"{buckets}{name}_sum{{{own}}} %s\n{name}_count{{{own}}} %s\n"

    def observe(self, value: float) -> None:
        self._buckets[bisect_left(self._edges, value)] += 1
        self._sum += value

    def text(self) -> str:
        counts = tuple(accumulate(self._buckets))
        return self._text % (*counts, number(self._sum), counts[-1])
