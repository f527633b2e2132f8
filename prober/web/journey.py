"""What does the page say of a run in steps, as a journey's is? Pure: a result in, texts out.

Its steps in order, the vitals of the pages it saw (the last visit to each, as
the metrics have it), and what it left behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from prober.result import Evidence, Result, Step, Visit
from prober.units import show_duration
from prober.web.evidence import link

MOST_STEPS, MOST_PAGES = 50, 20  # on the page; the API has them all
AT_A_GLANCE, PAGES_AT_A_GLANCE = 12, 6  # more are folded away
LIMITS = {  # Google's: good up to the first, poor beyond the second
    "LCP": (2.5, 4.0),
    "INP": (0.2, 0.5),
    "CLS": (0.1, 0.25),
    "FCP": (1.8, 3.0),
    "TTFB": (0.8, 1.8),
}


@dataclass(frozen=True, slots=True)
class StepShown:
    name: str
    ok: bool
    took: str
    message: str


@dataclass(frozen=True, slots=True)
class VitalShown:
    """`rating` is good, fair or poor; empty where the browser reported nothing."""

    name: str
    value: str
    rating: str


@dataclass(frozen=True, slots=True)
class PageShown:
    """`times` is how often it was visited, `note` what else should be known of its last visit."""

    name: str
    url: str
    times: int
    vitals: tuple[VitalShown, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A file to look at; a `picture` is worth being seen at once."""

    kind: str
    address: str
    picture: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """One run as the page shows it; `further_…` are not among those that are shown."""

    steps: tuple[StepShown, ...]
    further_steps: int
    failed: tuple[StepShown, ...]
    pages: tuple[PageShown, ...]
    further_pages: int
    evidence: tuple[Piece, ...]

    @property
    def folded(self) -> bool:
        return len(self.steps) > AT_A_GLANCE

    @property
    def pages_folded(self) -> bool:
        return len(self.pages) > PAGES_AT_A_GLANCE

    @property
    def judgement(self) -> str:
        """How many vitals are not good: `2 poor, 1 fair`."""
        ratings = Counter(vital.rating for page in self.pages for vital in page.vitals)
        return ", ".join(f"{ratings[word]} {word}" for word in ("poor", "fair") if ratings[word])


def journey(result: Result | None) -> Journey | None:
    """None for a run that had no steps, or that came to nothing worth showing."""
    if result is None or not (result.steps or result.visits or result.evidence):
        return None
    told = told_by_a_step(result)
    whole = result.message if told is None else result.message.removeprefix(f"step {told.name!r}: ")
    steps = [_step(step, whole if step is told else step.message) for step in result.steps]
    times = Counter(visit.page for visit in result.visits)
    last = {visit.page: visit for visit in result.visits}
    pages = [_page(visit, times[page]) for page, visit in last.items()]
    return Journey(
        steps=tuple(steps[:MOST_STEPS]),
        further_steps=max(0, len(steps) - MOST_STEPS),
        failed=tuple(step for step in steps if not step.ok)[:MOST_STEPS],
        pages=tuple(pages[:MOST_PAGES]),
        further_pages=max(0, len(pages) - MOST_PAGES),
        evidence=tuple(_piece(one, result) for one in result.evidence),
    )


def told_by_a_step(result: Result) -> Step | None:
    """The failed step whose message the result's own says again; it is told there, in whole."""
    failed = (step for step in result.steps if not step.ok and step.message)
    return next((step for step in failed if step.message in result.message), None)


def _step(step: Step, message: str) -> StepShown:
    return StepShown(step.name, step.ok, show_duration(step.seconds), message)


def _page(visit: Visit, times: int) -> PageShown:
    values = {
        "LCP": visit.lcp, "INP": visit.inp, "CLS": visit.cls,
        "FCP": visit.fcp, "TTFB": visit.ttfb,
    }  # fmt: skip
    vitals = tuple(_vital(name, value) for name, value in values.items())
    return PageShown(visit.page, visit.url, times, vitals, ", ".join(_notes(visit)))


def _vital(name: str, value: float | None) -> VitalShown:
    if value is None:
        return VitalShown(name, "", "")
    good, fair = LIMITS[name]
    rating = "good" if value <= good else "fair" if value <= fair else "poor"
    return VitalShown(name, _score(value) if name == "CLS" else show_duration(value), rating)


def _score(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _notes(visit: Visit) -> Sequence[str]:
    counts = (
        (visit.js_errors, "script error", "script errors"),
        (visit.failed_requests, "failed request", "failed requests"),
    )
    said = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return (*said, *visit.quality)


def _piece(one: Evidence, result: Result) -> Piece:
    failed = result.reason is not None
    return Piece(one.kind, link(one.path), failed and one.path.endswith(".png"))
