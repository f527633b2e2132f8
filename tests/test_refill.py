"""What a window fired by, over a kill and a start, with a real agent."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.agent_process import AgentProcess, running, until
from tests.servers.receivers import Receiver, receiver
from tests.servers.target import Target, target

CONFIG = """
agent: {{region: eu, data_dir: ./data}}
web: {{listen: "127.0.0.1:0"}}
checks: [{{name: shop, interval: {interval}, timeout: 190ms, http: "{shop}"}}]
alerts: {{errors: {{when: {{error_rate: 30%, over: {over}, min_runs: 2}}}}}}
notifiers: {{hook: {{webhook: {{url: "{hook}"}}}}}}
"""


async def fires(agent: AgentProcess) -> float | None:
    [line] = [
        line
        for line in (await agent.get("/metrics")).splitlines()
        if line.startswith("prober_alert_firing{") and 'alert="errors"' in line
    ]
    return float(line.rpartition(" ")[2])


async def first_life(folder: Path, shop: Target, hook: Receiver, over: str) -> str:
    """Is killed while the shop is up again and the rule still fires; gives the next life's config."""
    config = CONFIG.format(interval="200ms", over=over, shop=shop.url, hook=hook.url)
    shop.status = 503
    async with running(folder, config) as agent:
        await until(lambda: heard(hook) == ["firing"], "it fires", within=30)
        shop.status = 200

        def is_up() -> bool:
            return newest(folder) == "up"

        await until(is_up, "that it is up again is on disk", within=30)
        assert await fires(agent) == 1
        await agent.kill()
    return CONFIG.format(interval="3s", over=over, shop=shop.url, hook=hook.url)


def newest(folder: Path) -> str:
    """The outcome of the newest run that is on disk."""
    with closing(sqlite3.connect(f"file:{folder}/data/prober.db?mode=ro", uri=True)) as db:
        found = db.execute(
            "SELECT outcome FROM results ORDER BY started_at DESC LIMIT 1"
        ).fetchone()
    return str(found[0]) if found else ""


def heard(hook: Receiver) -> list[str]:
    return [str(json.loads(one.raw)["status"]) for one in hook.received]


@pytest.mark.timeout(120)  # two agents
async def test_it_is_over_with_the_start_where_all_of_it_has_become_too_old(tmp_path: Path) -> None:
    async with target() as shop, receiver() as hook:
        later = await first_life(tmp_path, shop, hook, over="6s")
        await asyncio.sleep(6.5)
        async with running(tmp_path, later) as agent:
            assert await fires(agent) == 0
            await until(lambda: heard(hook) == ["firing", "resolved"], "that is told", within=30)


@pytest.mark.timeout(120)  # two agents
async def test_it_goes_on_where_the_window_still_has_it(tmp_path: Path) -> None:
    async with target() as shop, receiver() as hook:
        later = await first_life(tmp_path, shop, hook, over="10m")
        async with running(tmp_path, later) as agent:
            assert await fires(agent) == 1

    assert heard(hook) == ["firing"]
