"""What do the numbers say that checks read out of answers?"""

from __future__ import annotations

from prober.export.dashboards import looks
from prober.export.dashboards.layout import Dashboard, Row
from prober.export.dashboards.links import to_check
from prober.export.dashboards.looks import Look
from prober.export.dashboards.panels import HALF, Panel, Size, Table, lines, over_time, rows, table
from prober.export.dashboards.queries import RANGE, REGION, Source
from prober.export.dashboards.variables import (
    DATASOURCE,
    query_variable,
    region_variable,
    values_of,
)
from prober.export.rules.promql import quoted
from prober.export.scene import Scene

KEYS = "check, region, name"


def dashboard(scene: Scene) -> Dashboard:
    source = Source(scene.job, (REGION, 'check=~"$check"', 'name=~"$name"'))
    job = f"job={quoted(scene.job)}"
    names = f'probe_value{{{job}, check=~"$check"}}'
    return Dashboard(
        of="values",
        title="Values",
        about="Numbers that checks read out of the answers, as `values` names them: queues, pools, ages, versions.",
        variables=(
            DATASOURCE,
            region_variable(scene),
            query_variable("check", "Check", values_of("check", f"probe_value{{{job}}}")),
            query_variable("name", "Value", values_of("name", names)),
        ),
        rows=(Row("Now", (_table(source),)), Row("Over time", (_all(source), _spread(source)))),
    )


def _table(source: Source) -> Panel:
    values = source.over("probe_value", RANGE)
    made = Table(
        queries=(
            rows(f"max by ({KEYS}) ({source('probe_value')})"),
            rows(f"min by ({KEYS}) (min_over_time({values}))"),
            rows(f"avg by ({KEYS}) (avg_over_time({values}))"),
            rows(f"max by ({KEYS}) (max_over_time({values}))"),
        ),
        columns={
            "check": "Check", "name": "Value", "region": "Region", "Value #A": "Now",
            "Value #B": "Least", "Value #C": "Mean", "Value #D": "Most",
        },
        looks={head: Look(unit="short") for head in ("Now", "Least", "Mean", "Most")},
        sort="Check",
        links=to_check("row"),
    )  # fmt: skip
    about = "As the last run read them, and within this range."
    return table("Values", about, made, Size(24, 10))


def _all(source: Source) -> Panel:
    value = f"max by ({KEYS}) ({source('probe_value')})"
    about = "Each value as each region read it last."
    query = over_time(value, "{{check}} {{name}} {{region}}")
    return lines("Values", about, query, Look(unit="short"), HALF)


def _spread(source: Source) -> Panel:
    """Rules look at it too: `value` under `alerts`."""
    fires = Source(source.job, source.chosen[:2])("prober_alert_firing")
    has = f"group by (check, region) ({source('probe_value')})"
    query = f"max by (check, alert) ({fires} and on (check, region) {has})"
    about = "Rules that apply to these checks: 1 while one fires in any region."
    return lines(
        "Alerts of these checks", about, over_time(query, "{{check}} {{alert}}"), looks.COUNT, HALF
    )
