"""What is wrong, row by row?"""

from __future__ import annotations

from prober.export.dashboards import looks
from prober.export.dashboards.chosen import Chosen
from prober.export.dashboards.links import to_check, to_runbook
from prober.export.dashboards.looks import Look
from prober.export.dashboards.panels import HALF, Panel, Table, rows, table
from prober.export.dashboards.queries import firing

_YES_NO = Look(mappings=looks.states((0, "no", looks.NEUTRAL), (1, "yes", looks.HELD)))


def down(chosen: Chosen) -> Panel:
    source, keys = chosen.source, "check, region"
    only = f"and on ({keys}) {chosen.of(source('probe_success') + ' == 0')}"
    in_a_row = f"max by ({keys}) ({source('prober_consecutive_failures')})"
    last_up = f"max by ({keys}) ({source('prober_last_success_timestamp_seconds')})"
    info = source("prober_check_info")
    reason = (
        f"max by ({keys}, reason) ({source.reason()}) or on ({keys}) group by ({keys}) ({info})"
    )
    labels = ", ".join((keys, "kind", "severity", *chosen.labels))
    made = Table(
        queries=(
            rows(f"(1000 * {last_up} or (0 / 0) * {in_a_row}) {only}"),
            rows(f"{in_a_row} {only}"),
            rows(f"({reason}) {only}"),
            rows(f"group by ({labels}) ({info}) {only}"),
        ),
        columns={
            "check": "Check", "region": "Region", "severity": "Severity", "reason": "Reason",
            "Value #A": "Last up", "Value #B": "Failures in a row", "kind": "Kind",
            **{label: label for label in chosen.labels},
        },
        looks={
            "Last up": looks.LAST_UP,
            "Failures in a row": looks.COUNT,
            "Severity": chosen.severities,
        },
        sort="Last up",
        falling=True,
        links=to_check("row"),
    )  # fmt: skip
    about = "Every check that is down now, region by region, with its most frequent reason of late. It has been down since after `Last up`. It is empty when all is well."
    return table("Down now", about, made)


def agreed(chosen: Chosen) -> Panel:
    alerts = 'ALERTS{alertname=~"Prober.+", alertstate="firing"}'
    firing_in = "max by (check, alert) (check_alert:prober_regions_firing:sum)"
    told = alerts.replace('=~"Prober.+"', '="ProberQuorumDown"')
    made = Table(
        queries=(
            rows(firing()),
            rows(f"{told} * on (check, alert) group_left () {firing_in} or (0 / 0) * {alerts}"),
        ),
        columns={
            "alertname": "Alert", "check": "Check", "alert": "Rule", "region": "Region",
            "slo": "Objective", "severity": "Severity", "Value #A": "Since", "Value #B": "Regions",
        },
        looks={
            "Since": looks.AGO,
            "Alert": Look(links=to_runbook(chosen.scene)),
            "Regions": Look(decimals=0, mappings=looks.NOT_KNOWN),
            "Severity": chosen.severities,
        },
        sort="Since",
        falling=True,
        links=to_check("row"),
    )  # fmt: skip
    about = "What the rules of `prober rules` say of all regions together, whatever the variables have chosen. ProberRegionalIssue is the trouble of one region alone and does not page."
    return table("Alerts of all regions", about, made, HALF)


def in_regions(chosen: Chosen) -> Panel:
    source, keys = chosen.source, "check, region, alert"
    fires = f"max by ({keys}, severity) {chosen.of(source('prober_alert_firing'))} == 1"
    muted = f"max by ({keys}) ({source('prober_alert_muted')})"
    made = Table(
        queries=(rows(fires), rows(f"{muted} and on ({keys}) ({fires})")),
        columns={
            "check": "Check", "region": "Region", "alert": "Rule", "severity": "Severity",
            "Value #B": "Muted",
        },
        looks={"Muted": _YES_NO, "Severity": chosen.severities},
        sort="Check",
        links=to_check("row"),
    )  # fmt: skip
    about = "What each agent has decided by the rules under `alerts`. Muted is what a maintenance window, a silence or a parent that is down holds back."
    return table("Alerts of each region", about, made, HALF)
