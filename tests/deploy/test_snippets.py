"""Do the snippets for Prometheus and Loki know the agent's series and log lines as they are?"""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
import re2
import yaml
from pydantic import JsonValue, TypeAdapter

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
PROMTAIL = DEPLOY / "loki" / "promtail.yaml"
ALLOY = DEPLOY / "loki" / "config.alloy"
# What a line of `--log-format json` says of a run.
LOGGED = {"timestamp", "level", "message", "logger", "request_id", "check", "region", "kind"}
LOGGED |= {"outcome", "reason", "duration_ms", "trace_id"}
FEW = {"level", "region", "outcome"}  # fit to be labels: each has a handful of values
NAMES = {"type": "object", "additionalProperties": {"type": "null"}}
STAGE = {
    "type": "object",
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {
        "json": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"expressions": NAMES},
        },
        "labels": NAMES,
        "structured_metadata": NAMES,
        "timestamp": {
            "type": "object",
            "additionalProperties": False,
            "required": ["source", "format"],
            "properties": {
                "source": {"const": "timestamp"},
                "format": {"const": "RFC3339Nano"},
                "action_on_failure": {"enum": ["fudge", "skip"]},
            },
        },
    },
}
RELABELLED = [
    ("probe_success", "homepage", "homepage"),
    ("probe_http_duration_seconds", "many:https://shop.example.com/a:b", "https://shop.example.com/a:b"),
    ("probe_success", "many:10.0.0.9:6379", "10.0.0.9:6379"),
    ("probe_success", "a/b", "a/b"),
    ("prober_runs_total", "homepage", None),
    ("prober_check_info", "homepage", None),
]  # fmt: skip


@pytest.mark.parametrize(("series", "check", "instance"), RELABELLED)
def test_a_check_is_an_instance_as_blackbox_exporter_has_it(
    series: str, check: str, instance: str | None
) -> None:
    file = yaml.safe_load((DEPLOY / "prometheus" / "blackbox-relabel.yml").read_text())
    (job,) = file["scrape_configs"]
    made = {}
    for rule in job["metric_relabel_configs"]:
        assert rule["source_labels"] == ["__name__", "check"]
        if found := re2.fullmatch(rule["regex"], f"{series};{check}"):
            made[rule["target_label"]] = found.group(1)

    assert made == ({} if instance is None else {"instance": instance, "target": instance})


def stages() -> dict[str, dict[str, JsonValue]]:
    (job,) = yaml.safe_load(PROMTAIL.read_text())["scrape_configs"]
    jsonschema.validate(job["pipeline_stages"], {"type": "array", "items": STAGE})
    named = [one for stage in job["pipeline_stages"] for one in stage.items()]
    return TypeAdapter(dict[str, dict[str, JsonValue]]).validate_python(dict(named))


def test_promtail_takes_fields_that_lines_have() -> None:
    found = stages()
    expressions = TypeAdapter(dict[str, None]).validate_python(found["json"]["expressions"])

    assert {*expressions} <= LOGGED
    assert {*found["labels"]} == FEW
    assert {*found["structured_metadata"]} == {*expressions} - FEW - {"timestamp"}


def test_alloy_does_what_promtail_does() -> None:
    text = re.sub(r"//.*", "", ALLOY.read_text())
    blocks = {
        name: {*re.findall(r"(\w+)\s*=\s*\"\"", body)}
        for name, body in re.findall(r"stage\.(\w+) \{(.*?)\n  \}", text, re.DOTALL)
    }
    found = stages()

    assert text.count("{") == text.count("}")
    assert blocks["json"] == {
        *TypeAdapter(dict[str, None]).validate_python(found["json"]["expressions"])
    }
    assert blocks["labels"] == {*found["labels"]}
    assert blocks["structured_metadata"] == {*found["structured_metadata"]}
    leads = re.findall(r"forward_to\s*=\s*\[loki\.(\w+\.\w+)\.receiver\]", text)
    assert leads == ["process.prober", "write.loki"]
