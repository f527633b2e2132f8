"""Two hundred checks fail in the same second: everybody is told of all of them, in few messages."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmarks.common.process import Cores
from benchmarks.storm import storm

CHECKS = 200


@pytest.mark.timeout(240)
async def test_a_storm_is_told_to_all_in_few_messages(tmp_path: Path) -> None:
    """How long that takes is for `scripts/bench storm` to say."""
    seen = await storm(tmp_path, CHECKS, Cores.here(), seconds=150)

    told = {one.notifier: one for one in seen.told}
    assert not [one for one in seen.told if math.isnan(one.seconds)], "not all have been told"
    # An Alertmanager is told at once, so its messages are as many as there are commits.
    assert 2 <= told["hook"].messages <= CHECKS / 10
    assert 2 <= told["chat"].messages <= CHECKS / 10
    assert told["am"].messages >= 1
