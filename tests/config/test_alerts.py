from __future__ import annotations

from collections.abc import Mapping
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
from prober.config import Config, load
from prober.config.plan import plan
from tests.config.loading import NOTHING_SET, loaded, warned

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


def never(
    folder: Path, text: str, env: Mapping[str, str] = NOTHING_SET, *, allow_unset: bool = False
) -> list[str]:
    """What is said of rules that can never fire."""
    said = loaded(folder, text, env, allow_unset=allow_unset).warnings
    found = [str(one) for one in said if one.message.startswith("can never fire")]
    return [one.replace(f"{folder}/", "") for one in found]


@pytest.mark.parametrize(
    ("check", "when", "lacks"),
    [
        ('tcp: "h:1"', "certificate_expires_within: 30d", "certificate"),
        (
            'http: {url: "http://h/", redirects: 0}',
            "certificate_expires_within: 30d",
            "certificate",
        ),
        ('tcp: "h:1"', "value: {queue: {gt: 1}}", "value 'queue'"),
        (
            'http: {url: "http://h/", values: {queue: "$.q", pool: "$.p"}}',
            "value: {quee: {gt: 1}}",
            "value 'quee'; did you mean 'queue'?",
        ),
        ('http: "http://h/"', "step: {pay: 1s}", "step 'pay'"),
        (
            'http: {steps: [{name: pay, url: "http://h/"}]}',
            "step: {order: 1s}",
            "step 'order'; there is 'pay'",
        ),
        ("journey: order.py", "budget: any, over: 1h", "budget"),
        (
            "journey: {script: order.py, budgets: {lcp: 1s, cls: 1}}",
            "budget: duration, over: 1h",
            "budget 'duration'; there are 'cls', 'lcp'",
        ),
        (
            "journey: {script: order.py, budgets: {steps: {pay: 1s}}}",
            "budget: step pya, over: 1h",
            "budget 'step pya'; did you mean 'step pay'?",
        ),
        ("journey: order.py", "step: {pay: 1s}", "step 'pay'"),
    ],
)
def test_a_rule_that_waits_for_what_no_check_has_is_a_warning(
    tmp_path: Path, check: str, when: str, lacks: str
) -> None:
    (tmp_path / "order.py").write_text(SCRIPT)
    rule = f"{{odd: {{when: {{{when}, for: 1m}}}}}}"
    own = f"checks:\n  - {{name: a, {check}, alerts: {rule}}}\n"
    others = f"alerts: {rule}\nchecks:\n  - {{name: a, {check}}}\n  - {{name: b, {check}}}\n"

    assert never(tmp_path, own) == [
        f"config.yaml:2: checks[0].alerts.odd: can never fire: a has no {lacks}"
    ]
    assert never(tmp_path, others) == [
        f"config.yaml:1: alerts.odd: can never fire: a, b have no {lacks}"
    ]


def test_rules_for_all_may_pass_checks_by_in_silence(tmp_path: Path) -> None:
    (tmp_path / "order.py").write_text(
        "from prober.journey import journey\n@journey\ndef order(step):\n    with step('pay'): ...\n"
    )

    assert never(tmp_path, ALERTS + CHECKS) == []


@pytest.mark.parametrize("defaults", ["defaults: {RULES}", "defaults: {journey: {RULES}}"])
def test_a_rule_of_the_defaults_is_told_of_once_for_all_that_have_it(
    tmp_path: Path, defaults: str
) -> None:
    (tmp_path / "order.py").write_text(SCRIPT)
    rules = defaults.replace("RULES", "alerts: {odd: {when: {budget: lcp, over: 1h}}}")
    text = (
        rules
        + """
checks:
  - {name: a, journey: order.py}
  - {name: b, journey: order.py, alerts: {odd: {severity: low}}}
  - {name: d, journey: {script: order.py, budgets: BUDGETS}}
  - {name: e, journey: order.py}
"""
    )
    place = ".journey" if "journey" in defaults else ""

    assert never(tmp_path, text.replace("BUDGETS", "{lcp: 1s}")) == []
    assert never(tmp_path, text.replace("BUDGETS", "{cls: 1}")) == [
        f"config.yaml:1: defaults{place}.alerts.odd:"
        " can never fire: a, b, d and 1 more have no budget 'lcp'; there is 'cls'"
    ]


STEPS = "from prober.journey import journey\n@journey\ndef order(page, step):\n    {}\n"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("with step('pya'): ...", True),
        ("with step(name='pya', soft=True): ...", True),
        ("def inner():\n        with step('pya'): ...\n    inner()", True),
        ("with step('pya'):\n        with step('pay'): ...", False),
        ("if page:\n        with step('pay'): ...", False),
        ("for one in 'ab':\n        with step(f'p{one}y'): ...", False),
        ("with step('pya'): sign_in(page, step)", False),
        ("begin = step\n    with begin('pay'): ...", False),
        ("step = page.timed(step)\n    with step('pay'): ...", False),
    ],
)
def test_a_step_is_missed_where_no_run_of_any_journey_can_have_it(
    tmp_path: Path, body: str, told: bool
) -> None:
    (tmp_path / "order.py").write_text(STEPS.format(body))
    (tmp_path / "look.py").write_text(SCRIPT)
    text = """alerts: {slow: {when: {step: {pay: 1s}}}}
checks:
  - {name: look, journey: look.py}
  - {name: order, journey: order.py}
"""
    said = ["config.yaml:1: alerts.slow: can never fire: look, order have no step 'pay'"]

    assert never(tmp_path, text) == [f"{one}; did you mean 'pya'?" for one in said if told]


def test_a_journey_that_is_wrapped_may_have_any_step(tmp_path: Path) -> None:
    wrapped = SCRIPT.replace("@journey\n", "@journey\n@with_steps\n").replace(
        "(page)", "(page, step)"
    )
    (tmp_path / "order.py").write_text(f"def with_steps(f): return f\n{wrapped}")
    text = "checks: [{name: a, journey: order.py, alerts: {slow: {when: {step: {pay: 1s}}}}}]\n"

    assert never(tmp_path, text) == []


def test_a_script_that_nobody_looked_into_may_have_any_step(tmp_path: Path) -> None:
    (tmp_path / "order.py").write_text("broken(")
    text = "checks: [{name: a, journey: order.py, alerts: {slow: {when: {step: {pay: 1s}}}}}]\n"
    path = tmp_path / "config.yaml"
    path.write_text(text)

    broken = load(path, NOTHING_SET, allow_broken=True)
    other = load(path, NOTHING_SET, only=["b"])

    assert len(broken.broken) == 1
    assert not [one for one in (*broken.warnings, *other.warnings) if "never" in one.message]


QUEUE = """alerts: {queue: {when: {value: {queue: {gt: 1}}}}}
checks:
  - {name: a, tcp: "h:1"}
"""


def test_a_check_that_is_not_known_yet_may_meet_a_rule(tmp_path: Path) -> None:
    unset = '  - {name: b, http: {url: "http://h/", redirects: "${TIMES}"}}\n'

    assert never(tmp_path, QUEUE + unset, allow_unset=True) == []
    assert never(tmp_path, QUEUE + unset, {"TIMES": "0"}) == [
        "config.yaml:1: alerts.queue: can never fire: a, b have no value 'queue'"
    ]
    assert never(tmp_path, 'include: ["${MORE}"]\n' + QUEUE, allow_unset=True) == []


def test_a_check_without_targets_stands_for_those_that_may_come(tmp_path: Path) -> None:
    many = '  - {name: many, http: {values: {NAME: "$.q"}}, targets_from: [none-yet*.yaml]}\n'

    assert never(tmp_path, QUEUE + many.replace("NAME", "queue")) == []
    assert never(tmp_path, QUEUE + many.replace("NAME", "other")) == [
        "config.yaml:1: alerts.queue: can never fire: a, many have no value 'queue'; there is 'other'"
    ]


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
