"""Is the agent itself well: does it run in time, write, and tell?"""

from __future__ import annotations

from prober.export.dashboards import looks
from prober.export.dashboards.layout import Dashboard, Mark, Row
from prober.export.dashboards.looks import Look
from prober.export.dashboards.panels import (
    HALF,
    THIRD,
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
    timeline,
)
from prober.export.dashboards.queries import RANGE, STEP, Source, or_none, ranked
from prober.export.dashboards.variables import DATASOURCE, query_variable, values_of
from prober.export.rules.promql import quoted
from prober.export.scene import Scene

INSTANCE = 'instance=~"$instance"'
BY = "by (instance)"
SPARSE = "15m"  # journeys run so seldom that a few scrapes see none
LATE = Look(unit="s", least=0.0, steps=looks.rising(0.1, 1.0))


def dashboard(scene: Scene) -> Dashboard:
    source = Source(scene.job, (INSTANCE,))
    instances = values_of("instance", f"up{{job={quoted(scene.job)}}}")
    return Dashboard(
        of="agent",
        title="The agents",
        about="The agents themselves: whether they are there, run in time, can write, and get their notices out.",
        variables=(DATASOURCE, query_variable("instance", "Agent", instances)),
        rows=(
            Row("Now", (*_now(source), _table(source))),
            Row("In time", _time(source)),
            Row("Runs", _runs(source)),
            Row("Journeys", _journeys(source)),
            Row("Telling", _telling(source)),
            Row("Store and machine", _machine(source)),
        ),
        marks=(
            Mark(
                "Alerts about agents",
                'max by (alertname, region) (ALERTS{alertname=~"ProberBlind|ProberRegion(Lost|Absent)|ProberStuck|ProberStore|ProberAgentFault|ProberOffline|ProberUndelivered", alertstate="firing"})',
                "{{alertname}} {{region}}",
                "",
                looks.BAD,
            ),
        ),
    )


def _now(source: Source) -> tuple[Panel, ...]:
    up, interval = source("up"), source("prober_check_interval_seconds")
    dead = f"sum({source.increase('prober_dead_letters_total', RANGE)})"
    stuck = or_none(f"count({_overdue(source)} > 3)", interval)

    def failing(gauge: str) -> str:
        return or_none(f"count({source(gauge)} == 0)", source(gauge))

    def number(title: str, about: str, query: str) -> Panel:
        return stat(title, about, now(query), looks.TROUBLE)

    return (
        number("Do not answer", "Targets of the scrape job that cannot be scraped.", failing("up")),
        number(
            "Cut off",
            "Agents that reach none of the addresses under `connectivity`: their failures are unknown, reason offline.",
            failing("prober_connectivity"),
        ),
        number(
            "Cannot write",
            "Agents whose last write to the store failed: they probe and page on, and keep nothing.",
            failing("prober_store_up"),
        ),
        number(
            "Refused a config",
            "Agents whose last reload failed: the old config runs on.",
            failing("prober_config_last_reload_successful"),
        ),
        number(
            "Checks that are stuck",
            "More than three intervals without a run, and in no maintenance window.",
            stuck,
        ),
        number(
            "Notices given up",
            "In this range. The log says what each receiver answered.",
            f"{dead} or 0 * count({up})",
        ),
    )


def _overdue(source: Source) -> str:
    """By check, in intervals of its own, how long ago it ran last."""
    last, interval = "prober_last_run_timestamp_seconds", "prober_check_interval_seconds"
    window = f"{source('prober_maintenance_active')} == 1"
    late = f"(time() - {source(last)}) / {source(interval)}"
    return f"(max by (check, region) ({late}) unless on (check, region) {window})"


def _table(source: Source) -> Panel:
    itself = "instance, region, shard, version, python"
    made = Table(
        queries=(
            rows(f"max {BY} ({source('up')})"),
            rows(f"max by ({itself}) ({source('prober_build_info')})"),
            rows(f"1000 * max {BY} ({source('process_start_time_seconds')})"),
            rows(
                f"1000 * max {BY} ({source('prober_config_last_reload_success_timestamp_seconds')})"
            ),
            rows(f"count {BY} ({source('prober_check_interval_seconds')})"),
        ),
        columns={
            "instance": "Agent", "region": "Region", "shard": "Shard", "Value #A": "Answers", "version": "Version",
            "python": "Python", "Value #C": "Started", "Value #D": "Config of", "Value #E": "Checks",
        },
        looks={
            "Answers": looks.WORKS,
            "Started": looks.AGO,
            "Config of": looks.AGO,
            "Checks": looks.COUNT,
        },
        sort="Agent",
    )  # fmt: skip
    about = "One that does not answer has nothing but its address: see the alerts for the region that it was."
    return table("Agents", about, made, Size(24, 6))


def _time(source: Source) -> tuple[Panel, ...]:
    skipped = f"sum by (reason) ({source.per_minute('prober_runs_skipped_total')})"
    connected = f"min {BY} (min_over_time({source.over('prober_connectivity', STEP)}))"
    return (
        lines(
            "Runs begin late by",
            "The 99th percentile of the time between when a run was due and when it began.",
            over_time(source.quantile(0.99, "prober_schedule_lag_seconds", STEP, "instance"), _LEGEND),
            LATE,
            THIRD,
        ),
        lines(
            "The loop wakes late by",
            "The 99th percentile. Above 0.1 s the machine is too busy for what is measured on it.",
            over_time(source.quantile(0.99, "prober_loop_lag_seconds", STEP, "instance"), _LEGEND),
            LATE,
            THIRD,
        ),
        stacked(
            "Runs skipped a minute",
            "Runs that were due and not begun: the last one still went on (overrun), the agent was late, or a window had it so.",
            over_time(skipped, "{{reason}}"),
            looks.PLAIN_COUNT,
            THIRD,
        ),
        timeline(
            "Connected",
            "Whether the agent reaches any address under `connectivity`; without any it is taken for connected.",
            over_time(connected, _LEGEND),
            looks.WORKS,
            HALF,
        ),
        gauges(
            "Longest without a run",
            "In intervals of the check's own; above 3 it counts as stuck.",
            now(ranked(_overdue(source)), "{{check}} {{region}}"),
            Look(unit="suffix: x", steps=looks.rising(2.0, 3.0), least=0.0, decimals=1),
            HALF,
        ),
    )  # fmt: skip


def _runs(source: Source) -> tuple[Panel, ...]:
    runs = f"sum {BY} (rate({source.over('prober_runs_total', STEP)}))"
    unknown = source.per_minute("prober_runs_total", 'outcome="unknown"')
    return (
        lines(
            "Runs a second",
            "Of any outcome.",
            over_time(runs, _LEGEND),
            Look(unit="ops", least=0.0),
            THIRD,
        ),
        lines(
            "Unknown runs a minute",
            "The agent's own faults: offline, browser, script, killed, internal. The log says which.",
            over_time(f"sum {BY} ({unknown})", _LEGEND),
            looks.PLAIN_COUNT,
            THIRD,
        ),
        lines(
            "Checks",
            "That the agent has; with shards, its own share.",
            over_time(f"count {BY} ({source('prober_check_interval_seconds')})", _LEGEND),
            looks.COUNT,
            THIRD,
        ),
    )


def _journeys(source: Source) -> tuple[Panel, ...]:
    withheld = f"sum {BY} ({source.increase('prober_evidence_withheld_total', STEP)})"
    queue = source.quantile(0.95, "prober_journey_queue_seconds", SPARSE, "instance")
    startup = source.quantile(0.95, "prober_journey_startup_seconds", SPARSE, "instance")
    return (
        lines(
            "Journeys wait for a worker",
            "The 95th percentile of 15 minutes. Seconds mean that `agent.browser.workers` are too few for the intervals.",
            over_time(queue, _LEGEND),
            looks.SECONDS,
            THIRD,
        ),
        lines(
            "Browsers start in",
            "The 95th percentile of 15 minutes, until a journey's browser is ready.",
            over_time(startup, _LEGEND),
            looks.SECONDS,
            THIRD,
        ),
        lines(
            "Evidence withheld",
            "Screenshots and the like that were not kept, as they may show a secret.",
            over_time(withheld, _LEGEND),
            looks.PLAIN_COUNT,
            THIRD,
        ),
    )


def _telling(source: Source) -> tuple[Panel, ...]:
    told = f"sum by (outcome) ({source.per_minute('prober_notifications_total')})"
    waiting = f"sum by (notifier) ({source('prober_outbox_pending')})"
    oldest = f"time() - min {BY} ({source('prober_outbox_oldest_timestamp_seconds')})"
    nothing = f"0 * max {BY} ({source('up')})"
    traces = f"sum by (outcome) ({source.per_minute('prober_traces_total')})"
    return (
        stacked(
            "Attempts a minute, by outcome",
            "Of telling a notifier: accepted; retried, to be asked again; dead, given up. Nothing where the config has no notifiers.",
            over_time(told, "{{outcome}}"),
            looks.PLAIN_COUNT,
            _QUARTER,
        ),
        lines(
            "Notices that wait",
            "By notifier.",
            over_time(waiting, "{{notifier}}"),
            looks.COUNT,
            _QUARTER,
        ),
        lines(
            "The oldest of them",
            "How long it has waited; 0 while none does.",
            over_time(f"{oldest} or on (instance) {nothing}", _LEGEND),
            looks.SECONDS,
            _QUARTER,
        ),
        stacked(
            "Traces a minute, by outcome",
            "Runs whose spans a collector accepted, or that were dropped since none took them; 0 without `otlp`.",
            over_time(f"{traces} or on () 0 * count({source('up')})", "{{outcome}}"),
            looks.PLAIN_COUNT,
            _QUARTER,
        ),
    )


def _machine(source: Source) -> tuple[Panel, ...]:
    commit = source.quantile(0.99, "prober_store_commit_seconds", STEP, "instance")
    errors = f"sum {BY} ({source.increase('prober_store_errors_total', STEP)})"
    cpu = f"max {BY} (rate({source.over('process_cpu_seconds_total', STEP)}))"
    memory = f"max {BY} ({source('process_resident_memory_bytes')})"
    files = f"max {BY} ({source('process_open_fds')} / {source('process_max_fds')})"
    scrape = f"max {BY} ({source('scrape_duration_seconds')})"
    return (
        lines("Writing takes", "The 99th percentile of writing a group of results and states.", over_time(commit, _LEGEND), looks.SECONDS, THIRD),
        lines("Writes that failed", "What the disk refused.", over_time(errors, _LEGEND), looks.PLAIN_COUNT, THIRD),
        lines("Scrapes take", "How long Prometheus waits for the agent's metrics.", over_time(scrape, _LEGEND), looks.SECONDS, THIRD),
        lines("Processor", "Of the agent's own process, without its browsers.", over_time(cpu, _LEGEND), Look(unit="percentunit", least=0.0), THIRD),
        lines("Memory", "Of the agent's own process, without its browsers.", over_time(memory, _LEGEND), Look(unit="bytes", least=0.0), THIRD),
        lines("Open files", "The share of those that it may open.", over_time(files, _LEGEND), Look(unit="percentunit", least=0.0, steps=looks.rising(0.7, 0.9)), THIRD),
    )  # fmt: skip


_LEGEND = "{{instance}}"
_QUARTER = Size(6, 8)
