"""What `demo --break` does: one fault after the other, each long enough to be noticed and over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from prober.clock import Clock
from prober.demo.faults import EFFECTS, Fault

STOPS = (Fault.HEALTH, Fault.LATENCY, Fault.PAGE)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. At a check every 5 s, three failures and two successes fit."""

    before: float = 12.0
    broken: float = 20.0
    healed: float = 15.0


async def tour(shop_url: str, clock: Clock, say: Callable[[str], None], pace: Pace) -> None:
    say(f"Everything works. In {pace.before:g} s the shop starts to break.")
    await clock.sleep(pace.before)
    for fault in STOPS:
        await _switch(shop_url, fault, "PUT")
        say(f"{_time(clock)}  broken: {fault} ({EFFECTS[fault]})")
        await clock.sleep(pace.broken)
        await _switch(shop_url, fault, "DELETE")
        say(f"{_time(clock)}  healed: {fault}")
        await clock.sleep(pace.healed)
    say("That was it: all is healed, and the agent keeps watching. Ctrl-C ends both.")


async def _switch(shop_url: str, fault: Fault, method: str) -> None:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session,
        session.request(method, f"{shop_url}/faults/{fault}") as answer,
    ):
        answer.raise_for_status()


def _time(clock: Clock) -> str:
    return datetime.fromtimestamp(clock.now(), UTC).astimezone().strftime("%H:%M:%S")
