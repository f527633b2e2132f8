"""What has been counted of one check since the agent started?

Counters and histograms, each with its ready text. Children that can occur
are there from the start, at 0; what occurred is never taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prober.export.histogram import Histogram
from prober.export.vitals import Vitals
from prober.result import Fact, Outcome, Reason, Result

EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JOURNEY_EDGES = (0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
OUTCOMES = ("up", "down", "unknown", "maintenance")
MEASURED = frozenset({Reason.LATENCY, Reason.TIMEOUT})  # down for taking long: durations that count
CODES = 20  # of one check; further ones are counted as `other`


class Tally:
    """Of one check of `kind`; `labels` is its own label text, which every line begins with."""

    def __init__(self, kind: str, labels: str, reasons: Sequence[Reason]) -> None:
        journey = kind == "journey"
        self._labels = labels
        self._outcomes = dict.fromkeys(OUTCOMES, 0)
        self._reasons: dict[str, int] = {}
        self._codes: dict[Fact, int] = {}
        self._has_codes = kind == "http"
        self._durations = Histogram(
            "prober_run_duration_seconds", labels, JOURNEY_EDGES if journey else EDGES
        )
        self._vitals = Vitals(labels) if journey else None
        self._flaky = 0
        self._runs_text = _lines("prober_runs_total", labels, "outcome", OUTCOMES)
        self.expect(reasons)

    def expect(self, reasons: Sequence[Reason]) -> None:
        """The reasons that can occur from now on; others stay only if they have occurred."""
        seen = {reason: count for reason, count in self._reasons.items() if count}
        self._reasons = {**dict.fromkeys((r.value for r in reasons), 0), **seen}

    def count(self, result: Result) -> None:
        """Called a thousand times a second, mostly with what is well."""
        outcome = result.finding.outcome
        if outcome is Outcome.UP:
            self._outcomes["up"] += 1
            self._durations.observe(result.seconds)
            if result.attempts > 1:
                self._flaky += 1
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
        reason = result.reason
        if outcome is Outcome.DOWN and reason is not None:
            self._reasons[reason.value] = self._reasons.get(reason.value, 0) + 1
        if reason in MEASURED:
            self._durations.observe(result.seconds)

    def _count_code(self, code: Fact) -> None:
        if code not in self._codes and len(self._codes) >= CODES:
            code = "other"
        self._codes[code] = self._codes.get(code, 0) + 1

    def texts(self) -> Iterator[tuple[str, str]]:
        """The lines of each family that there is something to say of."""
        yield "prober_runs_total", self._runs_text % tuple(self._outcomes.values())
        yield "prober_run_duration_seconds", self._durations.text()
        yield (
            "prober_runs_flaky_total",
            f"prober_runs_flaky_total{{{self._labels}}} {self._flaky}\n",
        )
        yield "prober_failures_total", self._failures()
        yield "prober_http_responses_total", self._responses()
        if self._vitals:
            yield from self._vitals.texts()

    def _failures(self) -> str:
        text = _lines("prober_failures_total", self._labels, "reason", self._reasons)
        return text % tuple(self._reasons.values())

    def _responses(self) -> str:
        text = _lines("prober_http_responses_total", self._labels, "code", self._codes)
        return text % tuple(self._codes.values())


def _lines(name: str, labels: str, label: str, values: Iterable[object]) -> str:
    """A line for each value of a label, with %s in the place of the number."""
    start = f'{name}{{{labels},{label}="'.replace("%", "%%")
    return "".join([f'{start}{value}"}} %s\n' for value in values])
