"""Is all that a journey's run was made of gone with it, without a search for garbage?

An agent that runs a journey now and then comes to such a search after days,
and what waits for it are megabytes.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.probes.playing import GO, GOOD, READY, SHORT, Act, Stage, down

STARTED = [["at deadline", []], READY, GO]
RUNS: dict[str, Sequence[Act]] = {
    "is up": GOOD,
    "is down, and printed": [READY, GO, ["print", "hello"], down()],
    "meets its deadline": [*STARTED, ["sleep", 60]],
    "is killed": [READY, GO, ["kill", 9]],
    "says nothing": [["sleep", 60]],
}


@contextmanager
def nobody_collects() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def garbage() -> Counter[str]:
    """What only a search finds, of our own and of what it keeps open."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        kinds = [type(one) for one in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    ours = ("prober.", "_io", "subprocess", "_asyncio", "asyncio.")
    return Counter(f"{kind.__module__}.{kind.__name__}" for kind in kinds
                   if kind.__module__.startswith(ours))  # fmt: skip


@pytest.mark.parametrize("acts", RUNS.values(), ids=RUNS)
async def test_a_run_leaves_nothing_for_the_garbage_collection(
    tmp_path: Path, acts: Sequence[Act]
) -> None:
    stage = Stage(tmp_path, limits=replace(SHORT, start=0.5))
    await stage.play(acts, timeout=0.5)

    with nobody_collects():
        await stage.play(acts, timeout=0.5)
        await asyncio.sleep(0)  # so that who is told of their end has been told
        left = garbage()

    assert left == Counter()
