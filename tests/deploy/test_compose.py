"""Does compose.yaml start what it says, with the files that it mounts? Grafana alone is not run: there is none here."""

from __future__ import annotations

import asyncio
import json
import platform
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import JsonValue, TypeAdapter

from prober.config import load
from prober.units import parse_duration
from tests import confined
from tests.agent_process import until
from tests.deploy import compose
from tests.deploy.compose import FILE, Compose, Service
from tests.pod import Pod, pod
from tests.tools import missing, tool

DEPLOY = FILE.parent
ROOT = DEPLOY.parent
SCHEMA = "usr/lib/python3/dist-packages/compose/config/compose_spec.json"
BROKEN = {"DEMO_SHOP_FAULTS": "health"}
LOOKED_AT = {  # a query, and the label that is looked at
    'probe_success{check="shop-home"} == 1': "region",
    'up{job="prober"} == 1': "instance",
    "prometheus_rule_evaluation_failures_total > 0": "rule_group",
}
_DICT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


def services() -> dict[str, Service]:
    return Compose.model_validate(compose.read({})).services


def raw() -> dict[str, dict[str, JsonValue]]:
    """As the file has them."""
    whole = _DICT.validate_python(compose.read({}))
    return TypeAdapter(dict[str, dict[str, JsonValue]]).validate_python(whole["services"])


def test_the_file_is_one_to_docker_composes_own_schema() -> None:
    place = next(filter(Path.is_file, (Path("/", SCHEMA), ROOT / ".tools" / SCHEMA)), None)
    if place is None:
        missing("docker-compose's schema is not here; scripts/tools gets it")
    judge = jsonschema.Draft7Validator(json.loads(place.read_text()))

    assert [one.message for one in judge.iter_errors(compose.read({}))] == []
    assert not judge.is_valid({"services": {"shop": {"imagine": "a shop"}}})


def test_every_image_has_a_version_and_ours_is_the_projects() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = {one.image for one in services().values()}

    assert f"prober:{version}" in images
    assert all(image.rpartition(":")[2][-1].isdigit() for image in images)


@pytest.mark.parametrize("name", services())
def test_a_service_may_no_more_than_it_needs(name: str) -> None:
    one = raw()[name]

    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in one


def test_every_port_is_one_services_own_and_this_machines_alone() -> None:
    ports = [
        port
        for one in raw().values()
        for port in TypeAdapter(list[str]).validate_python(one["ports"])
    ]

    assert len(set(ports)) == len(ports) == len(services())
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert all(port.split(":")[1] == port.split(":")[2] for port in ports)


def test_what_is_mounted_is_there() -> None:
    declared = Compose.model_validate(compose.read({})).volumes
    sources = [volume.split(":")[0] for one in services().values() for volume in one.volumes]

    assert {source for source in sources if not source.startswith(".")} == set(declared)
    assert [it for it in sources if it.startswith(".") and not (DEPLOY / it).exists()] == []


def test_every_region_of_the_config_has_an_agent_that_prometheus_scrapes() -> None:
    config = load(DEPLOY / "config.yaml", {}).config
    agents = {name: one for name, one in services().items() if "PROBER_REGION" in one.environment}
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (job,) = scraped["scrape_configs"]
    addresses = {
        f"{name}:{one.environment['PROBER_LISTEN'].rpartition(':')[2]}"
        for name, one in agents.items()
    }

    assert sorted(one.environment["PROBER_REGION"] for one in agents.values()) == sorted(
        config.regions
    )
    assert set(job["static_configs"][0]["targets"]) == addresses
    assert job["job_name"] == config.prometheus.job
    assert job["honor_labels"] is True
    assert parse_duration(scraped["global"]["scrape_interval"]) == config.prometheus.scrape_interval


def test_grafana_finds_prometheus_and_its_dashboards() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    sources = [yaml.safe_load(one.read_text()) for one in provisioning.glob("datasources/*.y*ml")]
    providers = [yaml.safe_load(one.read_text()) for one in provisioning.glob("dashboards/*.y*ml")]
    mounted = [volume.split(":")[1] for volume in services()["grafana"].volumes]
    every = load(DEPLOY / "config.yaml", {}).config.prometheus.scrape_interval

    assert [
        parse_duration(one["jsonData"]["timeInterval"])
        for it in sources
        for one in it["datasources"]
    ] == [every]
    assert [one["url"] for it in sources for one in it["datasources"]] == ["http://prometheus:9090"]
    assert [one["options"]["path"] in mounted for it in providers for one in it["providers"]] == [
        True
    ]


@pytest.mark.timeout(180)
async def test_all_of_it_starts_and_a_broken_shop_is_told_to_its_pager(tmp_path: Path) -> None:
    all_of_them = compose.containers(tmp_path, BROKEN)
    async with pod(tmp_path, all_of_them) as it:
        for one in all_of_them:
            await until(lambda name=one.name: well(it, name), one.name, 40)
        await until(lambda: fires(it), "the pager has ProberQuorumDown", 60)
        found = [await asked(it, query) for query in LOOKED_AT]
        ends = [await it.stop(name) for name in ("prober-eu", "prober-us", "shop")]

    assert {*services()} - {one.name for one in all_of_them} == {"grafana"}
    assert found == [["eu", "us"], ["prober-eu:9620", "prober-us:9621"], []]
    assert ends == [0, 0, 0]


@pytest.mark.timeout(90)
async def test_journeys_run_in_a_container_that_chromiums_sandbox_does_not_work_in(
    tmp_path: Path,
) -> None:
    every = {one.name: one for one in compose.containers(tmp_path, {})}
    agent = every["prober-eu"]
    program = agent.command[: agent.command.index("run")]
    once = (*program, "check", "-c", "/etc/prober/config.yaml", "order")
    async with pod(tmp_path, [every["shop"]]) as it:
        await until(lambda: well(it, "shop"), "the shop", 40)
        await it.start(replace(agent, command=once))
        await until(lambda: it.ended() == [agent.name], "the order is placed", 40)
        code, said = await it.stop(agent.name), it.log(agent.name)

    assert code == 0, said
    if platform.machine() in confined.KNOWN:
        assert "Chromium's sandbox is off, as the browser does not start in it" in said


async def well(it: Pod, name: str) -> bool:
    assert it.ended() == [], it.log(it.ended()[0])
    if not await it.healthy(name):
        await asyncio.sleep(0.2)  # a health check is a process: they would keep a processor busy
        return False
    return True


async def asked(it: Pod, query: str) -> list[str]:
    """A label of each series that Prometheus finds, sorted."""
    answer = await it.ask(f"http://prometheus:9090/api/v1/query?query={query}")
    assert answer is not None
    return sorted(row["metric"][LOOKED_AT[query]] for row in answer.json()["data"]["result"])


async def fires(it: Pod) -> bool:
    headers = {"Accept": "application/json"}
    answer = await it.ask("http://shop:9630/pager", headers=headers)
    assert answer is not None
    told = [one["labels"] for one in answer.json()["notices"]]
    return any(
        labels["alertname"] == "ProberQuorumDown" and labels["check"] == "shop-health"
        for labels in told
    )


def test_the_generated_files_are_those_of_the_config(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "prober", "rules", "-c", "deploy/config.yaml"]
    command += ["-o", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=30)
    names = ("prober-rules.yml", "prober-inhibit.yml")
    shipped = [(DEPLOY / "prometheus" / name).read_text() for name in names]
    alertmanager = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())

    assert shipped == [(tmp_path / name).read_text() for name in names], "run scripts/generate"
    assert alertmanager["inhibit_rules"] == yaml.safe_load(shipped[1])["inhibit_rules"]


def test_prometheus_and_alertmanager_take_their_files() -> None:
    prometheus, alertmanager = DEPLOY / "prometheus", DEPLOY / "alertmanager"
    commands: list[list[str | Path]] = [
        [tool("promtool"), "check", "config", prometheus / "prometheus.yml"],
        [tool("promtool"), "check", "config", prometheus / "blackbox-relabel.yml"],
        [tool("amtool"), "check-config", alertmanager / "alertmanager.yml"],
    ]
    said = [subprocess.run(one, capture_output=True, text=True, timeout=20) for one in commands]

    assert [one.stderr for one in said if one.returncode] == []
