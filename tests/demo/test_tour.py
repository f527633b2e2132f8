"""One fault after the other."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from prober.demo.faults import Fault
from prober.demo.tour import Pace, tour
from tests.demo.visiting import Guest
from tests.fake_clock import FakeClock

PACE = Pace(before=12, broken=20, healed=15)


async def test_health_latency_and_page_break_and_heal_in_turn(guest: Guest) -> None:
    clock, said, seen = FakeClock(), list[str](), list[tuple[float, list[Fault]]]()
    start = clock.monotonic()
    walk = asyncio.create_task(tour(guest.url, clock, said.append, PACE))
    while not walk.done():
        asleep = asyncio.create_task(clock.until_asleep())
        await asyncio.wait({walk, asleep}, return_when=asyncio.FIRST_COMPLETED)
        asleep.cancel()
        seen.append((clock.monotonic() - start, [f for f in Fault if f in guest.faults]))
        wake = clock.next_wake
        if wake is not None:
            clock.move(wake - clock.monotonic())
            await asyncio.sleep(0)
    await walk

    assert clock.monotonic() - start == 117
    assert seen == [
        (0, []),
        (12, [Fault.HEALTH]),
        (32, []),
        (47, [Fault.LATENCY]),
        (67, []),
        (82, [Fault.PAGE]),
        (102, []),
    ]
    assert [line[10:] for line in said[1:-1]] == [
        "broken: health (payments are unhealthy, /health answers 503)",
        "healed: health",
        "broken: latency (every page and API answer comes 1.5 s late)",
        "healed: latency",
        "broken: page (product pages answer 500 and the catalogue is empty)",
        "healed: page",
    ]
    assert said[0] == "Everything works. In 12 s the shop starts to break."
    assert said[-1].startswith("That was it")


async def test_a_shop_that_is_gone_ends_the_tour() -> None:
    said: list[str] = []

    with pytest.raises(aiohttp.ClientError):
        await tour("http://127.0.0.1:1", FakeClock(), said.append, Pace(before=0))


def test_the_usual_pace_leaves_time_for_three_failures_and_two_successes() -> None:
    pace, interval = Pace(), 5.0

    assert pace.broken > 3 * interval
    assert pace.healed > 2 * interval
