"""Killed with -9 while a command is about to be run, and while notices gather for one message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agent_process import running, until
from tests.kill.lives import broken_laws, check, configured, lives_in
from tests.kill.nursery import Nursery
from tests.servers.receivers import Answer, receiver
from tests.servers.target import target

COMMAND = """  repair: {command: {argv: [sh, -c, 'echo "$PROBER_INCIDENT" >> ran']}}
routes: [{notify: [hook, repair]}]
"""


@pytest.mark.timeout(180)  # two agents
async def test_a_command_that_a_kill_kept_from_running_is_never_run_and_that_is_on_record(
    tmp_path: Path, agents: Nursery
) -> None:
    ran = tmp_path / "ran"
    async with target() as shop, lives_in(tmp_path, agents) as lives:
        config = configured([check("shop", shop.url)], lives.hook.url) + COMMAND
        shop.status = 503
        await lives.dies(config, "firing:claimed")
        assert not ran.exists()
        shop.status = 200
        async with lives.life(config) as agent:
            await until(lambda: lives.said("resolved") >= 1, "the first is over", within=60)
            shop.status = 503
            await until(ran.exists, "the next incident is seen to", within=60)
            found = json.loads(await agent.get("/api/v1/incidents"))["data"]["incidents"]
            first = min(found, key=lambda one: str(one["fired_at"]))
            story = json.loads(await agent.get(f"/api/v1/incidents/{first['id']}"))["data"]

    assert broken_laws(lives.heard) == []
    assert first["id"] not in ran.read_text()
    [one] = [one for one in story["notices"] if one["notifier"] == "repair"]
    assert (one["status"], one["error"]) == ("dead", "interrupted: not run again")
    assert (story["routed"], story["told"], story["untold"]) == (
        ["hook", "repair"],
        ["hook"],
        ["repair"],
    )


TWO = """
agent: {{region: eu, data_dir: ./data}}
web: {{listen: "127.0.0.1:0"}}
alerts: {{down: {{when: {{failures: 2}}}}}}
checks:
  - {{name: one, interval: 200ms, timeout: 190ms, http: "{one}"}}
  - {{name: two, interval: 200ms, timeout: 190ms, http: "{two}"}}
notifiers:
  hook: {{webhook: {{url: "{hook}", group_wait: 0}}}}
  slow: {{webhook: {{url: "{slow}", group_wait: 0}}}}
routes:
  - {{match: {{checks: [one]}}, notify: [hook]}}
  - {{notify: [slow]}}
"""
ACCEPTED = 'prober_notifications_total{notifier="slow",outcome="accepted"}'


@pytest.mark.timeout(180)  # two agents
async def test_what_one_receiver_refused_is_not_over_when_another_one_takes_something_after_a_kill(
    tmp_path: Path,
) -> None:
    async with target() as one, target() as two, receiver() as hook, receiver() as slow:
        config = TWO.format(one=one.url, two=two.url, hook=hook.url, slow=slow.url)
        one.status = two.status = 503
        hook.answer = lambda _: Answer(400)

        def heard(status: str, name: str = "ProberUndelivered") -> bool:
            bodies = [json.loads(each.raw) for each in slow.received]
            said = [
                alert["labels"]
                for each in bodies
                for alert in each["alerts"]
                if alert["status"] == status
            ]
            return any(name in (labels["alertname"], labels.get("check")) for labels in said)

        async with running(tmp_path, config) as agent:
            await until(lambda: heard("firing"), "it is told what was given up", within=60)
            await until(lambda: heard("firing", "two"), "and what is down", within=60)
            await agent.kill()
        two.status = 200
        async with running(tmp_path, config) as agent:

            async def accepted() -> bool:
                return bool(await agent.metric(ACCEPTED))

            await until(accepted, "the other one takes something", within=60)
            found = json.loads(await agent.get("/api/v1/incidents?state=firing"))["data"]
            early = heard("resolved")
            hook.answer = lambda _: Answer()
            one.status = 200
            await until(lambda: heard("resolved"), "it is over", within=60)

    assert {each["alert"] for each in found["incidents"]} == {"down", "undelivered"}
    assert not early


@pytest.mark.timeout(180)  # three agents
async def test_what_gathers_for_one_message_at_the_kill_is_told_by_the_next_life(
    tmp_path: Path, agents: Nursery
) -> None:
    async with target() as shop, target() as other, lives_in(tmp_path, agents) as lives:
        checks = [check("first", shop.url), check("second", other.url)]
        gathering = configured(checks, lives.hook.url).replace("group_wait: 0", "group_wait: 10m")
        shop.status = 503
        async with lives.life(gathering) as agent:
            await until(lambda: lives.open == {"first"}, "the first goes at once", within=60)
            other.status = 503

            async def gathers() -> bool:
                return await agent.metric('prober_outbox_pending{notifier="hook"}') == 1

            await until(gathers, "the second waits for others", within=60)
        early = lives.open
        async with lives.life(gathering):
            await until(lambda: lives.open == {"first", "second"}, "it is told", within=60)
        shop.status = other.status = 200
        async with lives.life(gathering.replace("10m", "1s")):
            await until(lambda: not lives.open, "all of it is over", within=60)

    assert early == {"first"}
    assert broken_laws(lives.heard, people=True) == []
    assert lives.said("firing", "second") >= 1
