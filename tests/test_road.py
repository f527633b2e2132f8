"""From config.yaml to the receiver: a target dies and heals, and the agent or its disk stops in between."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sqlite3
from pathlib import Path

from tests.agent_process import running, until
from tests.servers.receivers import Receiver, receiver
from tests.servers.target import target

CONFIG = """
agent: {{region: eu, data_dir: ./data}}
web: {{listen: "127.0.0.1:0"}}
checks:
  - name: shop
    interval: {interval}
    timeout: {timeout}
    http: {url}
alerts:
  down: {{when: {{failures: {failures}}}, resolve: {{successes: 2}}}}
notifiers:
  hook: {{webhook: {{url: "{hook}"}}}}
"""


def config(
    url: str, hook: str, *, interval: str = "300ms", timeout: str = "300ms", failures: int = 3
) -> str:
    return CONFIG.format(url=url, hook=hook, interval=interval, timeout=timeout, failures=failures)


def said(hook: Receiver) -> list[tuple[str, str]]:
    """What was told, in order: (firing or resolved, the incident's key)."""
    bodies = [json.loads(one.raw) for one in hook.received]
    return [(body["status"], body["groupKey"]) for body in bodies]


async def test_a_target_dies_and_heals_and_is_told_once_each(tmp_path: Path) -> None:
    async with (
        target() as shop,
        receiver() as hook,
        running(tmp_path, config(shop.url, hook.url)) as agent,
    ):
        await until(lambda: shop.requests >= 2, "the shop is probed")
        shop.status = 503
        await until(lambda: len(said(hook)) == 1, "the firing is told")
        during = await agent.check("shop")
        firing = await agent.metric(
            'prober_alert_firing{check="shop",region="eu",alert="down",severity="critical"}'
        )
        shop.status = 200
        await until(lambda: len(said(hook)) == 2, "the resolution is told")
        seen = shop.requests
        await until(lambda: shop.requests > seen + 3, "and more runs pass")
        code = await agent.stop()

    told = said(hook)
    assert [status for status, _ in told] == ["firing", "resolved"]
    assert told[0][1] == told[1][1]
    assert during["state"] == "down"
    assert firing == 1
    assert code == 0
    rows = sqlite3.connect(f"file:{tmp_path}/data/prober.db?mode=ro", uri=True)
    count, down = rows.execute("select count(*), sum(outcome = 'down') from results").fetchone()
    rows.close()
    assert count >= 8
    assert down >= 3


async def test_a_stopped_agent_blames_nobody(tmp_path: Path) -> None:
    """SIGSTOP with runs in flight: not one of them is `down`."""
    async with target() as shop, receiver() as hook:
        shop.delay = 0.3
        text = config(shop.url, hook.url, interval="1s", timeout="1s", failures=1)
        async with running(tmp_path, text) as agent:
            await until(lambda: shop.requests >= 2, "the shop is probed")
            for _ in range(2):
                await until(lambda: shop.in_flight == 1, "a run is in flight")
                agent.process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(1.5)  # longer than a run may take
                agent.process.send_signal(signal.SIGCONT)
                seen = shop.requests
                await until(lambda n=seen: shop.requests > n, "it goes on, and that run is over")
            down = await agent.metric('prober_runs_total{check="shop",region="eu",outcome="down"}')
            up = await agent.metric('prober_runs_total{check="shop",region="eu",outcome="up"}')

    assert down == 0
    assert up is not None
    assert up >= 1
    assert said(hook) == []


async def test_a_full_disk_silences_neither_metrics_nor_alerts(tmp_path: Path) -> None:
    async with (
        target() as shop,
        receiver() as hook,
        running(tmp_path, config(shop.url, hook.url)) as agent,
    ):
        await until(lambda: shop.requests >= 2, "the shop is probed")
        resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

        async def store_is_down() -> bool:
            return await agent.metric("prober_store_up") == 0

        await until(store_is_down, "the agent notices")
        shop.status = 503
        await until(lambda: len(said(hook)) == 1, "the firing is told")
        shop.status = 200
        await until(lambda: len(said(hook)) == 2, "the resolution is told")
        resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

        async def store_is_up() -> bool:
            return await agent.metric("prober_store_up") == 1

        await until(store_is_up, "the store is back")
        seen = shop.requests
        await until(lambda: shop.requests > seen + 3, "and more runs pass")
        assert await agent.stop() == 0

    assert [status for status, _ in said(hook)] == ["firing", "resolved"]
    assert "Traceback" not in agent.log
