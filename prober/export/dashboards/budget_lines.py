"""Where are the budgets of a page drawn?

No series tells a limit, only whether it was kept; so each is written into the
dashboard, for the journeys that have it, and drawn for the one looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from prober.export.dashboards.panels import Query, over_time
from prober.export.dashboards.queries import Source
from prober.export.rules.promql import names, number, quoted
from prober.export.scene import Scene, Watched

DASHED: JsonValue = {
    "matcher": {"id": "byRegexp", "options": "/^budget/"},
    "properties": [
        {"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}},
        {"id": "custom.lineStyle", "value": {"dash": [10, 10], "fill": "dash"}},
        {"id": "custom.fillOpacity", "value": 0},
    ],
}


def budget_lines(scene: Scene, source: Source, budget: str) -> Iterator[Query]:
    """One for what holds on every page, one for the pages that have limits of their own."""
    found: dict[tuple[str, float], list[str]] = {}
    for check in scene.checks:
        for page, limit in _limits(check, budget):
            found.setdefault((page, limit), []).append(check.name)
    of_all = [_line(source, limit, of) for (page, limit), of in found.items() if not page]
    of_pages = [
        f'label_replace({_line(source, limit, of)}, "page", {_replacement(page)}, "", "")'
        for (page, limit), of in found.items()
        if page
    ]
    if of_all:
        yield over_time(" or ".join(of_all), "budget")
    if of_pages:
        yield over_time(" or ".join(of_pages), "budget of {{page}}")


def _limits(check: Watched, budget: str) -> Iterator[tuple[str, float]]:
    everywhere: Mapping[str, float] = check.budgets.get("", {})
    for page, limits in check.budgets.items():
        limit = limits.get(budget)
        if limit is not None and (not page or limit != everywhere.get(budget)):
            yield page, limit


def _line(source: Source, limit: float, of: list[str]) -> str:
    """A line while the journey that is looked at is one of these, else nothing."""
    return f"{number(limit)} * group({source('prober_check_info', f'check=~{names(of)}')})"


def _replacement(page: str) -> str:
    return quoted(page.replace("$", "$$"))
