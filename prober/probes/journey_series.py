"""What does a run of a journey become as metrics?

What the run did not see is absent: steps it did not come to, pages it did not
visit, vitals that the browser did not report. A page that was visited more
than once shows its last visit; a step that was taken more than once its last
time, and as failed if it ever did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from prober.result import Reason, Result, Step, Visit
from prober.series import MOST_PAGES, MOST_STEPS, Names, Series, escape

REASONS = (Reason.TIMEOUT, Reason.STEP, Reason.SCRIPT)

_Read: TypeAlias = "Callable[[Result], Sequence[tuple[str, float]]]"


class _Told:
    """The names that one check's gauges have used: beyond the limit its lifetime brings no more."""

    def __init__(self) -> None:
        self._steps, self._pages = Names(MOST_STEPS), Names(MOST_PAGES)

    def _taken(self, result: Result) -> Mapping[str, list[Step]]:
        found = dict[str, list[Step]]()
        for step in result.steps:
            found.setdefault(self._steps.of(step.name), []).append(step)
        return found

    def durations(self, result: Result) -> Sequence[tuple[str, float]]:
        steps = self._taken(result).items()
        return tuple((f'step="{escape(name)}"', taken[-1].seconds) for name, taken in steps)

    def successes(self, result: Result) -> Sequence[tuple[str, float]]:
        steps = self._taken(result).items()
        return tuple(
            (f'step="{escape(name)}"', float(all(step.ok for step in taken)))
            for name, taken in steps
        )

    def by_page(self, value: Callable[[Visit], float | None]) -> _Read:
        def read(result: Result) -> Sequence[tuple[str, float]]:
            last = {self._pages.of(visit.page): visit for visit in result.visits}
            found = ((page, value(visit)) for page, visit in last.items())
            return tuple((f'page="{escape(page)}"', n) for page, n in found if n is not None)

        return read


_BY_PAGE: tuple[tuple[str, str, Callable[[Visit], float | None]], ...] = (
    ("probe_web_vital_lcp_seconds", "Largest Contentful Paint of a page.", lambda v: v.lcp),
    ("probe_web_vital_inp_seconds", "Interaction to Next Paint of a page.", lambda v: v.inp),
    ("probe_web_vital_fcp_seconds", "First Contentful Paint of a page.", lambda v: v.fcp),
    ("probe_web_vital_ttfb_seconds", "Time To First Byte of a page.", lambda v: v.ttfb),
    ("probe_web_vital_cls", "Cumulative Layout Shift of a page.", lambda v: v.cls),
    ("probe_interactions", "Clicks, taps and keys that INP was measured of.", lambda v: v.interactions),
    ("probe_js_errors", "Errors that scripts of a page did not catch.", lambda v: v.js_errors),
    ("probe_failed_requests", "Requests of a page that got no answer.", lambda v: v.failed_requests),
)  # fmt: skip


def series() -> tuple[Series, ...]:
    """The gauges of one check."""
    told = _Told()
    return (
        Series("probe_step_duration_seconds", "How long a step took.", told.durations),
        Series("probe_step_success", "Whether a step did what it was to do.", told.successes),
        *(Series(name, text, told.by_page(value)) for name, text, value in _BY_PAGE),
    )
