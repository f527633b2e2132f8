"""What is wrong, where, and since when, of all checks in all regions?"""

from __future__ import annotations

from dataclasses import replace

from prober.export.dashboards import looks, overview_now, overview_tables
from prober.export.dashboards.chosen import Chosen
from prober.export.dashboards.layout import Dashboard, Mark, Row
from prober.export.dashboards.links import to_check
from prober.export.dashboards.looks import Look
from prober.export.dashboards.panels import (
    HALF,
    Panel,
    Size,
    gauges,
    latency,
    lines,
    now,
    over_time,
    stacked,
    timeline,
)
from prober.export.dashboards.queries import RANGE, STEP, availability, ranked, told_apart
from prober.export.scene import Scene

_ALERTS = 'alertname=~"ProberQuorumDown|ProberRegion(Lost|Absent)|ProberBlind|ProberSLOBurn"'
_LONGEST = 40  # strips of a timeline


def dashboard(scene: Scene) -> Dashboard:
    chosen = Chosen(scene)
    marks = (
        Mark(
            "Alerts of all regions",
            f'max by (alertname, check, severity) (ALERTS{{{_ALERTS}, alertstate="firing"}})',
            "{{alertname}} {{check}}",
            "{{severity}}",
            looks.BAD,
        ),
    )
    tables = (
        overview_tables.down(chosen),
        overview_tables.agreed(chosen),
        overview_tables.in_regions(chosen),
    )
    return Dashboard(
        of="overview",
        title="Overview",
        about="All checks of all regions: what is wrong now, where, and since when.",
        variables=chosen.variables(),
        rows=(
            Row("Now", overview_now.numbers(chosen)),
            Row("What is wrong", tables),
            Row("When and where", _when(chosen)),
            Row("The worst", _worst(chosen)),
            Row("How fast, how often", _pace(chosen)),
        ),
        marks=marks,
    )


def _when(chosen: Chosen) -> tuple[Panel, ...]:
    source = chosen.source
    success = source.over("probe_success", RANGE)
    share = f"avg by (check) {chosen.of(f'avg_over_time({success} @ end())')}"
    worst = f"bottomk({_LONGEST}, {share} < 1)"
    up = chosen.of(f"min_over_time({source.over('probe_success', STEP)})")
    failures = chosen.of(source.per_minute("prober_failures_total"))
    return (
        timeline(
            "Checks that were down, each by the worst of its regions",
            f"The {_LONGEST} that were down longest in this range, and no others. A gap is a time in which nobody looked.",
            over_time(f"({source.state('check')}) and on (check) {worst}", "{{check}}"),
            replace(looks.STATE, empty="none was down", links=to_check("series")),
            Size(24, 9),
        ),
        lines(
            "Checks that are up, by region",
            "The share of each region's checks. One line that falls alone is that region's trouble; all together, the targets'.",
            over_time(f"avg by (region) {up}", "{{region}}"),
            Look(unit="percentunit", most=1.0),
        ),
        stacked(
            "Failures a minute, by reason",
            "Runs that were down, of all checks and regions chosen.",
            over_time(told_apart(failures, "reason"), "{{reason}}"),
            looks.PLAIN_COUNT,
        ),
    )


def _worst(chosen: Chosen) -> tuple[Panel, ...]:
    source = chosen.source
    slow = chosen.of(f"avg_over_time({source.over('probe_duration_seconds', RANGE)})")
    expiry = chosen.of(source("probe_ssl_earliest_cert_expiry"))
    left = chosen.of_all_regions("slo:period_error_budget_remaining:ratio")
    size, links = Size(12, 8), to_check("series")
    return (
        gauges(
            "Least available",
            "Of the runs of this range that were up or down, the share that was up, all regions together.",
            now(
                ranked(availability(chosen.runs(RANGE), "by (check) "), falling=False), "{{check}}"
            ),
            replace(looks.SHARE, links=links),
            size,
        ),
        gauges(
            "Slowest",
            "The mean duration of the last runs in this range, of the slowest region of each check.",
            now(ranked(f"max by (check) {slow}"), "{{check}}"),
            Look(unit="s", least=0.0, empty="no runs", links=links),
            size,
        ),
        gauges(
            "Least error budget left",
            "By check and objective. Made by the rules of `prober rules`.",
            now(ranked(left, falling=False), "{{check}} {{slo}}"),
            replace(looks.BUDGET, links=links, most=1.0),
            size,
        ),
        gauges(
            "Certificates that end first",
            "Days left, by the region that sees the earliest end.",
            now(ranked(f"(min by (check) {expiry} - time()) / 86400", falling=False), "{{check}}"),
            replace(looks.DAYS_LEFT, links=links),
            size,
        ),
    )


def _pace(chosen: Chosen) -> tuple[Panel, ...]:
    source = chosen.source
    rate = chosen.of(f"rate({source.over('prober_run_duration_seconds_bucket', STEP)})")
    by_region = f"sum by (le, region) {rate}"
    runs = chosen.of(source.per_minute("prober_runs_total"))
    return (
        lines(
            "Duration, by region",
            "The 95th percentile of all runs that were up, or down for taking long. Points are single runs with their trace.",
            latency(f"histogram_quantile(0.95, {by_region})", "{{region}}"),
            looks.SECONDS,
            HALF,
        ),
        stacked(
            "Runs a minute, by outcome",
            "Unknown is the agent's own fault; what ran in a maintenance window counts as that alone.",
            over_time(f"sum by (outcome) {runs}", "{{outcome}}"),
            looks.PLAIN_COUNT,
        ),
    )
