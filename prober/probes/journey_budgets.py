"""What may a journey's pages and steps cost before its check is degraded, and what did they?

A budget that is broken takes nothing down. What was not measured is not
judged: no vital of the page, a step that the run did not come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from prober.check import Model
from prober.result import Budget, Step, Visit
from prober.units import Count, Duration
from prober.visit import CONTENDED


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a number; write one like 0.1")  # noqa: TRY004  # pydantic's way
    return value


_Time: TypeAlias = Annotated[Duration, Field(gt=0)]
_Score: TypeAlias = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, allow_inf_nan=False)]
_Number: TypeAlias = Annotated[Count, Field(ge=0)]
_Name: TypeAlias = Annotated[str, Field(min_length=1)]


class PageBudgets(Model):
    """What each visit to a page may cost; None: nobody minds."""

    lcp: _Time | None = None
    inp: _Time | None = None
    cls: _Score | None = None
    fcp: _Time | None = None
    ttfb: _Time | None = None
    js_errors: _Number | None = None
    failed_requests: _Number | None = None


class Budgets(PageBudgets):
    """Of every page, and in `pages` of one: by the name it has in vitals, and key by key."""

    duration: _Time | None = None
    pages: Mapping[_Name, PageBudgets] = {}
    steps: Mapping[_Name, _Time] = {}

    def of(self, page: str) -> Mapping[str, float]:
        """The limits of one page; a null of its own takes the general one off."""
        own = self.pages.get(page, _NO_LIMITS)
        given = {name: getattr(own, name) for name in own.model_fields_set}
        limits = {name: getattr(self, name) for name in _MEASURES} | given
        return {name: limit for name, limit in limits.items() if limit is not None}

    def times(self) -> Iterator[tuple[tuple[str, ...], float]]:
        """Every limit in seconds, after the keys that lead to it."""
        for place, one in (
            ((), self),
            *((("pages", name), page) for name, page in self.pages.items()),
        ):
            for key in _TIMES:
                if (limit := getattr(one, key)) is not None:
                    yield (*place, key), limit
        if self.duration is not None:
            yield ("duration",), self.duration
        yield from ((("steps", name), limit) for name, limit in self.steps.items())


_NO_LIMITS = PageBudgets()
_MEASURES = tuple(PageBudgets.model_fields)  # a visit has them by the same names
_TIMES = ("lcp", "inp", "fcp", "ttfb")


def judged(
    budgets: Budgets, visits: Sequence[Visit], steps: Sequence[Step], seconds: float | None
) -> tuple[Budget, ...]:
    """Each limit beside the worst that was measured: page by page, the duration, step by step.

    `seconds` is how long the author's function took, None where it did not
    come to its end: what was cut short has kept to no limit.
    """
    return (
        *_of_pages(budgets, visits),
        *_of_run(budgets, seconds),
        *_of_steps(budgets, steps),
    )


def _of_pages(budgets: Budgets, visits: Sequence[Visit]) -> Iterator[Budget]:
    by_page = dict[str, list[Visit]]()
    for visit in visits:
        by_page.setdefault(visit.page, []).append(visit)
    for page, seen in by_page.items():
        for name, limit in budgets.of(page).items():
            values = [value for visit in seen if (value := _measured(name, visit)) is not None]
            if values:
                yield _budget(name, page, limit, max(values))


def _measured(name: str, visit: Visit) -> float | None:
    if name in _TIMES and CONTENDED in visit.quality:
        return None
    value: float | None = getattr(visit, name)
    return value


def _of_run(budgets: Budgets, seconds: float | None) -> Iterator[Budget]:
    if budgets.duration is not None and seconds is not None:
        yield _budget("duration", None, budgets.duration, seconds)


def _of_steps(budgets: Budgets, steps: Iterable[Step]) -> Iterator[Budget]:
    """One that failed is judged only where it is beyond its limit already."""
    taken = dict[str, list[Step]]()
    for step in steps:
        if step.name in budgets.steps:
            taken.setdefault(step.name, []).append(step)
    for name, times in taken.items():
        longest = max(step.seconds for step in times)
        one = _budget(f"step {name}", None, budgets.steps[name], longest)
        if not one.ok or all(step.ok for step in times):
            yield one


def _budget(name: str, page: str | None, limit: float, actual: float) -> Budget:
    return Budget(budget=name, page=page, limit=limit, actual=actual, ok=actual <= limit)
