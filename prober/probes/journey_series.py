"""What does a run of a journey become as metrics?

What the run did not see is absent: steps it did not come to, pages it did not
visit, vitals that the browser did not report. A page that was visited more
than once shows its last visit; a step that was taken more than once its last
time, and as failed if it ever did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from prober.result import Reason, Result, Step, Visit
from prober.series import MOST_PAGES, MOST_STEPS, Names, Series, escape

REASONS = (Reason.TIMEOUT, Reason.STEP, Reason.SCRIPT)


def _steps(result: Result) -> Mapping[str, list[Step]]:
    names, found = Names(MOST_STEPS), dict[str, list[Step]]()
    for step in result.steps:
        found.setdefault(names.of(step.name), []).append(step)
    return found


def _visits(result: Result) -> Mapping[str, Visit]:
    """The last visit to each page."""
    pages = Names(MOST_PAGES)
    return {pages.of(visit.page): visit for visit in result.visits}


def _durations(result: Result) -> Sequence[tuple[str, float]]:
    steps = _steps(result).items()
    return tuple((f'step="{escape(name)}"', taken[-1].seconds) for name, taken in steps)


def _successes(result: Result) -> Sequence[tuple[str, float]]:
    steps = _steps(result).items()
    return tuple(
        (f'step="{escape(name)}"', float(all(step.ok for step in taken))) for name, taken in steps
    )


def _by_page(name: str, help_text: str, value: Callable[[Visit], float | None]) -> Series:
    def read(result: Result) -> Sequence[tuple[str, float]]:
        found = ((page, value(visit)) for page, visit in _visits(result).items())
        return tuple((f'page="{escape(page)}"', seen) for page, seen in found if seen is not None)

    return Series(name, help_text, read)


SERIES: tuple[Series, ...] = (
    Series("probe_step_duration_seconds", "How long a step took.", _durations),
    Series("probe_step_success", "Whether a step did what it was to do.", _successes),
    _by_page("probe_web_vital_lcp_seconds", "Largest Contentful Paint of a page.", lambda v: v.lcp),
    _by_page(
        "probe_web_vital_inp_seconds", "Interaction to Next Paint of a page.", lambda v: v.inp
    ),
    _by_page("probe_web_vital_fcp_seconds", "First Contentful Paint of a page.", lambda v: v.fcp),
    _by_page("probe_web_vital_ttfb_seconds", "Time To First Byte of a page.", lambda v: v.ttfb),
    _by_page("probe_web_vital_cls", "Cumulative Layout Shift of a page.", lambda v: v.cls),
    _by_page(
        "probe_interactions",
        "Clicks, taps and keys that INP was measured of.",
        lambda v: v.interactions,
    ),
    _by_page(
        "probe_js_errors", "Errors that scripts of a page did not catch.", lambda v: v.js_errors
    ),
    _by_page(
        "probe_failed_requests",
        "Requests of a page that got no answer.",
        lambda v: v.failed_requests,
    ),
)
