"""How are values counted by size, and how is that written?

A value may come with the trace that it was measured in. The newest of each
bucket is told beside the bucket once, as an exemplar: only OpenMetrics knows
these, so `without_exemplars` takes them out again.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate

from prober.export.family import number

_OWN = "\0"  # where the labels of a series stand in the text that all of a family share
# At the end of a line and nowhere else: inside of a label's value the quotes would be escaped.
_EXEMPLAR = re.compile(rb' # \{trace_id="[^"\\\n]*"\} \S+ \S+$', re.MULTILINE)


class Histogram:
    """One series of a histogram; `labels` is label text as it stands between the braces."""

    __slots__ = ("_buckets", "_edges", "_exemplars", "_labels", "_sum", "_text")

    def __init__(self, name: str, labels: str, edges: tuple[float, ...]) -> None:
        self._edges = edges
        self._buckets = [0] * (len(edges) + 1)
        self._sum = 0.0
        self._labels = labels
        self._text = _lines(name, edges)
        # By bucket, since the text was made last: trace, value, when.
        self._exemplars: dict[int, tuple[str, float, float]] = {}

    def observe(self, value: float, trace_id: str = "", at: float = 0.0) -> None:
        """`at` is when it was, in Unix seconds."""
        bucket = bisect_left(self._edges, value)
        self._buckets[bucket] += 1
        self._sum += value
        if trace_id:
            self._exemplars[bucket] = (trace_id, value, at)

    def text(self) -> str:
        """The lines; exemplars of what came since this was asked last."""
        counts = tuple(accumulate(self._buckets))
        shown = self._with_exemplars(counts) if self._exemplars else counts
        return (self._text % (*shown, number(self._sum), counts[-1])).replace(_OWN, self._labels)

    def _with_exemplars(self, counts: Sequence[int]) -> Sequence[int | str]:
        shown: list[int | str] = [*counts]
        for bucket, (trace_id, value, at) in self._exemplars.items():
            shown[bucket] = f'{counts[bucket]} # {{trace_id="{trace_id}"}} {value!r} {at:.3f}'
        self._exemplars = {}
        return shown


def without_exemplars(text: bytes) -> bytes:
    """The same lines as they are written in the format that has no exemplars."""
    return _EXEMPLAR.sub(b"", text)


@lru_cache
def merged(edges: tuple[float, ...], more: tuple[float, ...]) -> tuple[float, ...]:
    """One for all checks that have the same."""
    return tuple(sorted({*edges, *map(_plain, more)}))


def bound(edge: float) -> str:
    """The text of an edge in the label `le`: rules ask for it, so there is one way to write it."""
    return repr(_plain(edge))


def _plain(edge: float) -> float:
    """700 ms are 0.7 s, whatever comes of 700 times 0.001."""
    return float(f"{edge:.12g}")


def bounds(edges: Iterable[float]) -> list[str]:
    return [*map(bound, edges), "+Inf"]


@lru_cache
def _lines(name: str, edges: tuple[float, ...]) -> str:
    """With %s in the place of each number."""
    buckets = "".join([f'{name}_bucket{{{_OWN},le="{one}"}} %s\n' for one in bounds(edges)])
    return f"{buckets}{name}_sum{{{_OWN}}} %s\n{name}_count{{{_OWN}}} %s\n"
