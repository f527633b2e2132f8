"""An editor that knows the schema takes what the agent takes, and refuses most of what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from prober.config import described, source
from prober.config.blackbox import DEFAULT
from prober.config.compose import Composer
from prober.config.fill import Files, Filled, Filler
from prober.config.hidden import Hidden
from prober.config.schema import schema, text
from prober.config.tree import Tree
from prober.config.values import Values
from tests.config.test_load import WHOLE
from tests.parity import MODULES

ROOT = Path(__file__).parent.parent.parent
INVALID = Path(__file__).parent / "invalid"
SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA)
SHOWN = {
    f"{path.name}-{number}": block
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL))
    if not block.startswith("scrape_configs:")
}
GOOD = {**SHOWN, "config.yaml": (ROOT / "config.yaml").read_text(), "contract": WHOLE}
# Of each sort of mistake that a schema can see, some.
SEEN = [
    "boolean_text",
    "browser_sandbox",
    "browser_unknown",
    "browser_workers",
    "budget_cls",
    "budget_count",
    "budget_duration",
    "budget_page_duration",
    "budget_page_empty",
    "budget_step_negative",
    "budget_unknown",
    "check_is_text",
    "checks_is_mapping",
    "default_once",
    "default_unknown",
    "duration_words",
    "include_is_mapping",
    "include_not_a_file",
    "journey_channel",
    "journey_context_key",
    "journey_context_viewport",
    "journey_is_list",
    "journey_network",
    "journey_params_list",
    "journey_secret_is_list",
    "journey_unknown_key",
    "journey_without_script",
    "kind_misspelt",
    "label_is_list",
    "label_name",
    "maintenance_is_mapping",
    "maintenance_probe",
    "maintenance_severity",
    "missing_name",
    "missing_url",
    "module_cel",
    "module_key",
    "module_kind",
    "module_no_kind",
    "module_option_unknown",
    "module_text",
    "module_tls_version",
    "name_not_a_name",
    "no_kind",
    "notifier_is_text",
    "notifier_unknown",
    "notifier_urls_is_text",
    "override_unknown_key",
    "retries_negative",
    "route_without_notify",
    "rule_without_when",
    "severities_empty",
    "ten_mistakes",
    "top_is_list",
    "two_kinds",
    "unknown_key_check",
    "unknown_key_nested",
    "unknown_key_top",
    "targets_both",
    "targets_kind",
]


class _AsWritten(Filler):
    def fill(self, text: str) -> Filled:
        return Filled(text)


def read(text: str) -> JsonValue:
    """As an editor reads it: nothing is filled in."""
    tree = Tree("config.yaml")
    values = Values(tree, _AsWritten({}, Files(Path())), Hidden())
    Composer(tree, values).compose(source.events(text, "config.yaml"))
    return tree.root


def mistakes(text: str) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(read(text))]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert json.loads(text()) == SCHEMA
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("name", GOOD)
def test_what_the_agent_takes_is_valid(name: str) -> None:
    assert mistakes(GOOD[name]) == []


@pytest.mark.parametrize(
    "check",
    [
        'http: "${URL}"',
        'http: {url: "${URL}", redirects: "${N}", max_body: "${SIZE}", expect: {duration: "${D}"}}',
        'http: "https://h/", interval: "${D:-5s}", retries: "${N:-1}", timeout: 1.5',
        "http: {url: 'https://h/', tls: {insecure_skip_verify: '${YES}', min_version: 1.2}}",
        "http: {url: 'https://h/', headers: {A: b, C: [d, e], F: 1}}",
        "http: {url: 'https://h/', json: [1, null]}",
        "http: {url: 'https://h/', expect: {status: [200, 3xx, 400-404], body: {contains: [a, b]}}}",
        "http: {url: 'https://h/', expect: {status: 2xx, headers: {A: b, C: {matches: d}, E: 1}}}",
        "http: {url: 'https://h/', expect: {json: {$.a: {lt: 3}, $.b: null, $.c: [1], $.d: x}}}",
        "http: {steps: [{name: a, url: 'https://h/'}, {name: b, url: 'https://h/', always: true}]}",
        "tcp: 'h:1', labels: {tier: 1, on: true}, severity: null, alerts: {down: null}",
        "tcp: {address: 'h:1'}, alerts: {down: {severity: low}, more: {when: {failures: 1}}}",
        "journey: a.py, runbook: 'https://h/'",
        "journey: {script: a.py, browser: {channel: msedge, connect: 'ws://grid:3000'}}",
        "journey: {script: a.py, context: {viewport: {width: '${W}', height: 3}, locale: de-CH}}",
        "targets_from: [a/*.yaml], http: {expect: {status: 200}}",
        "targets_from: a.yaml, tcp: ",
    ],
)
def test_forms_that_people_use_are_valid(check: str) -> None:
    assert mistakes(f"checks: [{{name: a, {check}}}]") == []


@pytest.mark.parametrize(
    "text",
    [
        "agent:\nweb:\nchecks:\nalerts:\nnotifiers:\nroutes:\ndefaults:\ninclude:\n",
        "include: conf.d/*.yaml",
        "routes: [{match: {severity: critical, labels: {team: [a, b]}}, notify: a}]",
        "notifiers: {a: {alertmanager: {urls: ['http://h/'], timeout: 5s}}}",
        "alerts: {down: {when: {failures: '${N}'}, remind: 4h}}",
        "agent: {notify: '${N}', resolver: '${R}', browser: {sandbox: '${S}', workers: '${W}'}}",
    ],
)
def test_so_are_short_and_empty_sections(text: str) -> None:
    assert mistakes(text) == []


@pytest.mark.parametrize("name", SEEN)
def test_mistakes_are_refused(name: str) -> None:
    assert mistakes((INVALID / f"{name}.yaml").read_text())


@pytest.mark.parametrize(
    ("check", "where"),
    [
        ("http: {method: GET}", "http"),
        ("http: {url: 'https://h/', expect: {statsu: 200}}", "http"),
        ("targets_from: [a], http: {url: 'https://h/'}", "http"),
        ("targets_from: [a], journey: a.py", "journey"),
        ("tcp: 'h:1', interval: soon", "interval"),
        ("tcp: 'h:1', retries: some", "retries"),
        ("tcp: 'h:1', labels: {a: [b]}", "labels"),
    ],
)
def test_a_mistake_is_told_at_its_key(check: str, where: str) -> None:
    assert any(f"checks[0].{where}" in one for one in mistakes(f"checks: [{{name: a, {check}}}]"))


def test_nothing_that_is_told_in_words_is_taken_for_another_key() -> None:
    names = {name: set(_keys(name)) for name in described.SAID if name not in ("Config", "Check")}

    wrong = {n: set(described.SAID[n]) - keys for n, keys in names.items()}

    assert all(not left for left in wrong.values()), wrong
    assert set(described.SAID["Config"]) == set(_properties(SCHEMA))


def _keys(name: str) -> Iterator[str]:
    definitions = SCHEMA["$defs"]
    assert isinstance(definitions, dict)
    yield from _properties(definitions[name])


def _properties(one: dict[str, object]) -> dict[str, object]:
    properties = one["properties"]
    assert isinstance(properties, dict)
    return properties


def test_no_value_of_the_schema_is_one_that_only_the_program_knows() -> None:
    assert not re.search(
        r"x-quantity|prober\.|PydanticUndefined|\"title\": \"[A-Z]\w+ [A-Z]", text()
    )


def test_the_schema_takes_modules_as_blackbox_exporter_does() -> None:
    config = {"modules": {**yaml.safe_load(MODULES)["modules"], **yaml.safe_load(DEFAULT)}}

    assert [error.message for error in VALIDATOR.iter_errors(config)] == []
