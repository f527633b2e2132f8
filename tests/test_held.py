"""What an agent says nothing of: what depends on something else, its own lost network, maintenance."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prober.clock import SystemClock
from tests.agent_process import running, until
from tests.servers.receivers import Receiver, receiver
from tests.servers.target import target

HEAD = """
agent: {{region: eu, data_dir: ./data}}
web: {{listen: "127.0.0.1:0"}}
notifiers: {{hook: {{webhook: {{url: "{hook}", group_wait: 0s}}}}}}
alerts: {{down: {{when: {{failures: 2}}, resolve: {{successes: 1}}}}}}
defaults: {{interval: 300ms, timeout: 200ms}}
"""


def told(hook: Receiver) -> list[tuple[str, str]]:
    """(firing or resolved, the check or the agent's own alert), in order."""
    bodies = [json.loads(one.raw) for one in hook.received]
    labels = [(body["status"], body["alerts"][0]["labels"]) for body in bodies]
    return [(status, one.get("check") or one["alertname"]) for status, one in labels]


async def test_what_depends_on_a_check_that_is_down_is_not_told_and_the_check_is_asked_at_once(
    tmp_path: Path,
) -> None:
    """The homepage runs every hour: its second and third runs are those that were asked for."""
    checks = """
checks:
  - {{name: homepage, interval: 1h, timeout: 10s, http: "{home}"}}
  - {{name: api, http: "{api}", depends_on: [homepage]}}
"""
    async with target() as home, target() as api, receiver() as hook:
        text = (HEAD + checks).format(hook=hook.url, home=home.url, api=api.url)
        async with running(tmp_path, text) as agent:
            await until(lambda: home.requests == 1, "the homepage is looked at")
            home.status = api.status = 503
            await until(lambda: home.requests == 2, "and again, since the api is about to fire")

            async def held() -> bool:
                found = json.loads(await agent.get("/api/v1/incidents"))["data"]["incidents"]
                return [one["held"] for one in found] == ["homepage is down"]

            await until(held, "the api is held back")
            muted = await agent.metric('prober_alert_muted{check="api",region="eu",alert="down"}')
            api.status = 200

            async def is_up() -> bool:
                return (await agent.check("api"))["state"] == "up"

            await until(is_up, "the api is up again")
            api.status = 503
            home.status = 200
            await hook.until(1)
            await agent.stop()

    assert muted == 1
    assert told(hook) == [("firing", "api")]  # of the first incident nobody heard
    assert home.requests == 3


async def test_an_agent_that_is_cut_off_says_so_when_it_is_back_and_nothing_of_its_targets(
    tmp_path: Path,
) -> None:
    checks = """
connectivity: ["tcp://127.0.0.1:{way}", "http://127.0.0.1:{way}/"]
checks:
  - {{name: api, http: "{api}", interval: 1200ms}}
"""
    async with target() as api, receiver() as hook:
        way = socket.create_server(("127.0.0.1", 0))
        port = way.getsockname()[1]
        text = (HEAD + checks).format(hook=hook.url, api=api.url, way=port)
        async with running(tmp_path, text) as agent:
            await until(lambda: api.requests >= 2, "the api is probed")
            way.close()
            api.status = 503

            async def offline() -> bool:
                return await agent.metric("prober_connectivity") == 0

            await until(offline, "the agent is cut off")
            seen = api.requests
            await until(lambda: api.requests > seen + 3, "and runs go on")
            down = await agent.metric(
                'prober_failures_total{check="api",region="eu",reason="status"}'
            )
            page = await agent.get("/")
            api.status = 200
            way = socket.create_server(("127.0.0.1", port))
            await hook.until(1)
            await agent.stop()
        way.close()

    assert down in (0, 1)  # that it was connected counts for a second
    assert "The agent is cut off" in page
    assert told(hook) == [("firing", "ProberOffline")]
    body = json.loads(hook.received[0].raw)
    assert "failed runs of that time say nothing" in body["alerts"][0]["annotations"]["summary"]


async def test_a_window_without_runs_leaves_the_target_alone(tmp_path: Path) -> None:
    checks = """
maintenance:
  - {{name: move, start: "{start}", end: "{end}", probe: false, match: {{checks: [shop]}}}}
checks:
  - {{name: shop, http: "{shop}"}}
  - {{name: api, http: "{api}"}}
"""
    now = datetime.fromtimestamp(SystemClock.now(), UTC)
    start, end = (now + timedelta(hours=hours) for hours in (-1, 1))
    async with target() as shop, target() as api, receiver() as hook:
        text = (HEAD + checks).format(
            hook=hook.url,
            shop=shop.url,
            api=api.url,
            start=start.isoformat(timespec="seconds"),
            end=end.isoformat(timespec="seconds"),
        )
        async with running(tmp_path, text) as agent:
            await until(lambda: api.requests >= 4, "the api is probed")
            skipped = await agent.metric('prober_runs_skipped_total{reason="maintenance"}')
            active = await agent.metric('prober_maintenance_active{check="shop",region="eu"}')
            healthy = await agent.get("/-/healthy")
            await agent.stop()

    assert shop.requests == 0
    assert skipped is not None
    assert skipped >= 3
    assert active == 1
    assert "Healthy" in healthy


async def test_what_a_window_keeps_from_being_probed_is_not_asked_for_another(
    tmp_path: Path,
) -> None:
    checks = """
maintenance:
  - {{name: move, start: "{start}", end: "{end}", probe: false, match: {{checks: [homepage]}}}}
checks:
  - {{name: homepage, http: "{home}"}}
  - {{name: api, http: "{api}", depends_on: [homepage]}}
"""
    now = datetime.fromtimestamp(SystemClock.now(), UTC)
    start, end = (now + timedelta(hours=hours) for hours in (-1, 1))
    async with target() as home, target() as api, receiver() as hook:
        api.status = 503
        text = (HEAD + checks).format(
            hook=hook.url,
            home=home.url,
            api=api.url,
            start=start.isoformat(timespec="seconds"),
            end=end.isoformat(timespec="seconds"),
        )
        async with running(tmp_path, text) as agent:
            await hook.until(1)
            await agent.stop()

    assert told(hook) == [("firing", "api")]
    assert home.requests == 0


async def test_nobody_is_asked_any_more_when_the_agent_stops(tmp_path: Path) -> None:
    checks = """
checks:
  - {{name: homepage, interval: 1h, timeout: 1m, http: "{home}"}}
  - {{name: api, interval: 3s, timeout: 2s, http: "{api}", depends_on: [homepage]}}
alerts: {{down: {{when: {{failures: 1}}}}}}
"""
    head = "".join(line + "\n" for line in HEAD.splitlines() if not line.startswith("alerts"))
    async with target() as home, target() as api, receiver() as hook:
        api.delay = 1.0
        text = (head + checks).format(hook=hook.url, home=home.url, api=api.url)
        async with running(tmp_path, text) as agent:
            await until(lambda: home.requests == 1 and api.in_flight == 1, "the api is slow")
            home.delay, api.status = 60.0, 503
            code = await agent.stop()  # the api fails while the agent waits for it

    assert code == 0
    assert home.requests == 1


async def test_a_run_that_was_under_way_is_followed_by_one_that_answers(tmp_path: Path) -> None:
    checks = """
checks:
  - {{name: homepage, interval: 1h, timeout: 1m, http: "{home}"}}
  - {{name: api, http: "{api}", depends_on: [homepage]}}
"""
    async with target() as home, target() as api, receiver() as hook:
        home.delay = 3.0
        text = (HEAD + checks).format(hook=hook.url, home=home.url, api=api.url)
        async with running(tmp_path, text) as agent:
            await until(lambda: home.in_flight == 1, "the homepage is being looked at")
            home.delay, api.status = 0.0, 503
            await hook.until(1)
            await agent.stop()

    assert told(hook) == [("firing", "api")]
    assert home.requests == 2
