"""Whether the agent knows that it was late itself."""

from __future__ import annotations

import asyncio
import time

import pytest

from prober.clock import SystemClock
from prober.pulse import PERIOD, Pulse
from tests.fake_clock import FakeClock


def block(seconds: float) -> None:
    time.sleep(seconds)  # what no part of the agent may do


async def test_a_blocked_loop_is_noticed_even_before_the_next_beat() -> None:
    clock = SystemClock()
    pulse = Pulse(clock, lambda lag: None)
    beating = asyncio.create_task(pulse.run())
    await asyncio.sleep(0.02)
    begun = clock.monotonic()

    block(0.3)
    at_once = pulse.lag_since(begun)
    await asyncio.sleep(0.12)
    later = pulse.lag_since(begun)
    beating.cancel()

    assert at_once > 0.2
    assert later > 0.2


async def test_a_lag_is_as_long_as_the_loop_was_late_and_is_of_that_time_alone() -> None:
    clock = FakeClock()
    lags: list[float] = []
    pulse = Pulse(clock, lags.append)
    beating = asyncio.create_task(pulse.run())
    await clock.until_asleep()
    begun = clock.monotonic()
    clock.move(PERIOD + 0.4)
    at_once = pulse.lag_since(begun)
    await clock.until_asleep()
    clock.move(PERIOD)
    await clock.until_asleep()
    fresh = clock.monotonic()
    clock.move(PERIOD)
    await clock.until_asleep()
    beating.cancel()

    assert at_once == pytest.approx(0.4)
    assert pulse.lag_since(begun) == pytest.approx(0.4)
    assert pulse.lag_since(fresh) == pytest.approx(0.0)
    assert lags == pytest.approx([0.4, 0.0, 0.0])


async def test_the_longest_lag_of_a_run_is_remembered_however_many_follow() -> None:
    clock = FakeClock()
    pulse = Pulse(clock, lambda lag: None)
    beating = asyncio.create_task(pulse.run())
    await clock.until_asleep()
    begun = clock.monotonic()
    clock.move(PERIOD + 7.0)
    for _ in range(2000):
        await clock.until_asleep()
        clock.move(PERIOD + 0.03)

    assert pulse.lag_since(begun) >= 7.0
    assert pulse.lag_since(clock.monotonic() - 1) < 0.2
    beating.cancel()
