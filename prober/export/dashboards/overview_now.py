"""What is wrong at this moment, in a dozen numbers?"""

from __future__ import annotations

from prober.export.dashboards import looks
from prober.export.dashboards.chosen import Chosen
from prober.export.dashboards.looks import Look
from prober.export.dashboards.panels import Panel, now, stat
from prober.export.dashboards.queries import RANGE, Source, availability, or_none
from prober.export.rules.promql import names
from prober.export.scene import Scene


def numbers(chosen: Chosen) -> tuple[Panel, ...]:
    """Two lines of them."""
    return (*_down(chosen), *_quiet(chosen), *_silent(chosen), *_left(chosen))


def _down(chosen: Chosen) -> tuple[Panel, ...]:
    source, of = chosen.source, chosen.of
    alerts = f"count(count by (check) ({chosen.alerts('ProberQuorumDown')}))"
    return (
        stat(
            "Down in a quorum",
            "Checks of which an alert fires in as many regions as their quorum, whatever regions are chosen. It stands while nobody looks any more. Made by the rules of `prober rules`: without them there is no data.",
            now(or_none(alerts, "check:prober_regions:count")),
            Look(unit="short", steps=looks.TROUBLE.steps, decimals=0, empty="no data"),
        ),
        stat(
            "Down in any region",
            "Checks whose last run with a verdict was down somewhere, whether an alert fires yet or not.",
            now(f"sum(1 - min by (check) {of(source('probe_success'))})"),
            looks.CONCERN,
        ),
        stat(
            "Alerts in any region",
            "Pairs of a check and a rule under `alerts` that fires for it somewhere.",
            now(f"sum(max by (check, alert) {of(source('prober_alert_firing'))})"),
            looks.CONCERN,
        ),
    )


def _quiet(chosen: Chosen) -> tuple[Panel, ...]:
    source = chosen.source
    unseen = f"count({chosen.info} unless on (check, region) {source('probe_success')})"
    return (
        stat(
            "Without a verdict",
            "Checks, counted once a region, that an agent has and cannot judge: never run yet, or unknown for three intervals.",
            now(or_none(unseen, chosen.info)),
            looks.CONCERN,
        ),
        stat(
            "In maintenance",
            "Checks in a maintenance window in any region. They page nobody and count in no budget.",
            now(f"sum(max by (check) {chosen.of(source('prober_maintenance_active'))})"),
            looks.COUNT,
        ),
        stat(
            "Availability",
            "Runs in this range that were up, of those that were up or down. Unknown and maintenance are neither.",
            now(availability(chosen.runs(RANGE))),
            looks.SHARE,
        ),
    )


def _silent(chosen: Chosen) -> tuple[Panel, ...]:
    everything, many = Source(chosen.scene.job), len(chosen.scene.regions)
    up, waiting = everything("up"), everything("prober_outbox_pending")
    there = f"count(count by (region) ({everything('probe_success', *_known(chosen.scene))}))"
    unknown = chosen.source.increase("prober_runs_total", "15m", 'outcome="unknown"')
    return (
        stat(
            f"Silent regions, of {many}",
            "Regions of the config from which no check at all has a verdict, whatever the variables have chosen.",
            now(f"clamp_min({many} - ({there} or vector(0)), 0)"),
            looks.TROUBLE,
        ),
        stat(
            "Agents that do not answer",
            "Targets of the scrape job that cannot be scraped. One that is no longer in the job is not counted, but the region that it leaves is.",
            now(or_none(f"count({up} == 0)", up)),
            Look(unit="short", steps=looks.TROUBLE.steps, decimals=0, empty="no agents"),
        ),
        stat(
            "Unknown runs in 15 min",
            "Runs in which the agent itself failed or was cut off. They page nobody as the target's.",
            now(f"sum({chosen.of(unknown)})"),
            looks.CONCERN,
        ),
        stat(
            "Notices that wait",
            "Messages to people and receivers that are not delivered yet, of all agents.",
            now(or_none(f"sum({waiting})", up)),
            Look(unit="short", steps=looks.rising(10.0), decimals=0, empty="no data"),
        ),
    )


def _known(scene: Scene) -> tuple[str, ...]:
    """One that the config does not have stands in for none that it has."""
    return (f"region=~{names(scene.regions)}",) if len(scene.regions) > 1 else ()


def _left(chosen: Chosen) -> tuple[Panel, ...]:
    left = chosen.of_all_regions("slo:period_error_budget_remaining:ratio")
    expiry = chosen.of(chosen.source("probe_ssl_earliest_cert_expiry"))
    return (
        stat(
            "Least budget left",
            "Of all objectives under `slos`: 100 % is untouched, below 0 % is overspent. Made by the rules of `prober rules`.",
            now(f"min({left})"),
            looks.BUDGET,
        ),
        stat(
            "Next certificate",
            "Days until the first of all certificates that the targets show is over.",
            now(f"(min({expiry}) - time()) / 86400"),
            looks.DAYS_LEFT,
        ),
    )
