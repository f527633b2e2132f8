"""What does the page say of a run in steps, as a journey's is? Pure: a result in, texts out.

Its steps in order, those it did not come to, the budgets it broke, the pages it
saw, and what it left behind.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from prober.result import Evidence, Result, Step
from prober.units import show_duration
from prober.web.evidence import link
from prober.web.visits import PageShown, caveats, pages, words

MOST_STEPS, MOST_PAGES = 50, 20  # on the page; the API has them all
AT_A_GLANCE, PAGES_AT_A_GLANCE = 12, 6  # more are folded away
GOOD = "good.png"  # the picture of the last run that was up


@dataclass(frozen=True, slots=True)
class StepShown:
    name: str
    ok: bool
    took: str
    message: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A file to look at; a `picture` is worth being seen at once; `good`: of a run that was up."""

    kind: str
    address: str
    picture: bool
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """One run as the page shows it; `further_…` are not among those that are shown."""

    steps: tuple[StepShown, ...]
    further_steps: int
    failed: tuple[StepShown, ...]
    skipped: tuple[str, ...]  # steps that it did not come to
    broken: tuple[str, ...]  # budgets
    further_broken: int
    caveats: tuple[str, ...]  # of all that was measured
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
    def has_trace(self) -> bool:
        return any(piece.kind == "trace" for piece in self.evidence)

    @property
    def judgement(self) -> str:
        """How many vitals are not good: `2 poor, 1 fair`."""
        ratings = Counter(vital.rating for page in self.pages for vital in page.vitals)
        return ", ".join(f"{ratings[word]} {word}" for word in ("poor", "fair") if ratings[word])


def journey(result: Result | None) -> Journey | None:
    """None for a run that had no steps, or that came to nothing worth showing."""
    if result is None or not (
        result.steps or result.visits or result.evidence or result.budgets or result.skipped
    ):
        return None
    told = told_by_a_step(result)
    whole = result.message if told is None else result.message.removeprefix(f"step {told.name!r}: ")
    steps = [_step(step, whole if step is told else step.message) for step in result.steps]
    seen = pages(result.visits, result.budgets)
    broken = [str(one) for one in result.budgets if not one.ok]
    return Journey(
        steps=tuple(steps[:MOST_STEPS]),
        further_steps=max(0, len(steps) - MOST_STEPS),
        failed=tuple(step for step in steps if not step.ok)[:MOST_STEPS],
        skipped=tuple(result.skipped[:MOST_STEPS]),
        broken=tuple(broken[:AT_A_GLANCE]),
        further_broken=max(0, len(broken) - AT_A_GLANCE),
        caveats=tuple(words(caveats(result.visits))),
        pages=tuple(seen[:MOST_PAGES]),
        further_pages=max(0, len(seen) - MOST_PAGES),
        evidence=tuple(_piece(one, result) for one in result.evidence),
    )


def told_by_a_step(result: Result) -> Step | None:
    """The failed step whose message the result's own says again; it is told there, in whole."""
    failed = (step for step in result.steps if not step.ok and step.message)
    return next((step for step in failed if step.message in result.message), None)


def _step(step: Step, message: str) -> StepShown:
    return StepShown(step.name, step.ok, show_duration(step.seconds), message)


def _piece(one: Evidence, result: Result) -> Piece:
    """A picture of what was good is worth being seen where something to compare it with is."""
    failed = result.reason is not None
    is_good = one.path.endswith(f"/{GOOD}")
    kind = f"{one.kind} of the last good run" if is_good and failed else one.kind
    picture = failed and one.path.endswith(".png")
    return Piece(kind, link(one.path), picture, picture and is_good)
