"""Which certificates end, when, and what has changed in them?"""

from __future__ import annotations

from dataclasses import replace

from prober.export.dashboards import looks
from prober.export.dashboards.layout import Dashboard, Row
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
from prober.export.dashboards.queries import RANGE, REGION, Source, or_none, ranked
from prober.export.dashboards.variables import (
    DATASOURCE,
    query_variable,
    region_variable,
    values_of,
)
from prober.export.rules.promql import quoted
from prober.export.scene import Scene

EXPIRY = "probe_ssl_earliest_cert_expiry"
DAY = 86400


def dashboard(scene: Scene) -> Dashboard:
    source = Source(scene.job, (REGION, 'check=~"$check"'))
    names = values_of("check", f"{EXPIRY}{{job={quoted(scene.job)}}}")
    return Dashboard(
        of="certificates",
        title="Certificates",
        about="The certificates that targets show, as each region sees them: which end soon, and what has changed.",
        variables=(DATASOURCE, region_variable(scene), query_variable("check", "Check", names)),
        rows=(
            Row("Now", (*_now(source), _ends(source))),
            Row("The first to end", _first(source)),
            Row("What is shown", _shown(source)),
        ),
        range="now-30d",
    )


def _now(source: Source) -> tuple[Panel, ...]:
    ends = f"min by (check) ({source(EXPIRY)}) - time()"
    unverified = f"count(count by (check) ({source(EXPIRY)} unless on (check, region) {source('probe_ssl_last_chain_expiry_timestamp_seconds')}))"
    failed = source.increase("prober_failures_total", "1h", 'reason="certificate"')

    def within(days: int) -> str:
        return or_none(f"count({ends} < {days * DAY})", source(EXPIRY))

    alarm = replace(looks.TROUBLE, empty="none")
    return (
        stat("The next ends in", "Days.", now(f"min({ends}) / {DAY}"), looks.DAYS_LEFT),
        stat("End within 7 days", "Checks, those that are over already among them.", now(within(7)), alarm),
        stat("End within 14 days", "Checks.", now(within(14)), replace(looks.CONCERN, empty="none")),
        stat("End within 30 days", "Checks. A certificate of 90 days is mostly renewed at 30.", now(within(30)), replace(looks.COUNT, empty="none")),
        stat("Not verified", "Checks whose last run saw a certificate and verified no chain: it was refused, or nobody was to verify it.", now(or_none(unverified, source(EXPIRY))), replace(looks.CONCERN, empty="none")),
        stat("Refused in the last hour", "Runs that were down by the certificate: over, for another name, or of nobody known.", now(f"sum({failed})"), looks.CONCERN),
    )  # fmt: skip


def _ends(source: Source) -> Panel:
    keys, info = "check, region", source("probe_ssl_last_chain_info")
    names = f"{keys}, subject, issuer, subjectalternative, serialnumber"
    ends = f"min by ({keys}) ({source(EXPIRY)})"
    made = Table(
        queries=(
            rows(f"({ends} - time()) / {DAY}"),
            rows(f"1000 * {ends}"),
            rows(f"group by ({names}) ({info})"),
        ),
        columns={
            "check": "Check", "region": "Region", "Value #A": "Days left", "Value #B": "Ends",
            "subject": "Subject", "issuer": "Issuer", "subjectalternative": "Also for",
            "serialnumber": "Serial",
        },
        looks={"Days left": looks.DAYS_LEFT, "Ends": Look(unit="dateTimeAsIso")},
        sort="Days left",
        links=to_check("row"),
    )  # fmt: skip
    about = "Of the certificates that a target sends, the first to end: its own, or one of those between it and the root."
    return table("Certificates", about, made, Size(24, 10))


def _first(source: Source) -> tuple[Panel, ...]:
    left = f"(min by (check) ({source(EXPIRY)}) - time()) / {DAY}"
    over = f"(min by (check, region) ({source(EXPIRY)}) - time()) / {DAY}"
    changed = f"count by (check) (count by (check, fingerprint_sha256) (count_over_time({source.over('probe_ssl_last_chain_info', RANGE)}))) - 1"
    return (
        gauges("Days left", "Of each check, as the region sees it whose certificate ends first.", now(ranked(left, falling=False), "{{check}}"), replace(looks.DAYS_LEFT, links=to_check("series")), HALF),
        gauges("Other certificates in this range", "How many others than one each target has shown: a renewal is 1. More are servers that do not agree.", now(ranked(changed), "{{check}}"), Look(unit="short", decimals=0, least=0.0, empty="none", links=to_check("series")), HALF),
        lines("Days left over time", "It falls by one a day; a step up is a renewal, and one that comes and goes is a server that was forgotten.", over_time(over, "{{check}} {{region}}"), looks.DAYS_LEFT, WIDE),
    )  # fmt: skip


def _shown(source: Source) -> tuple[Panel, ...]:
    version = f"count by (version) ({source('probe_tls_version_info')})"
    cipher = f"count by (cipher) ({source('probe_tls_cipher_info')})"
    issuer = f"count by (issuer) ({source('probe_ssl_last_chain_info')})"
    look = Look(unit="short", decimals=0, least=0.0)
    return (
        gauges("TLS", "Checks and regions, by the version agreed on.", now(f"sort_desc({version})", "{{version}}"), look),
        gauges("Ciphers", "Checks and regions, by the cipher agreed on.", now(ranked(cipher), "{{cipher}}"), look),
        gauges("Issuers", "Checks and regions, by who signed the certificate.", now(ranked(issuer), "{{issuer}}"), look),
    )  # fmt: skip
