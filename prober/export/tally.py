"""What has been counted of one check since the agent started?

Counters and a histogram, each with its ready text. Children that can occur
are there from the start, at 0; what occurred is never taken back.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prober.export.family import number
from prober.result import Outcome, Reason, Result

EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OUTCOMES = ("up", "down", "unknown", "maintenance")
MEASURED = frozenset({Reason.LATENCY, Reason.TIMEOUT})  # down for taking long: durations that count
CODES = 20  # of one check; further ones are counted as `other`


class Tally:
    """`labels` is the check's own label text, which every line begins with."""

    def __init__(self, labels: str, reasons: Sequence[Reason]) -> None:
        self._labels = labels
        self._outcomes = dict.fromkeys(OUTCOMES, 0)
        self._reasons: dict[str, int] = {}
        self._codes: dict[str, int] = {}
        self._buckets = [0] * (len(EDGES) + 1)
        self._sum = 0.0
        self.flaky = 0
        self._runs_text = _lines("prober_runs_total", labels, "outcome", OUTCOMES)
        self._durations_text = _histogram(labels)
        self.expect(reasons)

    def expect(self, reasons: Sequence[Reason]) -> None:
        """The reasons that can occur from now on; others stay only if they have occurred."""
        seen = {reason: count for reason, count in self._reasons.items() if count}
        self._reasons = {**dict.fromkeys((r.value for r in reasons), 0), **seen}

    def count(self, result: Result) -> None:
        self._outcomes[result.outcome.value] += 1
        reason = result.reason
        if result.outcome is Outcome.DOWN and reason is not None:
            self._reasons[reason.value] = self._reasons.get(reason.value, 0) + 1
        if result.outcome is Outcome.UP or reason in MEASURED:
            self._buckets[bisect_left(EDGES, result.seconds)] += 1
            self._sum += result.seconds
        if result.outcome is Outcome.UP and result.attempts > 1:
            self.flaky += 1
        if result.kind == "http" and "status_code" in result.facts:
            self._answered(str(result.facts["status_code"]))

    def _answered(self, code: str) -> None:
        if code not in self._codes and len(self._codes) >= CODES:
            code = "other"
        self._codes[code] = self._codes.get(code, 0) + 1

    def runs(self) -> str:
        return self._runs_text % tuple(self._outcomes.values())

    def durations(self) -> str:
        counts = tuple(accumulate(self._buckets))
        return self._durations_text % (*counts, number(self._sum), counts[-1])

    def failures(self) -> str:
        text = _lines("prober_failures_total", self._labels, "reason", self._reasons)
        return text % tuple(self._reasons.values())

    def responses(self) -> str:
        text = _lines("prober_http_responses_total", self._labels, "code", self._codes)
        return text % tuple(self._codes.values())


def _lines(name: str, labels: str, label: str, values: Iterable[str]) -> str:
    """A line for each value of a label, with %s in the place of the number."""
    start = f'{name}{{{labels},{label}="'.replace("%", "%%")
    return "".join([f'{start}{value}"}} %s\n' for value in values])


def _histogram(labels: str) -> str:
    """The text of a histogram, with %s in the place of each bucket, the sum and the count."""
    name, own = "prober_run_duration_seconds", labels.replace("%", "%%")
    buckets = _lines(f"{name}_bucket", labels, "le", [*map(repr, EDGES), "+Inf"])
    return f"{buckets}{name}_sum{{{own}}} %s\n{name}_count{{{own}}} %s\n"
