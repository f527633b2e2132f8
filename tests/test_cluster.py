"""A cluster of real Alertmanagers notifies once, whichever of its members is killed meanwhile."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from prober.alerts.notice import Event
from tests.notify.notices import delivery, notice
from tests.notify.rig import Rig, cluster, delivering
from tests.servers.receivers import (
    Alertmanager,
    Receiver,
    alertmanager_time,
    clustered,
    meets,
    receiver,
)

LONG = 3.0  # seconds; a member that would tell what the other has told waits 1 s for that


def said(hook: Receiver) -> list[str]:
    return [json.loads(one.raw)["status"] for one in hook.received]


async def a_minute_later(rig: Rig, *members: Alertmanager) -> None:
    """What stands is told again to whoever is there, and they get the time to repeat themselves."""
    await rig.clock.until_asleep()
    rig.clock.jump(await alertmanager_time(members[0].url) - rig.clock.now())
    await rig.clock.advance(60)
    rig.clock.jump(-60)
    await asyncio.sleep(LONG)


@pytest.mark.timeout(120)
async def test_two_alertmanagers_notify_once_whichever_of_them_is_killed(tmp_path: Path) -> None:
    async with receiver() as hook, clustered(tmp_path, hook.url) as (one, other):
        now = await alertmanager_time(one.url) - 1
        am = {"am": cluster(one.url, other.url)}
        async with delivering(am, delivery(notice(starts_at=now), to="am"), now=now) as rig:
            await rig.until_marked(1)
            await hook.until(1)
            await a_minute_later(rig, one, other)
            both = said(hook)
            await other.kill()
            await a_minute_later(rig, one)
            without_the_other = said(hook)
            await other.start()
            await meets(other.url)
            await a_minute_later(rig, one, other)
            await one.kill()
            await a_minute_later(rig, other)
            without_the_one = said(hook)
            over = notice(Event.RESOLVED, starts_at=now, at=await alertmanager_time(other.url))
            rig.over.add(over.key)
            rig.deliverer.hand([delivery(over, to="am")])
            await rig.until_marked(2)
            await hook.until(2)
            await one.start()
            await meets(one.url)
            await a_minute_later(rig, one, other)

    assert both == without_the_other == without_the_one == ["firing"]
    assert said(hook) == ["firing", "resolved"]
