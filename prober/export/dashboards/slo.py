"""How much of each error budget is left, and how fast is it burning?"""

from __future__ import annotations

from prober.export.dashboards import looks
from prober.export.dashboards.layout import Dashboard, Mark, Row
from prober.export.dashboards.links import to_check
from prober.export.dashboards.looks import Look
from prober.export.dashboards.panels import (
    HALF,
    WIDE,
    Panel,
    Size,
    Table,
    gauges,
    lines,
    now,
    over_time,
    rows,
    stat,
    table,
)
from prober.export.dashboards.queries import RANGE, Source, or_none, ranked
from prober.export.dashboards.variables import DATASOURCE, query_variable, values_of
from prober.export.scene import Scene

CHOSEN = 'slo=~"$slo", check=~"$check"'
LEFT = f"slo:period_error_budget_remaining:ratio{{{CHOSEN}}}"
SPENT = f"slo:period_burn_rate:ratio{{{CHOSEN}}}"
BURNING = f"slo:current_burn_rate:ratio{{{CHOSEN}}}"
KEYS = "slo, check"
FAST, STEADY = 14.4, 1.0  # 2 % of a month's budget in an hour; all of it by the window's end
RATE = Look(unit="suffix: x", steps=looks.rising(STEADY, FAST), least=0.0, decimals=2)


def dashboard(scene: Scene) -> Dashboard:
    alerts = f'ALERTS{{alertname="ProberSLOBurn", alertstate="firing", {CHOSEN}}}'
    objective = "slo:objective:ratio"
    return Dashboard(
        of="slo",
        title="Objectives",
        about="The objectives under `slos`: what is left of their error budgets, and how fast they burn. All of it is made by the rules of `prober rules`.",
        variables=(
            DATASOURCE,
            query_variable("slo", "Objective", values_of("slo", objective)),
            query_variable(
                "check",
                "Check",
                values_of("check", 'slo:period_error_budget_remaining:ratio{slo=~"$slo"}'),
            ),
        ),
        rows=(
            Row("Now", (*_now(), _table())),
            Row("The worst", _worst()),
            Row("Over time", _over_time()),
            Row("What it is made of", _runs(scene)),
        ),
        marks=(
            Mark(
                "Burning",
                f"max by (slo, check, severity) ({alerts})",
                "{{slo}} of {{check}}",
                "{{severity}}",
                looks.BAD,
            ),
        ),
        range="now-7d",
    )


def _now() -> tuple[Panel, ...]:
    overspent = f"count(min by ({KEYS}) ({LEFT}) < 0)"
    fast = f"count(max by ({KEYS}) ({BURNING}) > {FAST:g})"
    burning = f'count(count by ({KEYS}) (ALERTS{{alertname="ProberSLOBurn", alertstate="firing", {CHOSEN}}}))'
    size = Size(6, 4)
    return (
        stat("Least budget left", "Of all that are chosen: 100 % is untouched, below 0 % is overspent.", now(f"min({LEFT})"), looks.BUDGET, size),
        stat("Overspent", "Objectives that are broken in their window as it is now.", now(or_none(overspent, LEFT)), looks.TROUBLE, size),
        stat("Burning fast", f"More than {FAST:g} times as fast as the window allows, right now.", now(or_none(fast, LEFT)), looks.TROUBLE, size),
        stat("Alerts", "Objectives of which ProberSLOBurn fires.", now(or_none(burning, LEFT)), looks.TROUBLE, size),
    )  # fmt: skip


def _table() -> Panel:
    left = f"min by ({KEYS}) ({LEFT})"
    wanted, days = _of_each(left, "slo:objective:ratio"), _of_each(left, "slo:time_period:days")
    burning = f"max by ({KEYS}) ({BURNING})"
    ends = f"86400 * ({days}) * clamp_min({left}, 0) / ({burning} > 0)"
    made = Table(
        queries=(
            rows(left),
            rows(wanted),
            rows(days),
            rows(burning),
            rows(f"max by ({KEYS}) ({SPENT})"),
            rows(f"{ends} or on ({KEYS}) (0 / 0) * {left}"),
        ),
        columns={
            "slo": "Objective", "check": "Check", "Value #B": "Wanted", "Value #C": "Window",
            "Value #A": "Budget left", "Value #E": "Burned on average", "Value #D": "Burns now",
            "Value #F": "Lasts at that pace",
        },
        looks={
            "Wanted": Look(unit="percentunit", decimals=3),
            "Window": Look(unit="suffix: d", decimals=0),
            "Budget left": looks.BUDGET,
            "Burns now": RATE,
            "Burned on average": RATE,
            "Lasts at that pace": Look(unit="s", decimals=1, mappings=looks.not_a_number("does not burn")),
        },
        sort="Budget left",
        links=to_check("row"),
    )  # fmt: skip
    about = "Budget left: of the failures that the objective allows in its window, those not had yet. Burns now: 1 x spends the budget just by the window's end. Rows are links to the checks."
    return table("Objectives", about, made, WIDE)


def _of_each(left: str, record: str) -> str:
    """What is recorded once for an objective, for each of its checks."""
    return f"0 * {left} + on (slo) group_left () max by (slo) ({record})"


def _worst() -> tuple[Panel, ...]:
    return (
        gauges(
            "Least budget left",
            "By objective and check.",
            now(ranked(f"min by ({KEYS}) ({LEFT})", falling=False), "{{slo}} {{check}}"),
            Look(unit="percentunit", steps=looks.BUDGET.steps, most=1.0, decimals=1),
            HALF,
        ),
        gauges(
            "Burning fastest",
            "How many times as fast as the window allows.",
            now(ranked(f"max by ({KEYS}) ({BURNING})"), "{{slo}} {{check}}"),
            RATE,
            HALF,
        ),
    )


def _over_time() -> tuple[Panel, ...]:
    def rate(window: str) -> str:
        return f"max by ({KEYS}) (slo:sli_error:ratio_rate{window}{{{CHOSEN}}})"

    share = Look(unit="percentunit", least=0.0)
    return (
        lines(
            "Budget left",
            "It rises again where an outage leaves the window.",
            over_time(f"min by ({KEYS}) ({LEFT})", "{{slo}} {{check}}"),
            Look(unit="percentunit", steps=looks.BUDGET.steps, most=1.0),
        ),
        lines(
            "Burn rate",
            f"1 spends the budget just by the window's end; {FAST:g} spends 2 % of a month's in an hour.",
            over_time(f"max by ({KEYS}) ({BURNING})", "{{slo}} {{check}}"),
            RATE,
        ),
        lines(
            "Bad runs, of the last hour",
            "The share of runs that was bad, as the alert for a fast burn sees it.",
            over_time(rate("1h"), "{{slo}} {{check}}"),
            share,
        ),
        lines(
            "Bad runs, of the last three days",
            "The share of runs that was bad, as the alert for a slow burn sees it.",
            over_time(rate("3d"), "{{slo}} {{check}}"),
            share,
        ),
    )


def _runs(scene: Scene) -> tuple[Panel, ...]:
    source = Source(scene.job, ('check=~"$check"',))
    runs = f"sum by (outcome) ({source.per_minute('prober_runs_total')})"
    bad = source.increase("prober_failures_total", RANGE)
    made = Table(
        queries=(rows("sort_desc(" + f"sum by (check, region, reason) ({bad}) > 0)"),),
        columns={"check": "Check", "region": "Region", "reason": "Reason", "Value": "Failures"},
        looks={"Failures": looks.COUNT},
        sort="Failures",
        falling=True,
        links=to_check("row"),
    )
    return (
        lines(
            "Runs a minute, by outcome",
            "An availability counts `down` against `up` and `down`; unknown and maintenance are in neither.",
            over_time(runs, "{{outcome}}"),
            looks.PLAIN_COUNT,
        ),
        table(
            "What spent it",
            "Failures of this range, by region and reason.",
            made,
            HALF,
        ),
    )
