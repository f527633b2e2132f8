"""What does a run of a journey become as metrics?

What the run did not see is absent: steps it did not come to, pages it did not
visit, vitals that the browser did not report. A page that was visited more
than once shows its last visit; its budgets are judged by its worst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from prober.probes.series import StepSeries
from prober.result import Reason, Result, Visit
from prober.series import MOST_PAGES, MOST_STEPS, Names, Series, escape

REASONS = (Reason.TIMEOUT, Reason.STEP, Reason.SCRIPT)

_Read: TypeAlias = "Callable[[Result], Sequence[tuple[str, float]]]"


class _Told:
    """The names that one check's gauges have used: beyond the limit its lifetime brings no more."""

    def __init__(self) -> None:
        self._pages, self._steps = Names(MOST_PAGES), Names(MOST_STEPS)

    def by_page(self, value: Callable[[Visit], float | None]) -> _Read:
        def read(result: Result) -> Sequence[tuple[str, float]]:
            last = {self._pages.of(visit.page): visit for visit in result.visits}
            found = ((page, value(visit)) for page, visit in last.items())
            return tuple((f'page="{escape(page)}"', n) for page, n in found if n is not None)

        return read

    def budgets(self, result: Result) -> Sequence[tuple[str, float]]:
        found = dict[str, float]()
        for one in result.budgets:
            page = "" if one.page is None else self._pages.of(one.page)
            labels = f'budget="{escape(self._budget(one.budget))}",page="{escape(page)}"'
            found[labels] = min(found.get(labels, 1.0), float(one.ok))
        return tuple(found.items())

    def _budget(self, name: str) -> str:
        kind, _, step = name.partition(" ")
        return f"{kind} {self._steps.of(step)}" if step else name


_BY_PAGE: tuple[tuple[str, str, Callable[[Visit], float | None]], ...] = (
    ("probe_web_vital_lcp_seconds", "Largest Contentful Paint of a page.", lambda v: v.lcp),
    ("probe_web_vital_inp_seconds", "Interaction to Next Paint of a page.", lambda v: v.inp),
    ("probe_web_vital_fcp_seconds", "First Contentful Paint of a page.", lambda v: v.fcp),
    ("probe_web_vital_ttfb_seconds", "Time To First Byte of a page.", lambda v: v.ttfb),
    ("probe_web_vital_cls", "Cumulative Layout Shift of a page.", lambda v: v.cls),
    ("probe_interactions", "Clicks, taps and keys that INP was measured of.", lambda v: v.interactions),
    ("probe_js_errors", "Errors that scripts of a page did not catch.", lambda v: v.js_errors),
    ("probe_failed_requests", "Requests of a page, its own too, that failed: no answer, or 400 and above.", lambda v: v.failed_requests),
)  # fmt: skip


def series() -> tuple[Series, ...]:
    """The gauges of one check."""
    told = _Told()
    return (
        *StepSeries().both(),
        *(Series(name, text, told.by_page(value)) for name, text, value in _BY_PAGE),
        Series("probe_budget_ok", "Whether a budget was kept.", told.budgets),
    )
