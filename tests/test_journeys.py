"""A whole agent with journeys in a real browser: beside other checks, stopped, killed, without one."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from prober.probes import chromium, processes
from tests import tools
from tests.agent_process import AgentProcess, running, until
from tests.probes.playing import is_alive
from tests.servers.target import Target, target

NOTHING_OUTSIDE = "'--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'"
SCRIPT = """
from prober.journey import journey

@journey
def visit(page, step, secrets):
    with step("open"):
        page.goto("/?" + secrets["password"])

@journey
def spin(page, step):
    page.goto("/")
    while True:
        pass
"""
CONFIG = """
agent: {{region: eu, data_dir: ./data}}
web: {{listen: "127.0.0.1:0"}}
checks:
  - {{name: page, interval: 200ms, timeout: 150ms, http: "{url}"}}
  - {{name: cart, interval: 8s, timeout: {timeout}, journey: {{script: "shop.py::{function}", base_url: "{url}", secrets: {{password: hunter22}}}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROBER_CHROMIUM_ARGS", NOTHING_OUTSIDE)
    (tmp_path / "shop.py").write_text(SCRIPT)
    return tmp_path


def config(shop: Target, function: str = "visit", timeout: str = "7s") -> str:
    try:
        chromium.find(os.environ)
    except chromium.NoBrowser as error:
        tools.missing(str(error))
    return CONFIG.format(url=shop.url, function=function, timeout=timeout)


def run_folders(folder: Path) -> Sequence[Path]:
    runs = folder / "data" / "runs"
    return list(runs.iterdir()) if runs.exists() else []


def is_noted(folder: Path) -> bool:
    return any((run / "run.json").exists() for run in run_folders(folder))


def of_runs(folder: Path) -> list[int]:
    """What is alive of any run of this agent's."""
    table = processes.processes()
    found = processes.with_descendants(processes.marked(table, folder / "data" / "runs"), table)
    return [pid for pid in sorted(found) if not table[pid].is_dead]


async def up(agent: AgentProcess, name: str) -> bool:
    return (await agent.check(name))["state"] == "up"


async def test_a_journey_runs_beside_other_checks_and_its_secret_stays_in_it(folder: Path) -> None:
    async with target() as shop, running(folder, config(shop)) as agent:
        await until(lambda: up(agent, "cart"), "the journey is up", within=30)

        row = await agent.check("cart")
        result = row["result"]
        assert isinstance(result, dict)
        assert [step["name"] for step in result["steps"]] == ["open"]
        assert await agent.metric('probe_success{check="cart",region="eu"}') == 1
        assert await agent.metric("prober_journey_queue_seconds_count")
        assert await agent.metric("prober_journey_startup_seconds_count")
        await until(lambda: up(agent, "page"), "the page is up")
        assert any(b"hunter22" in head for head in shop.heads)
        assert "hunter22" not in await agent.get("/api/v1/checks") + agent.log
        assert await agent.stop() == 0

    assert of_runs(folder) == []
    assert run_folders(folder) == []


async def test_a_stop_gives_all_runs_5_s_a_journey_a_result_and_leaves_nothing_behind(
    folder: Path,
) -> None:
    async with target() as shop, target() as mute:
        mute.delay = 60
        endless = f"  - {{name: gone, interval: 50s, timeout: 40s, http: '{mute.url}'}}\n"
        text = config(shop, "spin", timeout="7500ms") + endless
        async with running(folder, text) as agent:
            await until(lambda: any(b"Mozilla" in h for h in shop.heads), "it spins", within=30)
            await until(lambda: mute.in_flight == 1, "another run is in flight")
            before = of_runs(folder)
            assert await agent.stop(within=9.5) == 0
            assert "the run of gone was cut off by the stop, no result" in agent.log
        assert before
        assert not any(map(is_alive, before))
        assert of_runs(folder) == []
        assert run_folders(folder) == []
        (folder / "config.yaml").unlink()
        async with running(folder, config(shop)) as again:
            stopped = await again.check("cart")

    result = stopped["result"]
    assert isinstance(result, dict)
    assert (result["outcome"], result["reason"]) == ("unknown", "killed")
    assert result["message"] == "the agent was stopped while the journey ran"


async def test_what_a_killed_agent_leaves_is_reported_and_gone_after_the_next_start(
    folder: Path,
) -> None:
    async with target() as shop:
        async with running(folder, config(shop, "spin")) as agent:
            await until(lambda: any(b"Mozilla" in h for h in shop.heads), "it spins", within=30)
            await until(lambda: is_noted(folder), "the run is noted")
            child, *others = of_runs(folder)
            for pid in others:
                os.kill(pid, signal.SIGSTOP)  # or they would end by themselves
            await agent.kill()
        await until(lambda: not is_alive(child), "the journey has died with its agent")
        assert any(map(is_alive, others))
        left = run_folders(folder)
        (folder / "config.yaml").unlink()

        async with running(folder, config(shop)) as again:
            assert "removed what 1 journeys of an agent before had left behind" in again.log
            assert "cart is unknown: the agent was killed while the journey ran" in again.log
            unknown = 'prober_runs_total{check="cart",region="eu",outcome="unknown"}'
            assert await again.metric(unknown) == 1

    assert left
    assert not any(run.exists() for run in left)
    assert not any(map(is_alive, others))


async def test_without_a_browser_the_other_checks_run_and_it_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with target() as shop:
        text = config(shop)
        monkeypatch.setenv("PROBER_CHROMIUM", "/missing/chromium")
        async with running(folder, text) as agent:
            await until(lambda: up(agent, "page"), "the page is up")

            async def is_unknown() -> bool:
                return (await agent.check("cart"))["state"] == "unknown"

            await until(is_unknown, "the journey is unknown", within=30)
            result = (await agent.check("cart"))["result"]
            page = await agent.get("/")

    assert isinstance(result, dict)
    assert result["reason"] == "browser"
    assert "Journeys are not run: PROBER_CHROMIUM is" in page
    assert agent.log.count("journeys are not run") == 1


async def test_a_browser_that_is_no_headless_shell_is_said_once_and_a_device_is_a_label(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with target() as shop:
        text = config(shop).replace("{script:", "{device: Pixel 7, script:")
        monkeypatch.setenv("PROBER_CHROMIUM", "/bin/true")
        async with running(folder, text) as agent:
            metrics = await agent.get("/metrics")

    assert metrics.count('device="Pixel 7"') == 1
    assert agent.log.count("unverified: /bin/true: no headless shell") == 1
