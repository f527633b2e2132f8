"""What fails together is taken in a few at a time; what is well is none of that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prober import config
from prober.alerts.decisions import Mute
from prober.alerts.matchers import parse
from prober.clock import SystemClock
from prober.parts import NEWS_AT_ONCE, Parts
from prober.result import Result
from prober.store.database import Store
from tests.alerts.samples import DOWN, UNKNOWN, UP, result

CONFIG = """\
agent: {region: eu}
checks:
  - {name: api, tcp: "127.0.0.1:1"}
  - {name: web, http: {url: "http://127.0.0.1:1/", headers: {Authorization: "${TOKEN}"}}}
"""
TOKEN = "open-sesame-42"


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    clock = SystemClock()
    store = Store.open(tmp_path / "data", clock)
    loaded = config.load(path, {"TOKEN": TOKEN}).config
    one = Parts(loaded, store, clock, ask=lambda _: None)
    yield one
    one.close()
    await store.close()


async def weighed(parts: Parts, results: list[Result]) -> list[tuple[str, int]]:
    """By check, in which turn of the loop each was let on."""
    went: list[tuple[str, int]] = []
    turn = 0

    async def one(run: Result) -> None:
        assert await parts.weighed(run) is run
        went.append((run.check, turn))

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(run)) for run in results]
        while not all(task.done() for task in tasks):
            turn += 1
            await asyncio.sleep(0)
    return went


async def test_runs_that_fail_together_are_taken_in_a_few_in_a_turn_of_the_loop(
    parts: Parts,
) -> None:
    names = [f"check-{number}" for number in range(NEWS_AT_ONCE * 3)]

    went = await weighed(parts, [result(DOWN, check=name) for name in names])

    turns = [turn for _, turn in went]
    assert [name for name, _ in went] == names
    assert max(turns.count(turn) for turn in turns) == NEWS_AT_ONCE


async def test_what_is_well_again_or_gone_is_failing_no_more(parts: Parts) -> None:
    bad = [result(DOWN, check="api"), result(UNKNOWN, check="web"), result(DOWN, check="db")]
    await weighed(parts, bad)
    before = set(parts.failing)
    await weighed(parts, [result(UP, check="web")])
    after = set(parts.failing)
    await parts.adopt(parts.config, (), ["db"])

    assert before == {"api", "web", "db"}
    assert after == {"api", "db"}
    assert parts.failing == {"api"}


async def test_a_secret_that_somebody_typed_into_a_comment_is_not_kept(
    parts: Parts, tmp_path: Path
) -> None:
    now = parts.clock.now()
    mute = Mute(
        id="m", kind="silence", matchers=(parse("check=web"),), starts_at=now, ends_at=now + 60,
        by=f"ana-{TOKEN}", comment=f"the new token is {TOKEN}", at=now,
    )  # fmt: skip
    settling = asyncio.create_task(parts.settle.run())
    try:
        said = await parts.decide(mute)
        log = await parts.store.audit(10)
    finally:
        settling.cancel()

    kept = parts.settle.mutes["m"]
    assert kept.comment == "the new token is ***"
    assert [entry.why for entry in log] == [kept.comment]
    assert TOKEN not in f"{said} {kept} {log}"
