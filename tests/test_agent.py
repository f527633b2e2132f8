"""Start, reload and stop of a real agent."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

from tests.agent_process import AgentProcess, running, start, until
from tests.servers.target import target

CONFIG = """
agent: {{region: eu, data_dir: ./data}}
web: {{listen: "127.0.0.1:0"}}
checks:
"""
CHECK = (
    "  - {{name: {name}, interval: {interval}, timeout: 200ms, http: {{url: '{url}', {more}}}}}\n"
)


def config(**checks: str) -> str:
    """`name=url` pairs as a config; a url may be followed by "|interval|more"."""
    text = CONFIG.format()
    for name, spec in checks.items():
        url, interval, more = (*spec.split("|"), "", "")[:3]
        text += CHECK.format(name=name, url=url, interval=interval or "200ms", more=more)
    return text


async def state_of(agent: AgentProcess, name: str) -> object:
    return (await agent.check(name))["state"]


async def test_an_agent_without_checks_runs_and_says_that_it_is_healthy_and_ready(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, "agent: {region: eu}\nweb: {listen: '127.0.0.1:0'}\n") as agent:
        assert "Healthy" in await agent.get("/-/healthy")
        assert await agent.get("/-/ready")
        assert await agent.metric("prober_config_last_reload_successful") == 1
        assert await agent.stop() == 0


async def test_a_stop_waits_for_the_run_under_way_and_starts_no_more(tmp_path: Path) -> None:
    async with target() as shop, running(tmp_path, config(shop=shop.url)) as agent:
        await until(lambda: shop.requests >= 1, "the shop is probed")
        shop.delay = 0.1
        await until(lambda: shop.in_flight == 1, "a run is in flight")
        seen = shop.requests
        code = await agent.stop()

        assert code == 0
        assert shop.requests <= seen + 1
        assert "Traceback" not in agent.log


async def test_a_second_agent_on_the_same_data_is_told_who_the_first_is(tmp_path: Path) -> None:
    async with target() as shop, running(tmp_path, config(shop=shop.url)) as agent:
        second = await start(tmp_path, config(shop=shop.url))

        assert second.process.returncode == 2
        assert f"pid {agent.pid}" in agent.log
        assert "Traceback" not in agent.log


async def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = f"agent: {{region: eu}}\nweb: {{listen: '127.0.0.1:{port}'}}\n"
        agent = await start(tmp_path, text)

        assert agent.process.returncode == 2
        assert agent.log.strip().splitlines() == [
            f"cannot listen on 127.0.0.1:{port}: the port is in use; "
            "stop what listens there or set web.listen (PROBER_LISTEN)"
        ]


async def test_a_reload_adds_and_removes_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    async with (
        target() as shop,
        target() as other,
        running(tmp_path, config(kept=shop.url, gone=other.url)) as agent,
    ):
        await until(lambda: shop.requests >= 3 and other.requests >= 1, "both are probed")
        runs = 'prober_runs_total{check="kept",region="eu",outcome="up"}'
        before = await agent.metric(runs)
        (tmp_path / "config.yaml").write_text(config(kept=shop.url, new=shop.url))

        answer = await agent.post("/-/reload")

        text = await agent.get("/metrics")
        after = await agent.metric(runs)
        assert answer.status_code == 200, answer.text
        assert 'check="gone"' not in text
        assert 'check="new"' in text
        assert before is not None
        assert after is not None
        assert after >= before


async def test_a_changed_expectation_keeps_rhythm_and_counts(tmp_path: Path) -> None:
    async with target() as shop, running(tmp_path, config(shop=shop.url)) as agent:
        await until(lambda: shop.requests >= 2, "the shop is probed")
        (tmp_path / "config.yaml").write_text(config(shop=f"{shop.url}||expect: {{status: 404}}"))

        answer = await agent.post("/-/reload")

        assert answer.status_code == 200

        async def down() -> bool:
            return await state_of(agent, "shop") == "down"

        await until(down, "the new expectation counts")
        up = await agent.metric('prober_runs_total{check="shop",region="eu",outcome="up"}')
        assert up is not None
        assert up >= 2


async def test_a_reload_to_nonsense_or_to_what_an_agent_is_built_on_changes_nothing_and_says_why(
    tmp_path: Path,
) -> None:
    async with target() as shop, running(tmp_path, config(shop=shop.url)) as agent:
        (tmp_path / "config.yaml").write_text("agent: {regio: x}\nchecks: [{name: a}]\nfoo: 1\n")

        answer = await agent.post("/-/reload")
        seen = shop.requests
        await until(lambda: shop.requests > seen + 1, "the old config runs on")

        assert answer.status_code == 500
        assert all(
            word in answer.text for word in ("config.yaml:1", "config.yaml:2", "config.yaml:3")
        )
        assert await agent.metric("prober_config_last_reload_successful") == 0
        assert await agent.check("shop")

        text = (
            config(shop=shop.url).replace("region: eu", "region: us").replace("./data", "./other")
        )
        (tmp_path / "config.yaml").write_text(text)

        answer = await agent.post("/-/reload")

        await until(lambda: "agent.data_dir" in agent.log, "the refusal is in the log")
        for reason in ("config.yaml:1", "config.yaml:2", "config.yaml:3", "agent.data_dir"):
            [said] = [line for line in agent.log.splitlines() if reason in line]
            assert "reload refused, the old config goes on: " in said
        assert answer.status_code == 500
        assert "agent.region" in answer.text
        assert "agent.data_dir" in answer.text
        assert "restart" in answer.text


async def test_a_restart_remembers_the_last_verdict(tmp_path: Path) -> None:
    async with target() as shop:
        text = config(shop=shop.url)
        async with running(tmp_path, text) as agent:
            await until(lambda: shop.requests >= 3, "the shop is probed")
            await agent.stop()
        slow = text.replace("200ms", "60s")
        async with running(tmp_path, slow) as again:
            row = await again.check("shop")
            success = await again.metric('probe_success{check="shop",region="eu"}')

    assert row["state"] == "up"
    assert success == 1


async def test_reloads_by_signal_are_taken_up_and_do_no_harm_where_they_overtake_each_other(
    tmp_path: Path,
) -> None:
    async with target() as shop, running(tmp_path, config(shop=shop.url)) as agent:
        (tmp_path / "config.yaml").write_text(config(shop=shop.url, more=shop.url))
        for _ in range(5):
            agent.process.send_signal(signal.SIGHUP)
            await asyncio.sleep(0.01)
        await until(lambda: "reloaded: added more" in agent.log, "the reload is said")
        seen = shop.requests
        await until(lambda: shop.requests > seen + 1, "probing goes on")

        assert await agent.stop() == 0
