"""What is shown of one check, whatever its kind?"""

from __future__ import annotations

from prober.export.dashboards import looks
from prober.export.dashboards.layout import Mark
from prober.export.dashboards.looks import Look
from prober.export.dashboards.panels import (
    Panel,
    Size,
    heat,
    latency,
    lines,
    now,
    over_time,
    stacked,
    stat,
    timeline,
)
from prober.export.dashboards.queries import OVER, RANGE, STEP, Source, availability, told_apart


def now_of(source: Source, check: str) -> tuple[Panel, ...]:
    """Two lines of numbers."""
    return (*_verdict_now(source, check), *_pace_now(source))


def _verdict_now(source: Source, check: str) -> tuple[Panel, ...]:
    firing = f"sum(max by (region, alert) ({source('prober_alert_firing')}))"
    left = f"min by (slo) (slo:period_error_budget_remaining:ratio{{{check}}})"
    reporting = f"max(check:prober_regions:count{{{check}}})"
    needed = f"max(check:prober_quorum:needed{{{check}}})"
    agreeing = f"max(check_alert:prober_regions_firing:sum{{{check}}}) or 0 * {reporting}"
    return (
        stat(
            "State",
            "The last run with a verdict, by region.",
            now(source.state_now("region"), "{{region}}"),
            looks.STATE,
            Size(8, 4),
        ),
        stat(
            "Regions",
            "In how many an alert fires (the most of any rule), how many it takes, and how many report at all. Made by the rules of `prober rules`.",
            (now(agreeing, "fire"), now(needed, "needed"), now(reporting, "report")),
            Look(unit="none", empty="no rules"),
        ),
        stat(
            "Alerts that fire",
            "Rules under `alerts` that fire for it, region by region.",
            now(firing),
            looks.TROUBLE,
        ),
        stat(
            "Availability",
            "Runs in this range that were up, of those that were up or down.",
            now(availability(source.runs(RANGE))),
            looks.SHARE,
        ),
        stat(
            "Error budget left",
            "By objective. Made by the rules of `prober rules`.",
            now(left, "{{slo}}"),
            looks.BUDGET,
        ),
    )


def _pace_now(source: Source) -> tuple[Panel, ...]:
    last = f"time() - min by (region) ({source('prober_last_run_timestamp_seconds')})"
    expiry = f"min({source('probe_ssl_earliest_cert_expiry')})"
    return (
        stat(
            "Last run",
            "How long ago, by region.",
            now(last, "{{region}}"),
            Look(unit="s", decimals=0, empty="never"),
            Size(8, 4),
        ),
        stat(
            "Failures in a row",
            "Up to the last run with a verdict, of the worst region.",
            now(f"max({source('prober_consecutive_failures')})"),
            looks.CONCERN,
        ),
        stat(
            "Half of all runs take",
            "The median of the range.",
            now(source.quantile(0.5, "prober_run_duration_seconds", RANGE)),
            looks.SECONDS,
        ),
        stat(
            "1 of 20 takes more than",
            "The 95th percentile of the range.",
            now(source.quantile(0.95, "prober_run_duration_seconds", RANGE)),
            looks.SECONDS,
        ),
        stat(
            "Certificate",
            "Days until the first of those it shows is over; none where it speaks no TLS, or a browser does.",
            now(f"({expiry} - time()) / 86400"),
            looks.DAYS_LEFT,
        ),
    )


def when_of(source: Source) -> tuple[Panel, ...]:
    """Two timelines, and what led to them."""
    return (*_states(source), *_counts(source))


def _states(source: Source) -> tuple[Panel, Panel]:
    fires = f"max by (region, alert) (max_over_time({source.over('prober_alert_firing', STEP)}))"
    muted = f"max by (region, alert) (max_over_time({source.over('prober_alert_muted', STEP)}))"
    return (
        timeline(
            "State, by region",
            "A step in which it was down at all is down. A gap is a time in which nobody looked.",
            over_time(source.state("region"), "{{region}}"),
            looks.STATE,
            Size(24, 6),
        ),
        timeline(
            "Alerts, by region and rule",
            "From when to when each region's alert fired; muted is what nobody was told of.",
            over_time(f"{fires} * (1 + ({muted} > bool 0))", "{{region}} {{alert}}"),
            looks.FIRING,
            Size(24, 6),
        ),
    )


def _counts(source: Source) -> tuple[Panel, ...]:
    flaky = f"sum by (region) ({source.increase('prober_runs_flaky_total', OVER)})"
    return (
        stacked(
            "Failures a minute, by reason",
            "Runs that were down, by the first cause of each.",
            over_time(told_apart(source.per_minute("prober_failures_total"), "reason"), "{{reason}}"),
            looks.PLAIN_COUNT,
        ),
        lines(
            "Availability, by region",
            "Runs that were up, of those with a verdict, over the time chosen above as `Measured over`.",
            over_time(availability(source.runs(OVER), "by (region) "), "{{region}}"),
            Look(unit="percentunit", most=1.0),
        ),
        stacked(
            "Runs a minute, by outcome",
            "Unknown is the agent's own fault; what ran in a maintenance window counts as that alone.",
            over_time(f"sum by (outcome) ({source.per_minute('prober_runs_total')})", "{{outcome}}"),
            looks.PLAIN_COUNT,
        ),
        lines(
            "Runs that were up, but not at once",
            "Up after a retry: an early sign of trouble that has no alert yet. Counted over `Measured over`.",
            over_time(flaky, "{{region}}"),
            looks.PLAIN_COUNT,
        ),
    )  # fmt: skip


def marks_of(source: Source, check: str) -> tuple[Mark, ...]:
    alerts = f'ALERTS{{alertname=~"Prober.+", alertstate="firing", {check}}}'
    window = source("prober_maintenance_active")
    return (
        Mark(
            "Alerts of all regions",
            f"max by (alertname, alert, severity, slo) ({alerts})",
            "{{alertname}} {{alert}}{{slo}}",
            "{{severity}}",
            looks.BAD,
        ),
        Mark(
            "Alerts of a region",
            f"max by (region, alert, severity) ({source('prober_alert_firing')}) == 1",
            "{{alert}} in {{region}}",
            "{{severity}}",
            looks.POOR,
        ),
        Mark("Maintenance", f"max ({window}) == 1", "Maintenance", "", looks.HELD),
    )


def percentiles(source: Source) -> Panel:
    histogram = "prober_run_duration_seconds"
    return lines(
        "Duration",
        "Percentiles of all regions, over `Measured over`. Points are single runs; each leads to its trace.",
        tuple(latency(source.quantile(q, histogram, OVER), f"{q:.0%}") for q in (0.5, 0.95, 0.99)),
        looks.SECONDS,
    )


def heatmap(source: Source) -> Panel:
    return heat(
        "How the durations lie",
        "Runs a minute by their duration: two bands are two ways of answering.",
        f"sum by (le) ({source.per_minute('prober_run_duration_seconds_bucket')})",
        looks.SECONDS,
    )
