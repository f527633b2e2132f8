"""What `demo --break` does: one fault after the other, until each was told and is over.

Each stop waits for the pager: a fault stays until all that should notice it
have fired, and the next one comes when they are resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import aiohttp
from pydantic import BaseModel

from prober.clock import Clock
from prober.demo.faults import EFFECTS, Fault


class Stop(NamedTuple):
    fault: Fault
    seen_by: tuple[str, ...]  # checks of the demo's config


STOPS = (
    Stop(Fault.HEALTH, ("shop-health",)),
    Stop(Fault.LATENCY, ("shop-latency",)),
    Stop(Fault.LOGIN, ("shop-sign-in", "login", "order")),
    Stop(Fault.CHECKOUT, ("order",)),
    Stop(Fault.PAGE, ("shop-home", "shop-product", "browse", "order")),
)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. At a journey every 20 s, three failures or two successes take about a minute."""

    before: float = 15.0  # until every journey has run once
    broken: float = 120.0  # at most
    healed: float = 90.0  # at most
    unseen: float = 20.0  # for a fault that nothing in the config looks for
    between: float = 3.0
    look: float = 1.0  # at the pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """`watched` are the checks that can notice anything."""

    say: Callable[[str], None]
    clock: Clock
    pace: Pace
    watched: Collection[str]


async def tour(shop_url: str, guide: Guide) -> None:
    pace, clock, say = guide.pace, guide.clock, guide.say
    say(
        f"Everything works. In {pace.before:g} s the shop starts to break, in {len(STOPS)} ways, one"
    )
    say("after the other. That takes about six minutes: an alert needs three failures in a row.")
    await clock.sleep(pace.before)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        shop = _Shop(shop_url, session)
        for stop in STOPS:
            await _visit(stop, shop, guide)
            await clock.sleep(pace.between)
    say("That was it: all is healed, and the agent keeps watching. Ctrl-C ends both.")


async def _visit(stop: Stop, shop: _Shop, guide: Guide) -> None:
    pace, clock, say = guide.pace, guide.clock, guide.say
    names = [name for name in stop.seen_by if name in guide.watched]
    looks = f"noticed by {_listed(names)}" if names else "nothing here can notice that"
    await shop.switch(stop.fault, broken=True)
    say(f"{_time(clock)}  broken: {stop.fault} ({EFFECTS[stop.fault]}); {looks}")
    missing = await _until(shop, guide, names, firing=True)
    await shop.switch(stop.fault, broken=False)
    without = f"; no alert of {_listed(missing)} within {pace.broken:g} s" if missing else ""
    say(f"{_time(clock)}  healed: {stop.fault}{without}")
    left = await _until(shop, guide, names, firing=False)
    if left:
        say(f"{_time(clock)}  still firing after {pace.healed:g} s: {_listed(left)}")


async def _until(shop: _Shop, guide: Guide, names: list[str], *, firing: bool) -> list[str]:
    """Returns when all of `names` are firing (or none is), or those for which time ran out."""
    pace, clock = guide.pace, guide.clock
    if not names:
        await clock.sleep(pace.unseen if firing else pace.between)
        return []
    end = clock.monotonic() + (pace.broken if firing else pace.healed)
    while True:
        told = await shop.firing()
        left = [name for name in names if (name in told) is not firing]
        if not left or clock.monotonic() >= end:
            return left
        await clock.sleep(pace.look)


class _Notice(BaseModel):
    status: str
    labels: dict[str, str]


class _Notices(BaseModel):
    notices: list[_Notice]  # newest first


class _Shop(NamedTuple):
    url: str
    session: aiohttp.ClientSession

    async def switch(self, fault: Fault, *, broken: bool) -> None:
        method = "PUT" if broken else "DELETE"
        async with self.session.request(method, f"{self.url}/faults/{fault}") as answer:
            answer.raise_for_status()

    async def firing(self) -> set[str]:
        """The checks of which the pager's last word is an alert."""
        wanted = {"Accept": "application/json"}
        async with self.session.get(f"{self.url}/pager", headers=wanted) as answer:
            answer.raise_for_status()
            said = _Notices.model_validate_json(await answer.read()).notices
        last = {notice.labels.get("check", ""): notice.status for notice in reversed(said)}
        return {check for check, status in last.items() if status == "firing"}


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _time(clock: Clock) -> str:
    return datetime.fromtimestamp(clock.now(), UTC).astimezone().strftime("%H:%M:%S")
