"""How are the pages of all journeys for who uses them?"""

from __future__ import annotations

from dataclasses import replace

from prober.export.dashboards.layout import Dashboard, Row
from prober.export.dashboards.links import to_journey
from prober.export.dashboards.looks import COUNT, PLAIN_COUNT, Look, falling, rising
from prober.export.dashboards.panels import (
    Panel,
    Size,
    Table,
    gauges,
    lines,
    now,
    over_time,
    rows,
    stacked,
    stat,
    table,
)
from prober.export.dashboards.queries import OVER, RANGE, REGION, Source, ranked
from prober.export.dashboards.variables import (
    DATASOURCE,
    OVER_VARIABLE,
    query_variable,
    region_variable,
    values_of,
)
from prober.export.dashboards.vitals_looks import VITALS, Vital
from prober.export.rules.promql import quoted
from prober.export.scene import Scene

CHOSEN = 'check=~"$check"', 'page=~"$page"'
_ANY = '__name__=~"prober_web_vital_.+_count"'
SHARE = Look(unit="percentunit", least=0.0, most=1.0, empty="no visits")
GOOD_SHARE = replace(SHARE, steps=falling(0.5, 0.75))


def dashboard(scene: Scene) -> Dashboard:
    source = Source(scene.job, (REGION, *CHOSEN))
    job = f"job={quoted(scene.job)}"
    journeys = values_of("check", f"{{{_ANY}, {job}}}")
    pages = values_of("page", f'{{{_ANY}, {job}, check=~"$check"}}')
    return Dashboard(
        of="vitals",
        title="Web Vitals",
        about="The pages of all journeys, measured in a real browser and judged by Google's thresholds.",
        variables=(
            DATASOURCE,
            region_variable(scene, ', kind="journey"'),
            query_variable("check", "Journey", journeys),
            query_variable("page", "Page", pages),
            OVER_VARIABLE,
        ),
        rows=(
            Row("This range", tuple(_stat(source, one) for one in VITALS)),
            Row("Page by page", (_table(source), _visits(source))),
            *(Row(f"{one.name}: {one.title}", _each(source, one)) for one in VITALS),
        ),
        range="now-24h",
    )


def _stat(source: Source, vital: Vital) -> Panel:
    about = f"The share of all visits of this range that were good; Google wants 75 %. {vital.words.capitalize()}."
    query = now(vital.share_good(source, RANGE))
    return stat(f"Good {vital.name}", about, query, GOOD_SHARE, Size(24 // len(VITALS), 4))


def _table(source: Source) -> Panel:
    keys = "check, page"
    visits = source.increase("prober_web_vital_ttfb_seconds_count", RANGE)
    heads = [(f"Value #{chr(ord('B') + place)}", one) for place, one in enumerate(VITALS)]
    made = Table(
        queries=(
            rows(f"sum by ({keys}) ({visits})"),
            *(rows(one.p75(source, RANGE, keys)) for one in VITALS),
        ),
        columns={
            "check": "Journey", "page": "Page", **{value: one.name for value, one in heads},
            "Value #A": "Visits",
        },
        looks={"Visits": COUNT, **{one.name: one.look for one in VITALS}},
        sort="LCP",
        falling=True,
        links=to_journey("row"),
    )  # fmt: skip
    about = "The 75th percentile of each page's visits in this range, of the worst region. INP is empty where nothing was clicked or typed."
    return table("Pages", about, made, Size(16, 9))


def _visits(source: Source) -> Panel:
    visits = f"sum by (check) ({source.per_minute('prober_web_vital_ttfb_seconds_count')})"
    about = (
        "Visits a minute that were measured. One that another journey ran beside does not count."
    )
    return stacked("Visits", about, over_time(visits, "{{check}}"), PLAIN_COUNT, Size(8, 9))


def _each(source: Source, vital: Vital) -> tuple[Panel, ...]:
    keys, legend = "check, page", "{{check}} {{page}}"
    return (
        lines(
            f"{vital.name} by page",
            f"The 75th percentile over `Measured over`, of the worst region; {vital.words}.",
            over_time(vital.p75(source, OVER, keys), legend),
            replace(vital.look, links=to_journey("series")),
            Size(10, 8),
        ),
        lines(
            f"Good {vital.name} by region",
            "The share of good visits over `Measured over`, of all pages chosen: what the way to the users makes of it.",
            over_time(vital.share_good(source, OVER, "region"), "{{region}}"),
            replace(GOOD_SHARE, steps=SHARE.steps),
            Size(6, 8),
        ),
        gauges(
            f"Good {vital.name}",
            f"The share of the visits of this range that were good, the least first. {vital.words.capitalize()}.",
            now(ranked(vital.share_good(source, RANGE, keys), falling=False), legend),
            replace(GOOD_SHARE, links=to_journey("series")),
            Size(4, 8),
        ),
        gauges(
            f"Poor {vital.name}",
            "The share of the visits of this range that were poor, the most first.",
            now(ranked(vital.share_poor(source, RANGE, keys)), legend),
            replace(SHARE, steps=rising(0.05, 0.25), links=to_journey("series")),
            Size(4, 8),
        ),
    )
