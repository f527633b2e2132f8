from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from aiohttp import web

from prober.clock import SystemClock
from prober.errors import ConfigError, ProberError, Problem
from prober.web.accept import OPENMETRICS, TEXT
from prober.web.stream import send
from tests.web.serve import Agent, serving

SHOP = 'check="shop",region="eu-west-1"'
MANY = 600  # checks, whose answers are of many pieces


def shop(**fields: str) -> Agent:
    agent = Agent(external_url=fields.get("external_url"))
    agent.bench.add("shop")
    agent.bench.run("shop")
    return agent


async def test_metrics_in_the_text_format() -> None:
    agent = shop()
    async with serving(agent) as client:
        answer = await client.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == TEXT
    assert f"\nprobe_success{{{SHOP}}} 1\n" in answer.text
    assert "# EOF" not in answer.text
    assert agent.scrapes == 1


async def test_metrics_in_openmetrics_where_asked_for() -> None:
    async with serving(shop()) as client:
        accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
        answer = await client.get("/metrics", headers=accept)

    assert answer.headers["Content-Type"] == OPENMETRICS
    assert answer.text.endswith("# EOF\n")


async def test_metrics_are_packed_where_the_client_takes_it() -> None:
    agent = Agent()
    for number in range(MANY):
        agent.bench.add(f"check-{number}")
    async with serving(agent) as client:
        plain = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
        async with client.stream("GET", "/metrics", headers={"Accept-Encoding": "gzip"}) as packed:
            raw = b"".join([part async for part in packed.aiter_raw()])

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(raw) < len(plain.content) / 5
    ours = [line for line in plain.text.splitlines() if line.startswith("prober_runs_total")]
    unpacked = gzip.decompress(raw).decode().splitlines()
    assert ours == [line for line in unpacked if line.startswith("prober_runs_total")]
    assert len(ours) == 4 * (MANY)


@pytest.mark.parametrize("healthy", [True, False])
async def test_healthy_is_what_the_schedule_says(healthy: bool) -> None:
    async with serving(Agent(healthy=healthy, ready=False)) as client:
        answer = await client.get("/-/healthy")

    assert answer.status_code == (200 if healthy else 503)
    assert answer.text.startswith("Prober is Healthy." if healthy else "Prober is not Healthy")


@pytest.mark.parametrize("ready", [True, False])
async def test_ready_is_what_the_agent_says(ready: bool) -> None:
    async with serving(Agent(healthy=False, ready=ready)) as client:
        answer = await client.get("/-/ready")

    assert answer.status_code == (200 if ready else 503)
    assert answer.text.startswith("Prober is Ready." if ready else "Prober is not Ready")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_reload_says_what_changed(method: str) -> None:
    agent = Agent(changes=["check 'a' added", "check 'b' removed"])
    async with serving(agent) as client:
        answer = await client.request(method, "/-/reload")

    assert (answer.status_code, answer.text) == (200, "check 'a' added\ncheck 'b' removed\n")
    assert agent.reloads == 1


async def test_a_reload_without_changes_says_so() -> None:
    async with serving(Agent()) as client:
        answer = await client.post("/-/reload")

    assert (answer.status_code, answer.text) == (200, "nothing has changed\n")


async def test_a_refused_reload_gives_every_reason_in_a_line_of_its_own() -> None:
    problems = [Problem("config.yaml", 3, "checks", "a"), Problem("config.yaml", 9, "web", "b")]
    async with serving(Agent(fault=ConfigError(problems))) as client:
        answer = await client.post("/-/reload")

    assert answer.status_code == 500
    assert answer.text == "config.yaml:3: checks: a\nconfig.yaml:9: web: b\n"


async def test_a_page_of_another_site_cannot_reload() -> None:
    agent = Agent()
    async with serving(agent) as client:
        own = str(client.base_url).rstrip("/")
        foreign = await client.post("/-/reload", headers={"Origin": "https://evil.example"})
        ours = await client.post("/-/reload", headers={"Origin": own})

    assert (foreign.status_code, ours.status_code) == (403, 200)
    assert agent.reloads == 1


async def test_nothing_is_reloaded_by_looking() -> None:
    agent = Agent()
    async with serving(agent) as client:
        answer = await client.get("/-/reload")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST,PUT"
    assert agent.reloads == 0


async def test_an_unknown_path_is_a_short_404() -> None:
    async with serving(Agent()) as client:
        answer = await client.get("/nowhere/<b>")

    assert (answer.status_code, answer.text) == (404, "'/nowhere/<b>': not found\n")
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/-/healthy", "/api/v1/checks", "/static/page.css"]
)
async def test_head_answers_like_get_without_a_body(path: str) -> None:
    async with serving(shop()) as client:
        head, get = await client.head(path), await client.get(path)

    assert head.status_code == get.status_code == 200
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert head.content == b""


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/reload", "/nowhere", "/api/v1/checks/none"])
async def test_every_answer_is_guarded(path: str) -> None:
    async with serving(shop()) as client:
        headers = (await client.get(path)).headers

    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("start", ["", "/probes/eu"])
async def test_everything_stands_under_the_prefix_too(start: str) -> None:
    agent = shop(external_url="https://ops.example.com/probes/eu/")
    async with serving(agent) as client:
        for path in (
            "/",
            "/metrics",
            "/-/healthy",
            "/-/ready",
            "/api/v1/checks",
            "/static/page.js",
        ):
            assert (await client.get(start + path)).status_code == 200
        assert (await client.post(f"{start}/-/reload")).status_code == 200


async def test_the_bare_prefix_leads_to_the_page() -> None:
    async with serving(shop(external_url="https://ops.example.com/probes")) as client:
        answer = await client.get("/probes")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/probes/")


async def test_a_fault_of_ours_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    async with serving(Agent(fault=RuntimeError("secret detail"))) as client:
        answer = await client.post("/-/reload")

    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert any(record.exc_info for record in caplog.records)


async def test_a_reload_is_not_cut_off_by_a_client_that_leaves() -> None:
    begun, left, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Slow(Agent):
        async def reload(self) -> list[str]:
            begun.set()
            await left.wait()
            ended.set()
            raise ProberError("nobody reads this")

    async with serving(Slow()) as client:
        async with asyncio.TaskGroup() as group:
            request = group.create_task(client.post("/-/reload"))
            await begun.wait()
            request.cancel()
        left.set()

        assert await asyncio.wait_for(ended.wait(), 5)


async def test_a_scrape_does_not_hold_the_loop() -> None:
    agent = Agent(clock=SystemClock())
    for number in range(MANY):
        agent.bench.add(f"check-{number}")
        agent.bench.run(f"check-{number}")
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with serving(agent) as client, asyncio.TaskGroup() as group:
        task = group.create_task(others())
        for path in ("/metrics", "/", "/api/v1/checks"):
            turns = 0
            assert (await client.get(path)).status_code == 200
            assert turns > 30, path
        task.cancel()


async def test_a_client_that_leaves_in_the_middle_is_no_fault_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def endless(app: web.Application) -> None:
        async def scrape(request: web.Request) -> web.StreamResponse:
            async def pieces() -> AsyncIterator[bytes]:
                while True:
                    yield b"more" * 40_000
                    await asyncio.sleep(0)

            response = await send(request, TEXT, pieces())
            left.set()
            return response

        app.router.add_get("/endless", scrape)

    left = asyncio.Event()

    async with serving(Agent(), endless) as client:
        async with client.stream("GET", "/endless") as answer:
            await anext(answer.aiter_raw())
        await left.wait()
        assert (await client.get("/-/healthy")).status_code == 200

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "left before it had all of /endless" in caplog.text


async def test_a_handler_that_breaks_off_is_seen_as_broken_off() -> None:
    def breaking(app: web.Application) -> None:
        async def broken(request: web.Request) -> web.StreamResponse:
            async def pieces() -> AsyncIterator[bytes]:
                yield b"half" * 40_000
                raise RuntimeError("broke off")

            return await send(request, TEXT, pieces())

        app.router.add_get("/broken", broken)

    async with serving(Agent(), breaking) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/broken")
