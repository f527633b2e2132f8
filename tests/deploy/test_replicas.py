"""Do the pods that the manifests ask for start, share the checks, take up a changed ConfigMap and stop?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from prober.config import load
from tests.agent_process import until
from tests.deploy.kubernetes import BASE, OVERLAYS, Probe, Region, container, projected
from tests.deploy.kustomize import render
from tests.pod import Pod, pod

ASK = ("prober", "check", "-c", "/etc/prober/config.yaml", "mail")
TOO_MANY = 2  # the ordinal of a replica that the config knows nothing of


@pytest.mark.timeout(180)
async def test_the_replicas_of_a_region_start_share_the_checks_and_stop(tmp_path: Path) -> None:
    region = Region(render(OVERLAYS / "eu"))
    spec = region.agents.spec.template.spec
    # In their cluster each has an address of its own; here they have but one, so each a port of its own.
    ports = {f"prober-{index}": 9620 + index for index in range(region.agents.spec.replicas)}
    replicas = [
        container(tmp_path, region, index, port)
        for index, port in enumerate([*ports.values(), 9620 + TOO_MANY])
    ]
    async with pod(tmp_path, replicas) as it:
        for name, port in ports.items():
            await started(it, name, port, spec.main.startup_probe)
        well = [
            await succeeds(it, name, port, probe)
            for name, port in ports.items()
            for probe in (spec.main.readiness_probe, spec.main.liveness_probe)
        ]
        shares = {name: await checks(it, name, port) for name, port in ports.items()}
        asked, _ = await asyncio.gather(it.run("prober-1", *ASK), taken_up(it, tmp_path, region))
        await until(lambda: f"prober-{TOO_MANY}" in it.ended(), "the one too many ends", 60)
        ended = it.ended()
        codes = [await it.stop(name, spec.termination_grace_period_seconds) for name in ports]
        codes.append(await it.stop(f"prober-{TOO_MANY}"))

    whole = sorted(one.name for one in load(BASE / "config.yaml", {}).config.checks)
    assert well == [True] * 4
    assert all(shares.values())
    assert sorted(name for share in shares.values() for name in share) == whole
    assert asked == 1  # down: nothing outside is to be reached
    assert ended == [f"prober-{TOO_MANY}"]
    assert codes == [0, 0, 2]
    assert "PROBER_SHARD='2/2' is no shard" in it.log(f"prober-{TOO_MANY}")
    assert json.loads(it.log("prober-0").splitlines()[-1])["level"] == "info"
    assert (tmp_path / "prober-0.volumes" / "data" / "prober.db").stat().st_uid == 10001


async def started(it: Pod, name: str, port: int, probe: Probe) -> None:
    within = probe.period_seconds * probe.failure_threshold

    async def holds() -> bool:
        await asyncio.sleep(
            0.1
        )  # who asks without a pause takes the processor from who is to start
        return await succeeds(it, name, port, probe)

    await until(holds, f"{name} is ready", within)


async def succeeds(it: Pod, name: str, port: int, probe: Probe) -> bool:
    assert name not in it.ended(), it.log(name)
    answer = await it.ask(f"http://{name}:{port}{probe.http_get.path}")
    return answer is not None and 200 <= answer.status_code < 400


async def checks(it: Pod, name: str, port: int) -> list[str]:
    answer = await it.ask(f"http://{name}:{port}/api/v1/checks")
    assert answer is not None
    found = answer.json()["data"]
    assert found["region"] == "eu"
    return [one["name"] for one in found["checks"]]


async def taken_up(it: Pod, folder: Path, region: Region) -> None:
    """Kubelet puts another config in the place of the first agent's, which is told to take it up."""
    volumes = region.agents.spec.template.spec.volumes
    (name,) = [one.config_map.name for one in volumes if one.config_map]
    data = {key: text.replace("mail", "post") for key, text in region.data(name).items()}
    projected(folder / "prober-0.volumes" / "config", data)
    code = await it.run("prober-0", "sh", "-c", "kill -HUP 1")

    assert code == 0
    await until(lambda: "post" in it.log("prober-0"), "the new config is taken up", 60)
