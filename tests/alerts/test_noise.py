"""What chance alone may not do: wake somebody."""

from __future__ import annotations

import random

import pytest

from prober.alerts.rules import DEFAULT_RULES, effective
from prober.alerts.state import QUIET, Change, advance
from tests.alerts.samples import DOWN, UP, result
from tests.fake_clock import NOON

MONTH = 30 * 86_400.0
NOISE = 0.005  # of the runs fail, each for itself
RUNS = {UP: result(UP), DOWN: result(DOWN)}


def pages(interval: float, seed: int, noise: float) -> int:
    """How often the default rules fire in a month."""
    draw = random.Random(seed)  # not for secrets
    (watched,) = effective(DEFAULT_RULES, {}, None, ("critical",))
    state, fired = QUIET, 0
    for turn in range(int(MONTH / interval)):
        outcome = DOWN if draw.random() < noise else UP
        if state is QUIET and outcome is UP:
            continue
        state, change = advance(state, RUNS[outcome], watched, NOON + turn * interval)
        fired += change is Change.FIRED
    return fired


@pytest.mark.parametrize("interval", [30.0, 60.0, 300.0])
def test_random_failures_page_nobody_in_a_month(interval: float) -> None:
    assert [pages(interval, seed, NOISE) for seed in range(1, 6)] == [0] * 5


def test_what_is_really_bad_does_page() -> None:
    assert pages(60.0, 1, 0.5) > 100
