from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from prober.doctor import browser
from prober.doctor.looks import Level, Machine, Seen
from prober.probes import processes
from tests.doctor.machine import machine
from tests.journey.running import OFFLINE
from tests.tools import browser as installed


async def tried(it: Machine, folder: Path, **env: str) -> dict[str, Seen]:
    work = folder / "work"
    work.mkdir()
    here = replace(it, env={**it.env, "PROBER_CHROMIUM_ARGS": f"'{OFFLINE}'", **env})
    seen = {name: one async for name, one in browser.tried(here, work)}
    assert not (work / "runs").exists() or os.listdir(work / "runs") == []
    assert not any(processes._is_marked(pid, bytes(work)) for pid in processes.processes())
    return seen


async def test_a_journey_to_a_known_page_shows_browser_sandbox_and_vitals(tmp_path: Path) -> None:
    seen = await tried(machine(tmp_path), tmp_path, PROBER_CHROMIUM=installed())

    assert list(seen) == ["browser", "sandbox", "vitals"]
    assert seen["browser"].level is Level.OK
    assert seen["browser"].found.startswith("Chromium 1")
    assert installed() in seen["browser"].found
    if os.geteuid() == 0:
        assert seen["sandbox"] == Seen.warn(
            "it is off, as root has none", "run the agent as an ordinary user"
        )
    assert "CLS is" not in seen["vitals"].found  # the figures of time are the machine's
    assert "not all of" not in seen["vitals"].found


@pytest.mark.parametrize("program", ["/bin/false", "/nonexistent"])
async def test_what_is_no_browser_fails_and_says_its_path(tmp_path: Path, program: str) -> None:
    seen = await tried(machine(tmp_path), tmp_path, PROBER_CHROMIUM=program)

    assert list(seen) == ["browser"]
    assert seen["browser"].level is Level.FAIL
    assert program in seen["browser"].found
    assert "PROBER_CHROMIUM" in seen["browser"].line("browser")


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's browser may have its sandbox")
async def test_a_sandbox_that_the_config_wants_and_the_machine_has_not_fails_alone(
    tmp_path: Path,
) -> None:
    it = machine(tmp_path)
    settings = it.config.agent.browser.model_copy(update={"sandbox": True})
    agent = it.config.agent.model_copy(update={"browser": settings})
    wanting = replace(it, config=it.config.model_copy(update={"agent": agent}))
    seen = await tried(wanting, tmp_path, PROBER_CHROMIUM=installed())

    assert seen["browser"].level is Level.OK
    assert seen["sandbox"].level is Level.FAIL
    assert "does not start in it" in seen["sandbox"].found
    assert "run the agent as an ordinary user" in seen["sandbox"].line("sandbox")
    assert "vitals" in seen
