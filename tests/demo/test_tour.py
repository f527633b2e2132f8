"""One fault after the other, each until the pager has heard of it and of its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from pydantic import JsonValue

from prober.demo.faults import Fault
from prober.demo.tour import STOPS, Guide, Pace, tour
from tests.demo.visiting import Guest
from tests.fake_clock import FakeClock

EVERYTHING = {name for stop in STOPS for name in stop.seen_by}
PACE = Pace(before=12, broken=100, healed=60, unseen=20, between=3, look=1)


async def tell(guest: Guest, status: str, *checks: str) -> None:
    """What an agent says to the pager."""
    alerts: list[JsonValue] = [
        {"status": status, "labels": {"check": name}, "startsAt": "2026-01-02T10:00:00Z"}
        for name in checks
    ]
    if alerts:
        await guest.post_json("/pager", {"version": "4", "alerts": alerts})


class Walk:
    """A tour on a clock that jumps from one wait to the next; `agent` acts between them."""

    def __init__(self, guest: Guest, watched: set[str]) -> None:
        self.guest = guest
        self.clock = FakeClock()
        self.said: list[str] = []
        self.guide = Guide(say=self.said.append, clock=self.clock, pace=PACE, watched=watched)
        self.broken: list[tuple[float, list[Fault]]] = []  # at which second what was

    async def go(self, agent: Callable[[float], Awaitable[None]]) -> float:
        """How long it took."""
        start = self.clock.monotonic()
        walk = asyncio.create_task(tour(self.guest.url, self.guide))
        while True:
            asleep = asyncio.create_task(self.clock.until_asleep())
            await asyncio.wait({walk, asleep}, return_when=asyncio.FIRST_COMPLETED)
            asleep.cancel()
            now = self.clock.monotonic() - start
            found = [fault for fault in Fault if fault in self.guest.faults]
            if not self.broken or self.broken[-1][1] != found:
                self.broken.append((now, found))
            if walk.done():
                break
            await agent(now)
            self.clock.move((self.clock.next_wake or 0.0) - self.clock.monotonic())
            await asyncio.sleep(0)
        await walk
        return now


async def test_each_fault_stays_until_all_that_see_it_fire_and_the_next_waits_until_none_does(
    guest: Guest,
) -> None:
    walk, firing = Walk(guest, EVERYTHING), list[str]()

    async def agent(now: float) -> None:
        """Fires one more each second, of what should fire; heals all at once."""
        seen = [s.seen_by for s in STOPS if s.fault in guest.faults]
        late = [name for names in seen for name in names if name not in firing]
        if late:
            firing.append(late[0])
            await tell(guest, "firing", late[0])
        elif not seen and firing:
            await tell(guest, "resolved", *firing)
            firing.clear()

    await walk.go(agent)

    order = [stop.fault for stop in STOPS]
    assert [found for _, found in walk.broken] == [[], *(x for f in order for x in ([f], []))]
    stays = [
        healed - broken
        for (broken, _), (healed, _) in zip(walk.broken[1::2], walk.broken[2::2], strict=True)
    ]
    assert stays == [len(stop.seen_by) for stop in STOPS]
    assert {Fault.LOGIN, Fault.CHECKOUT} <= {*order}
    assert walk.said[0].startswith("Everything works. In 12 s the shop starts to break")
    assert walk.said[-1].startswith("That was it")
    assert [line[10:] for line in walk.said if "login" in line or "checkout" in line] == [
        "broken: login (nobody can sign in); noticed by shop-sign-in, login and order",
        "healed: login",
        "broken: checkout (Buy ends in an error page); noticed by order",
        "healed: checkout",
    ]
    assert not any("within" in line or "still" in line for line in walk.said)


async def test_what_never_fires_or_never_resolves_holds_the_tour_up_for_so_long_and_is_named(
    guest: Guest,
) -> None:
    walk = Walk(guest, {"order", "shop-sign-in"})

    async def agent(now: float) -> None:
        if Fault.LOGIN in guest.faults:
            await tell(guest, "firing", "shop-sign-in")

    await walk.go(agent)

    said = [line[10:] for line in walk.said]
    assert "healed: login; no alert of order within 100 s" in said
    assert "still firing after 60 s: shop-sign-in" in said
    assert (
        "broken: health (payments are unhealthy, /health answers 503); nothing here can notice that"
        in said
    )


async def test_faults_that_nothing_looks_for_are_shown_all_the_same(guest: Guest) -> None:
    walk = Walk(guest, set())

    async def agent(now: float) -> None:
        pass

    lasted = await walk.go(agent)

    assert lasted == PACE.before + len(STOPS) * (PACE.unseen + 2 * PACE.between)
    assert [now for now, found in walk.broken if found] == [12 + 26 * n for n in range(len(STOPS))]


async def test_a_shop_that_is_gone_ends_the_tour() -> None:
    said: list[str] = []
    guide = Guide(say=said.append, clock=FakeClock(), pace=Pace(before=0), watched=())

    with pytest.raises(aiohttp.ClientError):
        await tour("http://127.0.0.1:1", guide)


def test_the_usual_pace_leaves_time_for_three_failures_and_two_successes_of_a_journey() -> None:
    pace, interval, run = Pace(), 20.0, 10.0

    assert pace.broken > 3 * interval + 3 * run
    assert pace.healed > 2 * interval + 3 * run
