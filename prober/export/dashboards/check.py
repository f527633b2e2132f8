"""How is one check: where, since when, why, and how fast?"""

from __future__ import annotations

from dataclasses import replace

from prober.export.dashboards import looks, one_check
from prober.export.dashboards.layout import Dashboard, Row
from prober.export.dashboards.looks import Look
from prober.export.dashboards.panels import (
    HALF,
    THIRD,
    WIDE,
    Panel,
    Size,
    Table,
    gauges,
    lines,
    now,
    over_time,
    rows,
    stacked,
    table,
    timeline,
)
from prober.export.dashboards.queries import (
    OVER,
    RANGE,
    REGION,
    STEP,
    Source,
)
from prober.export.dashboards.variables import (
    DATASOURCE,
    OVER_VARIABLE,
    query_variable,
    region_variable,
    values_of,
)
from prober.export.rules.promql import quoted
from prober.export.scene import Scene

CHECK = 'check="$check"'


def dashboard(scene: Scene) -> Dashboard:
    source = Source(scene.job, (CHECK, REGION))
    names = values_of("check", f"prober_check_info{{job={quoted(scene.job)}}}")
    return Dashboard(
        of="check",
        title="One check",
        about="One check in all its regions: where it is down, since when, why, and how fast it is.",
        variables=(
            DATASOURCE,
            query_variable("check", "Check", names, single=True),
            region_variable(scene, ', check="$check"'),
            OVER_VARIABLE,
        ),
        rows=(
            Row("Now", (*one_check.now_of(source, CHECK), _facts(source))),
            Row("When and why", one_check.when_of(source)),
            Row("How fast", _fast(source)),
            Row("What it answers", _answers(source)),
        ),
        marks=one_check.marks_of(source, CHECK),
        beside="journey",
    )


def _facts(source: Source) -> Panel:
    interval = f"max by (region) ({source('prober_check_interval_seconds')})"
    success = f"max by (region) ({source('prober_last_success_timestamp_seconds')})"
    made = Table(
        queries=(
            rows(f"max without (instance, job, shard) ({source('prober_check_info')})"),
            rows(interval),
            rows(f"1000 * {success} or (0 / 0) * {interval}"),
        ),
        columns={
            "region": "Region", "kind": "Kind", "target": "Target", "severity": "Severity",
            "device": "Device", "Value #B": "Interval", "Value #C": "Last up",
        },
        looks={"Interval": looks.SECONDS, "Last up": looks.LAST_UP},
        sort="Region",
    )  # fmt: skip
    return table("What it is", "As each region has it in its config.", made, Size(24, 5))


def _fast(source: Source) -> tuple[Panel, ...]:
    last = f"max by (region) ({source('probe_duration_seconds')})"
    limit = f"max({source('probe_timeout_seconds')})"
    phases = f"avg by (phase) (avg_over_time({source.over('probe_http_duration_seconds', STEP)}))"
    dns = f"max by (region) (max_over_time({source.over('probe_dns_lookup_time_seconds', STEP)}))"
    return (
        lines(
            "The last run, by region",
            "How long its last attempt took, up or down, and how long it may take.",
            (over_time(last, "{{region}}"), over_time(limit, "timeout")),
            looks.SECONDS,
        ),
        one_check.percentiles(source),
        stacked(
            "Phases",
            "Of HTTP checks: where the time of a run goes, the mean of the regions. `processing` is the server's own.",
            over_time(phases, "{{phase}}"),
            looks.SECONDS,
            HALF,
            draw="line",
        ),
        one_check.heatmap(source),
        gauges(
            "Phases, region by region",
            "Of HTTP checks: the mean over the range.",
            now(
                f"avg by (region, phase) (avg_over_time({source.over('probe_http_duration_seconds', RANGE)}))",
                "{{region}} {{phase}}",
            ),
            looks.SECONDS,
            HALF,
        ),
        lines(
            "Name lookup",
            "The first lookup of each run, the slowest within each step.",
            over_time(dns, "{{region}}"),
            looks.SECONDS,
        ),
    )


def _answers(source: Source) -> tuple[Panel, ...]:
    codes = f"sum by (code) ({source.per_minute('prober_http_responses_total')})"
    status = f"max by (region) ({source('probe_http_status_code')})"
    size = f"max by (region) ({source('probe_http_uncompressed_body_length')})"
    moved = f"sum by (region) (changes({source.over('probe_ip_addr_hash', OVER)}))"
    left = f"(min by (region) ({source('probe_ssl_earliest_cert_expiry')}) - time()) / 86400"
    steps = f"min by (step) (min_over_time({source.over('probe_step_success', STEP)}))"
    value = f"max by (region, name) ({source('probe_value')})"
    return (
        stacked("Answers a minute, by status", "Of HTTP checks.", over_time(codes, "{{code}}"), looks.PLAIN_COUNT, THIRD),
        lines("Last status", "Of HTTP checks; 0 where there was no answer.", over_time(status, "{{region}}"), Look(decimals=0), THIRD),
        lines("Size of the body", "Of HTTP checks, after decompression: a page that shrinks is often an error page.", over_time(size, "{{region}}"), Look(unit="bytes", least=0.0), THIRD),
        lines("Changes of address", "How often another address was asked than the run before, over `Measured over`.", over_time(moved, "{{region}}"), looks.PLAIN_COUNT, THIRD),
        lines("Certificate", "Days left; a step up is a renewal.", over_time(left, "{{region}}"), replace(looks.DAYS_LEFT, least=0.0), THIRD),
        lines("Values", "Numbers that it reads out of the answers.", over_time(value, "{{name}} {{region}}"), Look(), THIRD),
        timeline("Steps", "Of checks with steps: each as the worst of the regions has it. A gap is a step that was not come to.", over_time(steps, "{{step}}"), looks.STATE, WIDE),
    )  # fmt: skip
