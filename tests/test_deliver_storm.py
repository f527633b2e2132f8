"""Two hundred checks fail in the same second: everybody is told of all of them, in few messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.storm import storm

CHECKS = 200


@pytest.mark.timeout(120)
async def test_a_storm_is_told_to_all_in_few_messages(tmp_path: Path) -> None:
    seen = await storm(tmp_path, CHECKS)

    told = {one.notifier: one for one in seen.told}
    assert all(one.seconds < 60 for one in seen.told)
    # An Alertmanager is told at once, so its messages are as many as there are commits.
    assert told["hook"].messages <= CHECKS / 10
    assert told["chat"].messages <= CHECKS / 10
    assert told["am"].seconds < told["hook"].seconds
    assert max(seen.lag.values()) > CHECKS
