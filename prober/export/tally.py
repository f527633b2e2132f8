"""What has been counted of one check since the agent started?

Counters and histograms, each with its ready text. Children that can occur
are there from the start, at 0; what occurred is never taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from prober.export.histogram import Histogram, merged
from prober.export.vitals import Vitals
from prober.result import Fact, Outcome, Reason, Result

EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JOURNEY_EDGES = (0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
OUTCOMES = ("up", "down", "unknown", "maintenance")
MEASURED = frozenset({Reason.LATENCY, Reason.TIMEOUT})  # down for taking long: durations that count
_OWN = "\0"  # where a check's own labels stand in the text that all of them share
_RUNS = "".join(f'prober_runs_total{{{_OWN},outcome="{outcome}"}} %s\n' for outcome in OUTCOMES)
CODES = 20  # of one check; further ones are counted as `other`


class Tally:
    """Of one check of `kind`; `labels` is its own label text, which every line begins with.

    `edges` are of its durations' histogram, beside those that all of its kind have.
    """

    __slots__ = (
        "_codes",
        "_durations",
        "_edges",
        "_expected",
        "_flaky",
        "_has_codes",
        "_labels",
        "_outcomes",
        "_reasons",
        "_seldom",
        "_vitals",
    )

    def __init__(
        self, kind: str, labels: str, reasons: Sequence[Reason], edges: tuple[float, ...] = ()
    ) -> None:
        journey = kind == "journey"
        self._labels = labels
        self._outcomes = dict.fromkeys(OUTCOMES, 0)
        self._reasons: dict[str, int] = {}  # those that have occurred
        self._codes: dict[Fact, int] = {}
        self._has_codes = kind == "http"
        self._edges: tuple[float, ...] = ()
        self._vitals = Vitals(labels) if journey else None
        self._flaky = 0
        self._seldom = True  # what seldom changes has, since it was written
        self.expect(reasons)
        self.measure(edges)

    def expect(self, reasons: Sequence[Reason]) -> None:
        """The reasons that can occur from now on; others stay only if they have occurred."""
        self._expected = _none_of(tuple(reasons))
        self._seldom = True

    def measure(self, edges: tuple[float, ...]) -> bool:
        """Durations by these edges, too, from now on; whether that is something new.

        What is counted by others is worth nothing to them, so it begins anew.
        """
        whole = merged(JOURNEY_EDGES if self._vitals else EDGES, edges)
        if is_new := whole != self._edges:
            self._edges = whole
            self._durations = Histogram("prober_run_duration_seconds", self._labels, whole)
        return is_new

    def count(self, result: Result) -> None:
        """Called a thousand times a second, mostly with what is well."""
        if result.maintenance:
            self._outcomes["maintenance"] += 1
            return
        outcome = result.finding.outcome
        if outcome is Outcome.UP:
            self._outcomes["up"] += 1
            self._durations.observe(result.seconds, result.run_id, result.started_at)
            if result.attempts > 1:
                self._flaky += 1
                self._seldom = True
        else:
            self._count_trouble(outcome, result)
        code = result.facts.get("status_code") if self._has_codes else None
        if code is not None:
            self._count_code(code)
        if self._vitals and outcome is not Outcome.UNKNOWN:
            for visit in result.visits:
                self._vitals.count(visit)

    def _count_trouble(self, outcome: Outcome, result: Result) -> None:
        self._outcomes[outcome.value] += 1
        self._seldom = True
        reason = result.reason
        if outcome is Outcome.DOWN and reason is not None:
            self._reasons[reason.value] = self._reasons.get(reason.value, 0) + 1
        if reason in MEASURED:
            self._durations.observe(result.seconds, result.run_id, result.started_at)

    def _count_code(self, code: Fact) -> None:
        if code not in self._codes and len(self._codes) >= CODES:
            code = "other"
        self._codes[code] = self._codes.get(code, 0) + 1

    def texts(self) -> Iterator[tuple[str, str]]:
        """The lines of each family in which there is something new to say."""
        labels = self._labels
        yield "prober_runs_total", self._runs()
        yield "prober_run_duration_seconds", self._durations.text()
        if self._codes:
            yield "prober_http_responses_total", self._responses()
        if self._seldom:
            self._seldom = False
            flaky = f"prober_runs_flaky_total{{{labels}}} {self._flaky}\n"
            yield "prober_runs_flaky_total", flaky
            yield "prober_failures_total", self._failures()
        if self._vitals:
            yield from self._vitals.texts()

    def _runs(self) -> str:
        return (_RUNS % tuple(self._outcomes.values())).replace(_OWN, self._labels)

    def _failures(self) -> str:
        start = f'prober_failures_total{{{self._labels},reason="'
        counts = {**self._expected, **self._reasons}
        return "".join([f'{start}{why}"}} {count}\n' for why, count in counts.items()])

    def _responses(self) -> str:
        start = f'prober_http_responses_total{{{self._labels},code="'
        return "".join([f'{start}{code}"}} {count}\n' for code, count in self._codes.items()])


@lru_cache
def _none_of(reasons: tuple[Reason, ...]) -> Mapping[str, int]:
    """One for all checks that can fail for the same reasons."""
    return {reason.value: 0 for reason in reasons}
