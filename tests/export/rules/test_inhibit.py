from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prober.alerts.conditions import BudgetBroken
from prober.alerts.slo import Slo
from prober.export.rules import inhibit, text
from prober.export.rules.whole import generated
from prober.export.scene import Scene
from tests.export.rules.fleet import BLIND, DOWN, SLOW, lost, rule, scene, watched
from tests.promtool import Labels
from tests.tools import tool

SHOP = scene(
    watched("shop"),
    watched("basket", depends_on=("shop",)),
    watched("pay.v1", depends_on=("shop", "bank")),
    watched("bank"),
)
PAGE = {**DOWN, "alertname": "ProberQuorumDown"}


def quiet(of_scene: Scene, *, because: Labels, target: Labels) -> bool:
    """Whether nobody is told of `target` while `because` fires; as Alertmanager reads it."""
    return any(
        _matches(one.source, because)
        and _matches(one.target, target)
        and all(because.get(name, "") == target.get(name, "") for name in one.equal)
        for one in inhibit.rules(of_scene)
    )


def _matches(matchers: Sequence[str], labels: Labels) -> bool:
    return all(_holds(matcher, labels) for matcher in matchers)


def _holds(matcher: str, labels: Labels) -> bool:
    found = re.fullmatch(r'(\w+)(=~|!~|!=|=)"(.*)"', matcher)
    assert found, matcher
    name, operator, value = found.groups()
    value, text_of = value.replace("\\\\", "\\"), labels.get(name, "")
    same = bool(re.fullmatch(value, text_of)) if "~" in operator else text_of == value
    return same is not operator.startswith("!")


def named(alertname: str, **labels: str) -> Labels:
    return {**DOWN, "alertname": alertname, **labels}


def test_who_is_blind_hears_of_nothing_else() -> None:
    blind = {**BLIND, "alertname": "ProberBlind"}
    others = [PAGE, named("ProberSLOBurn"), {**lost("eu"), "alertname": "ProberRegionLost"}]

    assert all(quiet(SHOP, because=blind, target=one) for one in others)
    assert not quiet(SHOP, because=blind, target=blind)
    assert not quiet(SHOP, because=blind, target=named("SomebodyElses"))


def test_an_agent_that_is_lost_is_not_stuck_as_well() -> None:
    away = {**lost("eu"), "alertname": "ProberRegionLost"}

    assert quiet(SHOP, because=away, target={**lost("eu"), "alertname": "ProberStuck"})
    assert not quiet(SHOP, because=away, target={**lost("us"), "alertname": "ProberStuck"})


def test_a_check_that_is_down_has_no_other_troubles() -> None:
    others = [
        named("ProberCertificate", alert="cert"),
        named("ProberBudget", alert="vitals"),
        named("ProberQuorumDown", alert="slow"),
    ]

    assert all(quiet(SHOP, because=PAGE, target=one) for one in others)
    assert not any(quiet(SHOP, because=PAGE, target={**one, "check": "bank"}) for one in others)
    assert not quiet(SHOP, because=PAGE, target=PAGE)


def test_the_end_of_a_regional_issue_is_told_though_it_became_a_page() -> None:
    assert not quiet(SHOP, because=PAGE, target=named("ProberRegionalIssue", region="ap"))


def test_whoever_was_paged_of_a_budget_gets_no_ticket_for_it() -> None:
    promised = replace(SHOP, slos=(Slo(name="available", availability=0.999),))
    page = named("ProberSLOBurn", slo="available", severity="critical")
    ticket = {**page, "severity": "medium"}

    assert quiet(promised, because=page, target=ticket)
    assert not quiet(promised, because=ticket, target=page)
    assert not quiet(promised, because=page, target={**ticket, "slo": "fast"})
    alike = replace(promised, severities=("page",))
    assert not quiet(
        alike, because={**page, "severity": "page"}, target={**page, "severity": "page"}
    )


def test_what_is_slow_hides_nothing() -> None:
    slow = named("ProberQuorumDown", alert="slow")

    assert not quiet(SHOP, because=slow, target=PAGE)
    assert not quiet(SHOP, because=slow, target=named("ProberCertificate", alert="cert"))
    assert not quiet(SHOP, because=slow, target=named("ProberQuorumDown", check="basket"))


def test_of_two_rules_about_failures_neither_hides_the_other() -> None:
    both = scene(watched(rules=(rule(), rule("dead"), SLOW)))
    dead = named("ProberQuorumDown", alert="dead")

    assert not quiet(both, because=PAGE, target=dead)
    assert not quiet(both, because=dead, target=PAGE)
    assert quiet(both, because=dead, target=named("ProberQuorumDown", alert="slow"))


def test_who_depends_on_what_is_down_is_quiet() -> None:
    child = named("ProberQuorumDown", check="basket")

    assert quiet(SHOP, because=PAGE, target=child)
    assert quiet(SHOP, because=PAGE, target={**child, "alertname": "ProberBudget"})
    assert quiet(SHOP, because=PAGE, target={**child, "alertname": "ProberSLOBurn", "slo": "up"})
    assert quiet(SHOP, because=PAGE, target={**child, "check": "pay.v1"})
    assert quiet(SHOP, because=named("ProberQuorumDown", check="bank"), target={**child, "check": "pay.v1"})  # fmt: skip
    assert not quiet(SHOP, because=PAGE, target={**child, "check": "payXv1"})
    assert not quiet(SHOP, because=child, target=PAGE)
    assert not quiet(SHOP, because=named("ProberRegionalIssue"), target=child)


def test_a_rule_that_is_about_failures_for_some_checks_only_hides_nothing() -> None:
    broken = BudgetBroken(budget="lcp", over=3600.0)
    odd = scene(watched("shop", rules=(rule("odd"),)), watched("b", rules=(rule("odd", broken),)))

    assert len(inhibit.rules(odd)) == 2
    assert not quiet(odd, because=named("ProberQuorumDown", alert="odd"), target=named("ProberBudget"))  # fmt: skip


def test_alertmanager_takes_them_under_a_route(tmp_path: Path) -> None:
    config = tmp_path / "alertmanager.yml"
    block = text.inhibitions(generated(SHOP), SHOP)
    config.write_text(f"route: {{receiver: all}}\nreceivers: [{{name: all}}]\n{block}")
    done = subprocess.run(
        [tool("amtool"), "check-config", config], capture_output=True, text=True, timeout=30
    )

    assert done.returncode == 0, done.stderr
    assert f"{len(inhibit.rules(SHOP))} inhibit rules" in done.stdout
