"""What all generated rules have in common, whatever config they are of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from prober.alerts.conditions import BudgetBroken, Expiring
from prober.alerts.names import GENERATED, alertname
from prober.alerts.slo import Slo
from prober.export.rules import text
from prober.export.rules.made import Alert, Generated, Record
from prober.export.rules.regions import MOST_LABELS
from prober.export.rules.whole import generated
from prober.export.scene import Scene
from tests.export.rules.fleet import (
    DOWN,
    SLOW,
    Seen,
    absent,
    of,
    rule,
    rules,
    scene,
    watched,
)
from tests.promtool import Case, check_rules, failures

RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
ALL = scene(
    watched(
        "shop",
        rules=(
            rule(),
            SLOW,
            rule("cert", Expiring(1.0)),
            rule("vitals", BudgetBroken(budget="lcp", over=3600.0)),
        ),
        runbook="https://wiki.example.com/shop",
    ),
    watched("slow-one", quorum=1, interval=3600.0, depends_on=("shop",)),
    slos=(Slo(name="availability", availability=0.99),),
    agents_tell=False,
)
WINDOW = "unless on (check, region) prober_maintenance_active == 1"
OF_AGENTS = {"ProberBlind", "ProberRegionLost", "ProberRegionAbsent", "ProberOffline",
             "ProberStore", "ProberUndelivered"}  # fmt: skip


def every(made: Generated) -> Iterator[Record | Alert]:
    for group in made.groups:
        yield from group.rules


def alerts(of_scene: Scene) -> Mapping[str, Alert]:
    return {one.alert: one for one in every(generated(of_scene)) if isinstance(one, Alert)}


def test_all_alerts_of_the_contract_are_there() -> None:
    of_agents = {"ProberAgentFault", "ProberOffline", "ProberStore", "ProberUndelivered"}

    assert set(alerts(ALL)) == {alertname(name) for name in GENERATED} | of_agents


@pytest.mark.parametrize("name", alerts(ALL))
def test_every_alert_has_a_runbook_and_leads_to_it(name: str) -> None:
    written = (RUNBOOKS / f"{name}.md").read_text()

    assert re.findall(r"^#+ .*", written, re.MULTILINE) == [
        f"# {name}", "## Meaning", "## Look at", "## Do",
    ]  # fmt: skip
    assert f"https://wiki.example.com/prober/{name}.md" in alerts(ALL)[name].annotations["runbook_url"]  # fmt: skip


def test_there_is_no_runbook_for_what_is_never_told() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(alerts(ALL))


@pytest.mark.parametrize("name", sorted(set(alerts(ALL)) - OF_AGENTS))
def test_what_is_about_checks_leaves_out_those_in_maintenance(name: str) -> None:
    """Here, or in the records that it is made of."""
    records: dict[str, list[str]] = {}
    for one in every(generated(ALL)):
        if isinstance(one, Record):
            records.setdefault(one.record, []).append(one.expr)
    seen, asked = set[str](), [alerts(ALL)[name].expr]
    for expr in asked:  # which grows by what the records in it ask
        for record in set(re.findall(r"[a-z_]+:[a-z_:0-9]+", expr)) - seen:
            seen.add(record)
            asked += records.get(record, [])

    assert any(WINDOW in expr for expr in asked), sorted(seen)


@pytest.mark.parametrize("one", alerts(ALL).values(), ids=lambda one: one.alert)
def test_every_alert_says_what_it_is_and_how_bad(one: Alert) -> None:
    assert {"summary", "description"} <= set(one.annotations)
    assert "severity" in one.labels or "severity" in one.expr or ":" in one.expr


def test_prometheus_has_nothing_to_say_about_all_of_them(tmp_path: Path) -> None:
    check_rules(tmp_path, rules(ALL))

    assert len(list(every(generated(ALL)))) > 30


@pytest.mark.parametrize("scrape", [0.1, 0.5, 30.0, 300.0])
def test_all_that_they_wait_for_is_of_the_scrape_interval(scrape: float, tmp_path: Path) -> None:
    made = generated(scene(every=scrape, agents_tell=False))
    waits = {one.alert: (one.lasting, one.keep) for one in every(made) if isinstance(one, Alert)}
    check_rules(tmp_path, text.rules(made, ALL))

    assert {group.every for group in made.groups} == {min(scrape, 60.0)}
    assert waits["ProberQuorumDown"] == (0.0, 4 * scrape)
    assert waits["ProberRegionalIssue"] == (10 * scrape, 0.0)
    # A Prometheus that has just started is not blind yet, nor is a region gone.
    assert waits["ProberBlind"] == (max(4 * scrape, scrape + 8), 0.0)
    assert waits["ProberRegionAbsent"] == (max(2 * scrape, scrape + 8), 0.0)


def test_at_half_a_second_they_take_seconds(tmp_path: Path) -> None:
    fires = [0] * 10 + [1] * 70
    eu, us = (Seen(region=region, firing=fires) for region in ("eu", "us"))
    one = Case(
        name="fast",
        series=of(eu, us, Seen(region="ap", dies=5)),  # its tenth sample, here 5 s
        at={"4s500ms": {}, "5s": {"ProberQuorumDown": [DOWN]}},
        interval="500ms",
    )
    told = of(eu, Seen(region="us"))
    gone = Case(
        name="alone",
        series=told,
        at={
            "8s": {},
            "8s500ms": {"ProberRegionAbsent": absent("ap")},
            "9s500ms": {"ProberRegionAbsent": absent("ap")},
            "10s": {
                "ProberRegionAbsent": absent("ap"),
                "ProberRegionalIssue": [{**DOWN, "severity": "info", "region": "eu"}],
            },
        },
        interval="500ms",
    )

    assert "[2s]" in rules(scene(every=0.5))
    assert not failures(tmp_path, rules(scene(every=0.5)), [one, gone], every="500ms")


@pytest.mark.parametrize("own", [False, True])
def test_ten_thousand_checks_are_as_many_rules_as_they_need(own: bool, tmp_path: Path) -> None:
    """Each with nothing of its own, or with all that a check can have of its own."""
    checks = [
        watched(
            f"check-{number}.example.com",
            quorum=1 + number % 3 if own else 2,
            runbook=f"https://wiki.example.com/{number}" if own else None,
            depends_on=(f"check-{number // 2}.example.com",) if own and number else (),
            interval=3600.0 if own else 60.0,
        )
        for number in range(10_000)
    ]
    many = scene(*checks)
    made = generated(many)
    written, block = text.rules(made, many), text.inhibitions(made, many)

    assert (len(written) < 20_000) is not own
    assert (len(block) > 500_000) is own
    check_rules(tmp_path, written)


def test_the_same_config_makes_the_same_rules() -> None:
    assert rules(ALL) == rules(ALL)


def test_a_check_without_anything_of_its_own_is_not_named() -> None:
    assert "shop" not in rules(scene(watched("shop")))


def notes(of_scene: Scene) -> tuple[str, ...]:
    return generated(of_scene).notes


def test_there_is_nothing_to_say_about_a_plain_config() -> None:
    assert notes(scene(agents_tell=False)) == ()


def test_more_labels_than_an_alert_should_have_are_left_out_and_said() -> None:
    labels = {f"label{number:02}": "x" for number in range(MOST_LABELS + 2)}
    several = scene(watched(labels=labels), agents_tell=False)
    expr = alerts(several)["ProberQuorumDown"].expr

    assert notes(several) == ("alerts carry 20 labels of checks; left out: label20, label21",)
    assert "label19" in expr
    assert "label20" not in expr


def test_who_is_told_twice_is_said() -> None:
    assert notes(scene()) == (
        "agent.notify: always lets the agents tell as well: whoever hears of both is told twice",
    )
    assert notes(scene(regions=("eu",))) == (
        "the agent of the one region tells of everything itself: with agent.notify: never"
        " Prometheus alone tells",
    )


def test_certificates_that_no_rule_looks_at_are_said() -> None:
    assert notes(scene(watched(has_certificate=True), agents_tell=False)) == (
        "no rule has certificate_expires_within: ProberCertificate fires 14 days before",
    )


def test_a_quorum_of_more_regions_than_there_are_is_said() -> None:
    checks = [watched(name, quorum=4) for name in "abcde"]

    assert notes(scene(*checks, agents_tell=False)) == (
        "more regions than there are make the quorum of a, b, c and 2 more: all that report have to agree",
    )


def test_severities_of_ones_own_are_taken_by_their_places() -> None:
    made = alerts(scene(watched(has_certificate=True), severities=("sev1", "sev2", "sev3")))
    alone = alerts(scene(watched(has_certificate=True), severities=("bad",)))

    assert {name: one.labels.get("severity") for name, one in made.items()} == {
        "ProberQuorumDown": None,
        "ProberRegionalIssue": "sev3",
        "ProberCertificate": "sev2",
        "ProberBlind": "sev1",
        "ProberRegionLost": "sev2",
        "ProberRegionAbsent": "sev2",
        "ProberStuck": "sev2",
    }
    assert {one.labels.get("severity", "bad") for one in alone.values()} == {"bad"}
