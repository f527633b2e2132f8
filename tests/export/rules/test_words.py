from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prober.alerts.conditions import Expiring
from prober.export.rules import words
from tests.export.rules.fleet import (
    BLIND,
    DOWN,
    FIRES,
    ISSUE,
    LENGTH,
    SLOW,
    Seen,
    lost,
    of,
    rule,
    rules,
    scene,
    since,
    watched,
)
from tests.promtool import Case, Labels, failures

EU, US, AP = Seen(region="eu"), Seen(region="us"), Seen(region="ap")
AT = "https://wiki.example.com/prober"
PAGES = "what was found stands on their agents' pages"


def said(summary: str, description: str, link: str) -> Labels:
    told = {"summary": summary, "description": description, "runbook_url": link}
    return {name: text for name, text in told.items() if text}


def down(seen: Seen, **changed: object) -> Seen:
    return seen.but(firing=since(5), **changed)


def case(name: str, moment: str, alert: str, labels: Labels, told: Labels, *seen: Seen) -> Case:
    return Case(name=name, series=of(*seen), words={moment: {alert: [(labels, told)]}})


def test_prometheus_tells_of_regions_in_sentences(tmp_path: Path) -> None:
    of_regions = f"regions in which it fires: eu, us; {PAGES}"
    link = f"{AT}/ProberQuorumDown.md"
    medium: Mapping[str, str] = {"alert": "slow", "severity": "medium"}
    told = [
        case(
            "down",
            "5m",
            "ProberQuorumDown",
            DOWN,
            said("shop is down in 2 of 3 regions", of_regions, link),
            *(down(US), down(EU), AP),
        ),
        case(
            "down in the only one that reports",
            "5m",
            "ProberQuorumDown",
            DOWN,
            said("shop is down in 1 of 1 region", f"regions in which it fires: eu; {PAGES}", link),
            down(EU),
        ),
        case(
            "slow",
            "5m",
            "ProberQuorumDown",
            {**DOWN, **medium},
            said("slow fires for shop in 2 of 3 regions", of_regions, link),
            *(down(EU, **medium), down(US, **medium), AP),
        ),
        case(
            "held",
            "12m",
            "ProberQuorumDown",
            DOWN,
            said(
                "shop is down, when last looked at: no region reports now",
                f"regions in which it fires: none that reports; {PAGES}",
                link,
            ),
            *(down(one, dies=8) for one in (EU, US, AP)),
        ),
        case(
            "one region",
            "10m",
            "ProberRegionalIssue",
            {**ISSUE, "region": "eu"},
            said(
                "shop is down in eu, in fewer regions than its quorum",
                "nobody is paged for it; it fires in: eu",
                f"{AT}/ProberRegionalIssue.md",
            ),
            *(down(EU), US, AP),
        ),
        case(
            "lost",
            "30m",
            "ProberRegionLost",
            lost("eu"),
            said(
                "the agent in eu (eu) cannot be scraped",
                words.LOST[1],
                f"{AT}/ProberRegionLost.md",
            ),
            *(EU.but(dies=5), US, AP),
        ),
        case(
            "blind",
            "30m",
            "ProberBlind",
            BLIND,
            said(*words.BLIND, f"{AT}/ProberBlind.md"),
            *(one.but(dies=5) for one in (EU, US, AP)),
        ),
    ]

    assert len({one.name for one in told}) == len(told)
    assert not failures(tmp_path, rules(scene()), told)


def test_a_check_has_its_own_runbook_whatever_is_in_it(tmp_path: Path) -> None:
    odd = 'https://wiki.example.com/{{ template }}/"x"?a=1&b=%20\\'
    checks = (watched("shop", runbook=odd), watched("api", quorum=1))
    told = [
        case(
            "its own",
            "5m",
            "ProberQuorumDown",
            DOWN,
            said(
                "shop is down in 2 of 2 regions", f"regions in which it fires: eu, us; {PAGES}", odd
            ),
            *(down(EU), down(US)),
        ),
        case(
            "that of all",
            "5m",
            "ProberQuorumDown",
            {**DOWN, "check": "api"},
            said(
                "api is down in 1 of 2 regions",
                f"regions in which it fires: eu; {PAGES}",
                "https://wiki.example.com/{{x}}/ProberQuorumDown.md",
            ),
            *(down(EU, check="api"), US.but(check="api")),
        ),
    ]

    assert len(told) == 2
    assert not failures(
        tmp_path, rules(scene(*checks, runbooks="https://wiki.example.com/{{x}}")), told
    )


def test_a_certificate_is_told_with_the_time_that_is_left(tmp_path: Path) -> None:
    labels = {**DOWN, "alert": "certificate", "severity": "low"}
    ten_days = {"probe_ssl_earliest_cert_expiry": [864000.0 + 600.0] * LENGTH}
    told = said(
        "shop has a certificate that ends in 10d 0h 0m 0s",
        words.ENDS_IN_GENERAL,
        f"{AT}/ProberCertificate.md",
    )
    one = case("ends", "10m", "ProberCertificate", labels, told, EU.but(more=ten_days))
    by_rule = said(
        "shop has a certificate that ends soon (cert)",
        f"regions in which it fires: eu; {PAGES}",
        f"{AT}/ProberCertificate.md",
    )
    labels = {**DOWN, "alert": "cert", "severity": "low"}
    cert = EU.but(alert="cert", severity="low", firing=FIRES)
    other = case("by a rule", "10m", "ProberCertificate", labels, by_rule, cert)

    assert told["summary"] != by_rule["summary"]
    assert not failures(tmp_path, rules(scene(watched(has_certificate=True))), [one])
    assert not failures(
        tmp_path, rules(scene(watched(rules=(rule("cert", Expiring(1.0)),)))), [other]
    )


def test_without_runbooks_there_is_no_link() -> None:
    annotations = words.of_check(scene(runbooks=None), "ProberQuorumDown", "a", "b")

    assert annotations == {"summary": "a", "description": "b"}


def test_without_a_rule_about_failures_nothing_is_said_to_be_down() -> None:
    text = rules(scene(watched(rules=(SLOW,))))

    assert "is down" not in text
    assert "$labels.alert }} fires for" in text
