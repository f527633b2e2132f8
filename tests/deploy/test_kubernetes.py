"""Are the manifests, and what the documents say of them, right? tests/deploy/test_replicas.py runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Literal

import kubernetes_validate
import pytest
import yaml
from pydantic import JsonValue, ValidationError

from prober.config import load
from prober.shard import Shard
from prober.units import parse_duration
from tests.deploy.kubernetes import BASE, OVERLAYS, ROOT, Region, expanded, field
from tests.deploy.kustomize import Strict, Tree, at, find, render
from tests.images import last_stage, prober
from tests.tools import tool

REGIONS = {folder.name: Region(render(folder)) for folder in sorted(OVERLAYS.iterdir())}
VERSIONS = ("1.28", kubernetes_validate.latest_version().rpartition(".")[0])  # 1.37 of 1.37.0
DOCUMENT = ROOT / "docs" / "deploy.md"
NAMESPACE = "metadata.namespace"
MAIN = "spec.template.spec.containers.[name=prober]"
SELECTED: Tree = {"app.kubernetes.io/name": "prober"}


class Relabelling(Strict):
    action: Literal["replace"]
    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    target_label: str
    replacement: str = "$1"


class Endpoint(Strict):
    port: str
    interval: str
    honor_labels: bool
    relabelings: tuple[Relabelling, ...]


class MonitorSpec(Strict):
    selector: dict[Literal["matchLabels"], dict[str, str]]
    endpoints: tuple[Endpoint]


class ServiceMonitor(Strict):
    """Of the operator's own schema, which no package has, what ours says."""

    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["ServiceMonitor"]
    metadata: dict[Literal["name", "namespace", "labels"], JsonValue]
    spec: MonitorSpec


@pytest.fixture(params=REGIONS)
def region(request: pytest.FixtureRequest) -> Region:
    return REGIONS[request.param]


def stateful_set(region: Region) -> Tree:
    return find(region.trees, "StatefulSet", "prober")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_one_to_kubernetes(region: Region, version: str) -> None:
    ours = [it for it in region.trees if it["kind"] != "ServiceMonitor"]
    judged = [kubernetes_validate.validate(it, version, strict=True) for it in ours]

    assert {*judged} == {version}
    assert {str(it["kind"]) for it in ours} == {
        *("ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "Service", "StatefulSet")
    }
    with pytest.raises(kubernetes_validate.ValidationError, match="imagine"):
        kubernetes_validate.validate({**ours[0], "imagine": 1}, version, strict=True)


def test_every_agent_is_scraped_as_the_config_and_the_rules_have_it(region: Region) -> None:
    tree = find(region.trees, "ServiceMonitor", "prober")
    monitor, service = ServiceMonitor.model_validate(tree), find(region.trees, "Service", "prober")
    (endpoint,) = monitor.spec.endpoints
    labels = {one.target_label: one for one in endpoint.relabelings}
    told = load(BASE / "config.yaml", {}).config.prometheus

    assert endpoint.honor_labels
    assert parse_duration(endpoint.interval) == told.scrape_interval
    assert labels["job"].replacement == told.job
    assert labels["instance"].source_labels == (
        "__meta_kubernetes_namespace", "__meta_kubernetes_pod_name",
    )  # fmt: skip
    assert monitor.spec.selector["matchLabels"] == at(service, "metadata.labels") == SELECTED
    assert at(service, "spec.ports.[name=http].targetPort") == endpoint.port == "http"
    assert at(service, "spec.clusterIP") == "None"
    with pytest.raises(ValidationError, match="honourLabels"):
        ServiceMonitor.model_validate({**tree, "spec": {"endpoints": [{"honourLabels": True}]}})


def test_all_of_it_is_about_the_same_pods(region: Region) -> None:
    agents = stateful_set(region)

    assert at(agents, "spec.selector.matchLabels") == SELECTED
    assert at(agents, "spec.template.metadata.labels") == SELECTED
    assert at(agents, "spec.serviceName") == "prober"
    assert at(find(region.trees, "Service", "prober"), "spec.selector") == SELECTED
    for kind, path in {
        "NetworkPolicy": "spec.podSelector.matchLabels",
        "PodDisruptionBudget": "spec.selector.matchLabels",
    }.items():
        assert at(find(region.trees, kind, "prober"), path) == SELECTED


def test_a_pod_may_no_more_than_it_needs(region: Region) -> None:
    spec = at(stateful_set(region), "spec.template.spec")

    assert at(spec, "securityContext.runAsNonRoot") is True
    assert at(spec, "securityContext.seccompProfile") == {"type": "RuntimeDefault"}
    assert at(spec, "automountServiceAccountToken") is False
    assert at(stateful_set(region), f"{MAIN}.securityContext") == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_pod_is_given_what_its_image_expects(region: Region) -> None:
    its, spec = prober(), region.agents.spec.template.spec
    (port,) = spec.main.ports
    targets = {one.name: one.mount_path for one in spec.main.volume_mounts}
    config = load(BASE / "config.yaml", {}).config
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ids = spec.security_context

    assert spec.main.image == f"prober:{version}"
    assert (ids.run_as_user, ids.run_as_group, ids.fs_group) == (its.user, its.group, its.group)
    assert region.environment(0)["PROBER_LISTEN"] == its.env["PROBER_LISTEN"]
    assert its.env["PROBER_LISTEN"].endswith(f":{port.container_port}")
    assert dict(last_stage())["EXPOSE"] == str(port.container_port)
    assert dict(last_stage())["VOLUME"] == json.dumps([targets["data"]])
    assert str(config.agent.data_dir) == targets["data"]
    assert targets["config"] == str(Path(its.command[-1]).parent)
    assert spec.main.args[-len(its.command) :] == its.command
    assert targets["tmp"] == its.env["HOME"]


def test_an_agent_is_asked_on_its_port_whether_it_is_well_and_has_time_to_stop(
    region: Region,
) -> None:
    spec = region.agents.spec.template.spec
    probes = (spec.main.startup_probe, spec.main.readiness_probe, spec.main.liveness_probe)

    assert [one.http_get.path for one in probes] == ["/-/ready", "/-/ready", "/-/healthy"]
    assert [spec.main.port(one.http_get.port) for one in probes] == [9620] * 3
    assert spec.main.startup_probe.period_seconds * spec.main.startup_probe.failure_threshold >= 60
    assert spec.termination_grace_period_seconds == 30


def test_each_replica_of_a_region_has_a_shard_and_each_region_of_the_config_an_overlay() -> None:
    config = load(BASE / "config.yaml", {}).config
    told = {
        name: [region.environment(index) for index in range(region.agents.spec.replicas)]
        for name, region in REGIONS.items()
    }

    assert sorted(REGIONS) == sorted(config.regions)
    for name, replicas in told.items():
        count = len(replicas)
        assert [Shard.of(one["PROBER_SHARD"]) for one in replicas] == [
            Shard(index, count) for index in range(count)
        ]
        assert [one["PROBER_REGION"] for one in replicas] == [name] * count


def test_a_pod_that_does_not_know_its_index_has_no_shard(region: Region) -> None:
    main = region.agents.spec.template.spec.main
    path = "metadata.labels['apps.kubernetes.io/pod-index']"
    (template,) = [one.value for one in main.env if one.name == "PROBER_SHARD"]

    assert [one.value_from.field_ref.field_path for one in main.env if one.value_from] == [path]
    assert field(path, {}) == ""  # Kubernetes before 1.28
    with pytest.raises(ValueError, match="is no shard"):
        Shard.of(expanded(template, {"POD_INDEX": ""}))


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$(A)/2", "0/2"),
        ("$(B)", "$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$0"),
        ("$A ${A} $", "$A ${A} $"),
        ("$(A)$(A)$()", "00$()"),
        ("$(A", "$(A"),
    ],
)
def test_references_are_filled_in_as_kubernetes_does(text: str, filled: str) -> None:
    assert expanded(text, {"A": "0"}) == filled


def shown(language: str, mark: str) -> str:
    """The example of the documents in which this stands."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (example,) = [one for one in found if mark in one]
    return example


def test_the_scrape_without_an_operator_is_the_operators(tmp_path: Path) -> None:
    document = yaml.safe_load(shown("yml", "kubernetes_sd_configs"))
    (job,) = document["scrape_configs"]
    # Debian's promtool knows nothing of Kubernetes, so it judges the rest.
    (discovered,) = job.pop("kubernetes_sd_configs")
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(document))
    command = [tool("promtool"), "check", "config", str(file)]
    judged = subprocess.run(command, capture_output=True, text=True, timeout=20)
    (monitored,) = ServiceMonitor.model_validate(
        find(REGIONS["eu"].trees, "ServiceMonitor", "prober")
    ).spec.endpoints
    instance = monitored.relabelings[-1]

    assert judged.returncode == 0, judged.stderr
    assert discovered == {
        "role": "pod",
        "namespaces": {"names": [at(stateful_set(it), NAMESPACE) for it in REGIONS.values()]},
        "selectors": [{"role": "pod", "label": "app.kubernetes.io/name=prober"}],
    }
    assert (job["job_name"], job["scrape_interval"]) == ("prober", monitored.interval)
    assert job["honor_labels"] is True
    assert job["relabel_configs"][0]["regex"] == monitored.port
    assert job["relabel_configs"][-1] == {
        "source_labels": [*instance.source_labels], "separator": "/", "target_label": "instance",
    }  # fmt: skip


def test_the_rules_become_a_prometheusrule_as_the_documents_say(tmp_path: Path) -> None:
    shutil.copy(BASE / "config.yaml", tmp_path)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for script in (shown("sh", "PrometheusRule"), "prober rules > prober-rules.yml"):
        subprocess.run(["sh", "-euc", script], cwd=tmp_path, env=env, check=True, timeout=30)
    wrapped = yaml.safe_load((tmp_path / "prometheusrule.yaml").read_text())
    rules = yaml.safe_load((tmp_path / "prober-rules.yml").read_text())

    assert wrapped["kind"] == "PrometheusRule"
    assert wrapped["apiVersion"] == "monitoring.coreos.com/v1"
    assert wrapped["spec"] == rules
    assert len(rules["groups"]) > 1


def test_a_pod_that_knows_its_name_alone_can_have_its_shard_of_that() -> None:
    (patch,) = yaml.safe_load(shown("yml", "HOSTNAME"))["patches"]
    (one,) = yaml.safe_load(patch["patch"])
    command, program = one["value"], "exec tini -- /venv/bin/prober"
    told = [*command[:2], command[2].replace(program, 'echo "$PROBER_SHARD"'), *command[3:]]
    args = REGIONS["eu"].agents.spec.template.spec.main.args
    said = subprocess.run(
        [*told, *args], env={"HOSTNAME": "prober-1"}, capture_output=True, text=True, timeout=20
    )

    assert program in command[2]
    assert said.stdout.split() == ["1/2", *args]
    assert one["path"] == "/spec/template/spec/containers/0/command"
