"""Killed with -9 while a command is about to be run, and while notices gather for one message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agent_process import until
from tests.kill.lives import broken_laws, check, configured, lives_in
from tests.kill.nursery import Nursery
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
