from __future__ import annotations

from pathlib import Path

import pytest

from prober.alerts.conditions import (
    BudgetBroken,
    Condition,
    ErrorRate,
    Expiring,
    Failures,
    Percentile,
    StepSlow,
    ValueIs,
)
from prober.alerts.flapping import Flapping
from prober.config import Config
from prober.config.plan import plan
from tests.config.loading import loaded, warned

ALERTS = """
alerts:
  down:   {when: {failures: 3}, resolve: {successes: 2}, remind: 4h}
  errors: {when: {error_rate: 5%, over: 15m, min_runs: 10, min_failures: 2}, severity: high}
  slow:   {when: {p95: 2s, over: 1h, min_runs: 20}, severity: medium}
  cert:   {when: {certificate_expires_within: 30d}, severity: low}
  vitals: {when: {budget: any, over: 6h, min_runs: 10}, severity: medium}
  queue:  {when: {value: {queue: {gt: 100}}, for: 5m}, severity: medium}
  pay:    {when: {step: {pay: 5s}}, severity: medium}
"""
CHECKS = """
checks:
  - {name: plain, tcp: "h:1"}
  - {name: tls, tcp: {address: "h:1", tls: true}}
  - {name: api, http: {url: "http://h/", redirects: 0, values: {queue: "$.queue"}}}
  - {name: web, http: "https://h/"}
  - {name: steps, http: {steps: [{name: pay, url: "https://h/"}]}}
  - {name: order, journey: {script: order.py, budgets: {lcp: 2s, steps: {pay: 5s}}}}
  - {name: look, journey: {script: order.py}}
notifiers: {h: {webhook: {url: "http://h/"}}}
"""
SCRIPT = """
from prober.journey import journey


@journey
def order(page):
    page.goto("http://h/")
"""


def built(folder: Path, text: str) -> Config:
    (folder / "order.py").write_text(SCRIPT)
    return loaded(folder, text).config


def test_a_rule_watches_the_checks_that_can_meet_it(tmp_path: Path) -> None:
    rules = built(tmp_path, ALERTS + CHECKS).rules

    names = {check: [rule.name for rule in its] for check, its in rules.items()}
    assert names == {
        "plain": ["down", "errors", "slow"],
        "tls": ["down", "errors", "slow", "cert"],
        "api": ["down", "errors", "slow", "queue"],
        "web": ["down", "errors", "slow", "cert"],
        "steps": ["down", "errors", "slow", "cert", "pay"],
        "order": ["down", "errors", "slow", "vitals", "pay"],
        "look": ["down", "errors", "slow", "pay"],
    }


@pytest.mark.parametrize(
    ("when", "condition"),
    [
        ("failures: 3", Failures(3)),
        ("failures: 3, of: 5", Failures(3, 5)),
        ("failures: 3, of: 3", Failures(3, 3)),
        ("error_rate: 5%, over: 15m", ErrorRate(rate=0.05, over=900, min_runs=10, min_failures=2)),
        (
            "error_rate: 0.5, over: 1h, min_runs: 4, min_failures: 1",
            ErrorRate(rate=0.5, over=3600, min_runs=4, min_failures=1),
        ),
        ("p50: 1s, over: 1h", Percentile(share=0.5, limit=1, over=3600, min_runs=20)),
        ("p90: 1s, over: 1h", Percentile(share=0.9, limit=1, over=3600, min_runs=20)),
        ("p95: 1s, over: 1h", Percentile(share=0.95, limit=1, over=3600, min_runs=20)),
        (
            "p99: 500ms, over: 1h, min_runs: 5",
            Percentile(share=0.99, limit=0.5, over=3600, min_runs=5),
        ),
        ("budget: lcp, over: 6h", BudgetBroken(budget="lcp", over=21600, min_runs=10)),
        ("budget: step pay, over: 6h", BudgetBroken(budget="step pay", over=21600, min_runs=10)),
        ("certificate_expires_within: 30d", Expiring(2592000)),
        ("value: {queue: {ge: 1, lt: 9}}", ValueIs("queue", (("lt", 9), ("ge", 1)))),
        ("step: {pay: 5s}", StepSlow("pay", 5)),
    ],
)
def test_every_form_of_a_condition_is_read(tmp_path: Path, when: str, condition: Condition) -> None:
    checks = """
checks:
  - {name: order, journey: {script: order.py, budgets: {lcp: 2s, steps: {pay: 5s}}}}
  - {name: api, http: {url: "https://h/", values: {queue: "$.queue"}}, interval: 30s}
"""
    config = built(tmp_path, f"alerts: {{one: {{when: {{{when}, for: 90s}}}}}}{checks}")

    (found,) = {rule.condition for rule in config.rules["api"]} or {
        rule.condition for rule in config.rules["order"]
    }
    assert found == condition
    assert {rule.lasting for its in config.rules.values() for rule in its} == {90.0}


def test_a_window_that_the_interval_cannot_fill_is_widened_and_it_is_said(tmp_path: Path) -> None:
    text = """alerts: {errors: {when: {error_rate: 5%, over: 5m, min_runs: 4}}}
checks:
  - {name: a, tcp: "h:1", interval: 2m}
  - {name: b, tcp: "h:1", interval: 2m}
  - {name: c, tcp: "h:1", interval: 30s}
  - name: d
    tcp: "h:1"
    interval: 2m
    alerts: {errors: {when: {p95: 1s, over: 10m}}}
notifiers: {h: {webhook: {url: "http://h/"}}}
"""
    config = loaded(tmp_path, text).config
    over = {check: its[0].condition for check, its in config.rules.items()}

    widened = ErrorRate(rate=0.05, over=480, min_runs=4)
    assert over["a"] == over["b"] == widened
    assert over["c"] == ErrorRate(rate=0.05, over=300, min_runs=4)
    assert over["d"] == Percentile(share=0.95, limit=1, over=2400)
    assert warned(tmp_path, text) == [
        "config.yaml:1: alerts.errors.when: 4 runs, 2 m apart, do not fit into 5 m;"
        " it looks back 8 m for a, b",
        "config.yaml:9: checks[3].alerts.errors.when: 20 runs, 2 m apart, do not fit into 10 m;"
        " it looks back 40 m for d",
    ]


def test_a_rule_of_a_checks_own_that_can_never_fire_is_a_warning(tmp_path: Path) -> None:
    text = """checks:
  - {name: a, tcp: "h:1", alerts: {cert: {when: {certificate_expires_within: 30d}}}}
notifiers: {h: {webhook: {url: "http://h/"}}}
"""
    assert warned(tmp_path, text) == [
        "config.yaml:2: checks[0].alerts.cert: can never fire: a has nothing of that kind"
    ]


def test_rules_for_all_may_pass_checks_by_in_silence(tmp_path: Path) -> None:
    text = (
        ALERTS
        + """checks: [{name: a, tcp: "h:1"}]
notifiers: {h: {webhook: {url: "http://h/"}}}
"""
    )
    assert warned(tmp_path, text) == []


def test_checks_that_are_alike_share_their_rules(tmp_path: Path) -> None:
    checks = 'checks: [{name: a, tcp: "h:1"}, {name: b, tcp: "g:1"}]'
    rules = loaded(tmp_path, ALERTS + checks).config.rules

    assert rules["a"] is rules["b"]


def test_an_override_replaces_the_whole_condition_and_keeps_the_rest(tmp_path: Path) -> None:
    text = (
        ALERTS
        + """checks:
  - {name: a, tcp: "h:1", alerts: {down: {severity: low}, errors: {when: {failures: 2}}}}
"""
    )
    down, errors, _ = loaded(tmp_path, text).config.rules["a"]

    assert (down.condition, down.remind, down.severity) == (Failures(3), 14400, "low")
    assert (errors.condition, errors.severity) == (Failures(2), "high")


def test_flapping_is_off_unless_asked_and_is_overridden_as_a_whole(tmp_path: Path) -> None:
    text = """alerts: {down: {when: {failures: 3}, flapping: {}}, errors: {when: {failures: 9}}}
checks:
  - {name: a, tcp: "h:1"}
  - {name: b, tcp: "h:1", alerts: {down: {flapping: {changes: 4, over: 1h}}}}
  - {name: c, tcp: "h:1", alerts: {down: {flapping: null}}}
notifiers: {h: {webhook: {url: "http://h/"}}}
"""
    rules = loaded(tmp_path, text).config.rules

    assert {check: [rule.flapping for rule in its] for check, its in rules.items()} == {
        "a": [Flapping(6, 1800.0), None],
        "b": [Flapping(4, 3600.0), None],
        "c": [None, None],
    }
    assert warned(tmp_path, text) == []


def test_flapping_that_is_quicker_than_the_runs_is_a_warning(tmp_path: Path) -> None:
    text = """alerts: {down: {when: {failures: 3}, flapping: {over: 12m}}}
checks:
  - {name: a, tcp: "h:1"}
  - {name: b, tcp: "h:1"}
  - {name: c, tcp: "h:1", interval: 59s}
  - name: d
    tcp: "h:1"
    alerts: {down: {flapping: {changes: 3, over: 5m}}}
  - {name: e, tcp: "h:1", alerts: {down: {when: {error_rate: 50%, over: 1h}, resolve: {successes: 1}}}}
notifiers: {h: {webhook: {url: "http://h/"}}}
"""

    assert warned(tmp_path, text) == [
        "config.yaml:1: alerts.down.flapping: never flaps: with runs 1 m apart,"
        " 6 changes take 12 m or more for a, b",
        "config.yaml:8: checks[3].alerts.down.flapping: never flaps: with runs 1 m apart,"
        " 3 changes take 5 m or more for d",
    ]


def test_a_runbook_shows_nobody_who_may_read_it(tmp_path: Path) -> None:
    check = '{name: api, tcp: "h:1", runbook: "https://ana:hunter2@wiki.example/x@y"}'
    known = plan(loaded(tmp_path, f"checks: [{check}]").config).checks["api"]

    assert known.runbook == "https://***@wiki.example/x@y"
