from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import JsonValue, ValidationError

from prober.alerts.conditions import Failures
from prober.alerts.names import clash
from prober.alerts.rules import DEFAULT_RULES, EffectiveRule, Rule, alertname, effective

WORDS = ("critical", "high", "medium")
Overrides = Mapping[str, Mapping[str, JsonValue] | None]


def rules(**given: Mapping[str, JsonValue]) -> Mapping[str, Rule]:
    return {name: Rule.model_validate(rule) for name, rule in given.items()}


def of(
    overrides: Overrides | None = None,
    *,
    base: Mapping[str, Rule] = DEFAULT_RULES,
    severity: str | None = None,
) -> tuple[EffectiveRule, ...]:
    return effective(base, overrides or {}, severity, WORDS)


def mistakes(error: ValidationError) -> list[tuple[str, str]]:
    return [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]


def test_without_alerts_down_fires_after_three_and_resolves_after_two() -> None:
    assert of() == (EffectiveRule(name="down", condition=Failures(3), severity="critical"),)


def test_an_override_changes_the_keys_it_names_and_keeps_the_others() -> None:
    base = rules(down={"when": {"failures": 3}, "remind": "4h", "severity": "high"})

    (rule,) = of({"down": {"when": {"failures": 5}}}, base=base)
    assert (rule.condition, rule.successes, rule.remind, rule.severity) == (
        Failures(5),
        2,
        14400.0,
        "high",
    )


def test_null_removes_a_rule_or_a_key() -> None:
    base = rules(down={"when": {"failures": 3}, "remind": "4h"}, slow={"when": {"failures": 9}})

    assert [rule.name for rule in of({"down": None}, base=base)] == ["slow"]
    assert of({"down": {"remind": None}}, base=base)[0].remind is None


def test_a_check_may_have_rules_of_its_own() -> None:
    made = of({"quick": {"when": {"failures": 1}, "resolve": {"successes": 1}}})

    assert [(rule.name, rule.condition, rule.successes) for rule in made] == [
        ("down", Failures(3), 2),
        ("quick", Failures(1), 1),
    ]


@pytest.mark.parametrize(
    ("override", "rule", "check", "severity"),
    [
        ("medium", "high", "critical", "medium"),
        (None, "high", "medium", "high"),
        (None, None, "medium", "medium"),
        (None, None, None, "critical"),
    ],
)
def test_severity_is_the_overrides_then_the_rules_then_the_checks_then_the_first(
    override: str | None, rule: str | None, check: str | None, severity: str
) -> None:
    base = {"down": DEFAULT_RULES["down"].model_copy(update={"severity": rule})}
    overrides: Overrides = {"down": {"severity": override}} if override else {}

    assert of(overrides, base=base, severity=check)[0].severity == severity


@pytest.mark.parametrize(
    ("overrides", "place", "message"),
    [
        ({"down": {"when": {"failures": 0}}}, "alerts.down.when.failures", "greater than"),
        ({"down": {"whem": {}}}, "alerts.down.whem", "Extra inputs"),
        ({"quick": {"remind": "1h"}}, "alerts.quick.when", "required"),
        ({"down": {"remind": "soon"}}, "alerts.down.remind", "not a duration"),
        ({"down": {"remind": 0}}, "alerts.down.remind", "0 is too short; 1s or more"),
        ({"down": {"remind": 1e-9}}, "alerts.down.remind", "1e-09 is too short; 1s or more"),
        ({"down": {"remind": "999ms"}}, "alerts.down.remind", "'999ms' is too short; 1s or"),
        ({"down": {"severity": "urgent"}}, "alerts.down.severity", "'urgent' is not one of"),
        ({"store": {"when": {"failures": 1}}}, "alerts.store", "'store' is ProberStore, which"),
        (
            {"Down": {"when": {"failures": 1}}},
            "alerts.Down",
            "'Down' and 'down' are both ProberDown",
        ),
        ({"down": {"flapping": {"changes": 1}}}, "alerts.down.flapping.changes", "greater than"),
        ({"donw": None}, "alerts.donw", "no rule 'donw' to remove; the rules are 'down'"),
        ({"a b": {"when": {"failures": 1}}}, "alerts.a b.[key]", "match pattern"),
    ],
)
def test_a_bad_override_is_refused_where_it_stands(
    overrides: Overrides, place: str, message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        of(overrides)

    ((found, said),) = mistakes(caught.value)
    assert found == place
    assert message in said


def test_a_condition_is_needed_and_only_known_ones_are_taken() -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({})
    with pytest.raises(ValidationError):
        Rule.model_validate({"when": {"error_rate": "5%"}})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("down", "ProberDown"),
        ("slow-checkout", "ProberSlowCheckout"),
        ("cert_soon", "ProberCertSoon"),
        ("pageLCP", "ProberPageLCP"),
    ],
)
def test_the_alertname_is_the_rules_in_camel_case(name: str, expected: str) -> None:
    assert alertname(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("agent-fault", "agentFault", "offline", "orphans", "undelivered", "store"),
        *("quorum-down", "regional_issue", "region-lost", "region-absent", "stuck", "blind"),
        *("slo-burn", "sloBurn", "certificate", "Budget"),
    ],
)
def test_the_names_of_our_own_alerts_are_taken(name: str) -> None:
    assert clash(name, ()) is not None


def test_a_rule_clashes_with_what_is_called_alike_outside_and_not_with_itself() -> None:
    assert clash("slow-shop", ["down", "slow-shop"]) is None
    assert clash("slow-shop", ["slow_shop"]) == (
        "'slow-shop' and 'slow_shop' are both ProberSlowShop; rename one"
    )
    assert clash("cert", ["certificate"]) is None


def test_a_name_that_the_check_has_removed_is_free() -> None:
    renamed: Overrides = {"down": None, "Down": {"when": {"failures": 1}}}

    assert [rule.name for rule in of(renamed)] == ["Down"]
