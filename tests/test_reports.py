"""A report tells of its period what direct counting finds, once, whatever restarts lie between."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection
from typing import TypeVar

import pytest

from prober.alerts.figures import EDGES
from prober.alerts.notice import Delivery, Event
from prober.alerts.windows import unix
from prober.config.model import Config
from prober.config.plan import plan
from prober.config.shard import own
from prober.export.board import Board, CheckInfo
from prober.reports import DAY, Reports
from prober.result import Outcome, Reason, Result
from prober.shard import place
from prober.store.batch import Batch
from prober.store.database import Renewed, StoreError
from prober.store.records import Wanted
from prober.units import show_duration
from tests.alerts.samples import DOWN, UNKNOWN, UP, result
from tests.config.loading import loaded
from tests.fake_clock import FakeClock
from tests.settle_bench import Bench, bench, kept
from tests.store.test_database import remembered

T = TypeVar("T")
MONDAY = unix("2026-11-16T08:00Z")
HOOK = '{webhook: {url: "https://hooks.example/"}}'
CHECKS = """
checks:
  - {name: api, tcp: "h:1", labels: {team: shop}}
  - {name: web, tcp: "h:2"}
  - {name: new, tcp: "h:3"}
"""
REPORT = '{schedule: "0 8 * * MON", notify: [mail], name: weekly}'


def settings(*reports: str, agent: str = "") -> str:
    listed = "".join(f"\n  - {one}" for one in reports or (REPORT,))
    alerts = "alerts: {down: {when: {failures: 2}, severity: critical}}"
    head = f"agent: {{region: eu{agent}}}\nnotifiers: {{mail: {HOOK}, ops: {HOOK}}}\n{alerts}"
    return f"{head}\nroutes: [{{notify: []}}]\n{CHECKS}reports:{listed}\n"


@dataclass(slots=True)
class Desk:
    """Reports beside a real store, with a clock that stands still."""

    made: Bench
    board: Board
    reports: Reports
    config: Config

    def see(self, *results: Result) -> None:
        for one in results:
            self.board.observe(one)
            self.reports.count(one)
            self.made.settle.put(one)

    async def turn(self) -> list[Delivery]:
        """Looks at what is due; what is new was said, and is delivered."""
        before = len(self.told)
        await self.made.settle.flush()
        await self.reports.turn()
        await self.made.settle.flush()
        new = self.told[before:]
        for one in new:
            await self.made.settle.mark(one.id, "delivered")
        await self.made.settle.flush()
        return new

    @property
    def told(self) -> list[Delivery]:
        return [one for one in self.made.handed if one.notice.event is Event.REPORT]


@asynccontextmanager
async def desk(folder: Path, clock: FakeClock, text: str = "") -> AsyncIterator[Desk]:
    """As the agent starts it."""
    config = own(loaded(folder, text or settings()).config)
    async with bench(folder / "data", clock, plan(config)) as made:
        board = Board()
        for check in config.checks:
            board.add(check, CheckInfo(kind=check.kind, target=""))
        reports = Reports(store=made.store, settle=made.settle, board=board, clock=clock)
        reports.configure(config)
        yield Desk(made, board, reports, config)
        await reports.flush(5.0)
        await made.settle.flush(5.0)


def said(one: Delivery) -> str:
    return one.notice.annotations["description"]


def row(delivery: Delivery, check: str) -> list[str]:
    """What the table says of a check."""
    lines = (line.split() for line in said(delivery).splitlines())
    return next(cells for cells in lines if cells[:1] == [check] and len(cells) > 6)


def a_week(seed: int) -> Iterable[Result]:
    """Every five minutes a run of two checks, with outages, a window and faults of our own."""
    chance = random.Random(seed)
    down = dict.fromkeys(("api", "web"), 0)
    for at in range(int(MONDAY - 8 * DAY), int(MONDAY + DAY), 300):
        for check in down:
            if chance.random() < 0.01:
                down[check] = chance.randrange(1, 20)
            down[check] = max(0, down[check] - 1)
            ours = chance.random() < 0.02
            outcome = UNKNOWN if ours else DOWN if down[check] else UP
            one = result(outcome, check=check, at=at + 0.5, reason=Reason.TIMEOUT)
            window = "weekly" if (at // 3600) % 168 == 60 else ""
            seconds = chance.choice([0.04, 0.3, 2.0, 40.0 if check == "web" else 0.2])
            yield one._replace(seconds=seconds, maintenance=window)


def counts(results: Sequence[Result], check: str) -> list[str]:
    """The same, counted by hand."""
    its = [one for one in results if one.check == check]
    found = Counter("window" if one.maintenance else one.outcome.value for one in its)
    up, down = found["up"], found["down"]
    share = up * 10_000 // (up + down)
    shown = ["100", "%"] if not down else [f"{share // 100}.{share % 100:02}", "%"]
    return [check, *shown, str(up), str(down), "0", str(found["unknown"]), str(found["window"])]


def slowest(results: Sequence[Result], check: str) -> str:
    took = sorted(
        one.seconds
        for one in results
        if one.check == check and not one.maintenance and one.outcome is not Outcome.UNKNOWN
    )
    exact = took[-(-95 * len(took) // 100) - 1]
    edge = next(one for one in EDGES if exact <= one)
    return f"{check:<26} at most {show_duration(edge):<7}"


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_report_of_a_week_equals_a_direct_count_over_the_same_results(
    tmp_path: Path, seed: int
) -> None:
    """With a restart in the middle, and an hour's runs written at a time."""
    clock = FakeClock(MONDAY - 8 * DAY)
    results, told = list(a_week(seed)), list[Delivery]()
    middle = len(results) // 2
    for part in (results[:middle], results[middle:]):
        async with desk(tmp_path, clock) as one:
            for number, each in enumerate(part):
                clock.move(max(0.0, each.started_at - clock.now()))
                one.see(each)
                if number % 24 == 0:
                    told += await one.turn()
            known = await remembered(one.made.store, Wanted(limit=1000))

    [report] = [each for each in told if each.notice.ends_at == MONDAY]
    its = [each for each in results if MONDAY - 7 * DAY <= each.started_at < MONDAY]
    for check in ("api", "web"):
        assert row(report, check) == counts(its, check)
        assert slowest(its, check) in said(report)
    assert row(report, "new")[1:3] == ["no", "runs"]
    fired = sum(
        each.fired_at < MONDAY and (each.resolved_at or MONDAY) > MONDAY - 7 * DAY for each in known
    )
    assert fired > 10
    assert f"Incidents: {fired}\n" in said(report)
    assert [each.notice.ends_at for each in told] == [MONDAY - 7 * DAY, MONDAY]


async def test_it_is_told_once_whatever_restarts_lie_between(tmp_path: Path) -> None:
    clock, told = FakeClock(MONDAY - DAY), list[Delivery]()
    for hours in (1, 23.5, 1, 1, 24):
        async with desk(tmp_path, clock) as one:
            told += await one.turn()
        clock.move(hours * 3600)

    assert [each.notice.key for each in told] == ["eu//report weekly/2026-11-16T08:00:00.000Z"]
    assert [each.notifier for each in told] == ["mail"]
    assert told[0].notice.labels["report"] == "weekly"


async def test_of_those_that_were_missed_the_latest_is_told_at_the_start(tmp_path: Path) -> None:
    clock = FakeClock(MONDAY - DAY)
    async with desk(tmp_path, clock):
        pass
    clock.move(17 * DAY)
    async with desk(tmp_path, clock) as one:
        [told] = await one.turn()
        again = await one.turn()

    assert told.notice.ends_at == MONDAY + 14 * DAY
    assert told.notice.starts_at == MONDAY + 7 * DAY
    assert again == []


async def test_a_new_one_tells_nothing_of_before_it_was_there(tmp_path: Path) -> None:
    clock = FakeClock(MONDAY + 3600)
    async with desk(tmp_path, clock) as one:
        assert await one.turn() == []
        clock.move(7 * DAY)
        assert len(await one.turn()) == 1


async def test_that_it_was_told_is_written_with_the_notice_or_not_at_all(tmp_path: Path) -> None:
    clock = FakeClock(MONDAY - DAY)
    async with desk(tmp_path, clock) as one:
        await one.made.settle.flush()
        clock.move(DAY + 60)
        await one.reports.turn()
        while not one.made.store.committed.empty():
            one.made.store.committed.get_nowait()
        await one.made.settle.flush()
        batch = one.made.store.committed.get_nowait()

    assert [each.notice.event for each in batch.deliveries] == [Event.REPORT]
    assert batch.states["", "@report weekly"].since == MONDAY


async def test_one_that_waits_in_a_file_that_is_found_late_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(MONDAY - DAY)
    async with desk(tmp_path, clock) as one:
        clock.move(DAY + 60)
        await one.reports.turn()
        await one.made.settle.flush()
    left = await kept(tmp_path / "data")
    async with bench(tmp_path / "other", clock, plan(one.config)) as made:
        commit, first = made.store.commit, [left]

        async def found(batch: Batch) -> tuple[str, ...]:
            if first:
                raise Renewed(tmp_path, first.pop())
            return await commit(batch)

        monkeypatch.setattr(made.store, "commit", found)
        made.put(result(UP))
        await made.settle.flush()

    assert [each.id for each in left.undelivered] == [each.id for each in made.handed]
    assert made.events == [Event.REPORT]


async def test_while_the_store_is_gone_it_waits_and_nothing_is_counted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(MONDAY - 1800)
    async with desk(tmp_path, clock) as one:
        one.see(result(UP, at=MONDAY - 1500), result(DOWN, at=MONDAY - 1400))
        whole = one.made.store.write

        async def gone(change: Callable[[Connection], T]) -> T:
            raise StoreError("the disk is full")

        monkeypatch.setattr(one.made.store, "write", gone)
        clock.move(3600)
        assert await one.turn() == []
        monkeypatch.setattr(one.made.store, "write", whole)
        one.see(result(UP, at=MONDAY - 1))
        clock.move(60)
        [told] = await one.turn()

    assert row(told, "api") == ["api", "66.66", "%", "2", "1", "0", "0", "0"]


async def test_the_stop_adds_what_is_left(tmp_path: Path) -> None:
    clock = FakeClock(MONDAY - 1800)
    async with desk(tmp_path, clock) as one:
        one.see(result(UP, at=MONDAY - 1500))
        await one.reports.flush(5.0)
    clock.move(3600)
    async with desk(tmp_path, clock) as one:
        [told] = await one.turn()

    assert row(told, "api")[3] == "1"


async def test_a_stop_without_a_store_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(tmp_path, FakeClock(MONDAY)) as one:

        async def stalled(change: Callable[[Connection], T]) -> T:
            await asyncio.Event().wait()
            raise AssertionError

        monkeypatch.setattr(one.made.store, "write", stalled)
        one.see(result(UP, at=MONDAY))
        await one.reports.flush(0.01)
        await one.reports.flush(0.01)  # there is nothing left to say

    assert [each.message for each in caplog.records if each.name == "prober.reports"] == [
        "the runs of the last minute are missing in reports"
    ]


async def test_it_is_about_the_checks_it_names(tmp_path: Path) -> None:
    text = settings(
        '{schedule: "0 8 * * *", notify: ops, match: {labels: {team: shop}}}',
        '{schedule: "0 8 * * *", notify: [mail, ops], match: {checks: [web]}, name: web}',
    )
    clock = FakeClock(MONDAY - 1800)
    async with desk(tmp_path, clock, text) as one:
        for check in ("api", "web"):
            one.see(*(result(DOWN, check=check, at=MONDAY - 1500 + at) for at in range(2)))
        clock.move(3600)
        told = await one.turn()

    first, second, third = told
    assert [each.notifier for each in told] == ["ops", "mail", "ops"]
    assert first.notice.key == "eu//report 0 8 * * */2026-11-16T08:00:00.000Z"
    assert "report" not in first.notice.labels
    assert "api: down" in said(first)
    assert "web" not in said(first)
    assert second.notice == third.notice
    assert "web: down" in said(second)
    assert "api" not in said(second)


@pytest.mark.parametrize("turn", [0, 1])
async def test_it_is_told_by_the_shards_that_have_what_it_is_about(
    tmp_path: Path, turn: int
) -> None:
    shard = (place("web", 2) + turn) % 2
    daily = '{schedule: "0 8 * * *", notify: [mail], match: {checks: [web]}}'
    clock = FakeClock(MONDAY - 1800)
    async with desk(tmp_path, clock, settings(daily, agent=f", shard: {shard}/2")) as one:
        clock.move(3600)
        told = await one.turn()
        again = await one.turn()

    assert len(told) == 1 - turn
    assert again == []


async def test_what_left_the_config_is_forgotten_and_begins_anew(tmp_path: Path) -> None:
    clock = FakeClock(MONDAY - DAY)
    async with desk(tmp_path, clock) as one:
        other = loaded(tmp_path, settings(REPORT.replace("weekly", "other"))).config
        one.reports.configure(other)
        assert {key for key in one.made.settle.states if key[1].startswith("@")} == {
            ("", "@report other")
        }
        clock.move(2 * DAY)
        one.reports.configure(one.config)
        assert await one.turn() == []


async def test_one_that_leaves_the_config_while_it_is_made_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(MONDAY - 1800)
    async with desk(tmp_path, clock) as one:
        ask = one.made.store.ask

        async def reloaded(query: Callable[[Connection], T]) -> T:
            one.reports.configure(loaded(tmp_path, settings(REPORT.replace("8", "9"))).config)
            return await ask(query)

        monkeypatch.setattr(one.made.store, "ask", reloaded)
        clock.move(3600)

        assert await one.turn() == []


async def test_an_agent_that_tells_nobody_makes_none(tmp_path: Path) -> None:
    clock = FakeClock(MONDAY - 1800)
    async with desk(tmp_path, clock, settings(agent=", notify: never")) as one:
        clock.move(3600)

        assert await one.turn() == []


async def test_certificates_that_end_soon_are_in_it(tmp_path: Path) -> None:
    clock = FakeClock(MONDAY - 1800)
    async with desk(tmp_path, clock) as one:
        for check, days, chain in (("api", 10, 5), ("web", 40, 35)):
            now = clock.now()
            facts = {
                "cert_not_after": datetime.fromtimestamp(now + days * DAY, UTC),
                "chain_not_after": datetime.fromtimestamp(now + chain * DAY, UTC),
            }
            one.see(result(UP, check=check, at=now)._replace(facts=facts))
        one.see(result(UNKNOWN, check="api", at=clock.now()))
        clock.move(3600)
        [told] = await one.turn()

    tail = said(told).partition("Certificates that end within 30 d\n")[2]
    assert tail.startswith("api ")
    assert tail.endswith("in 4 d 23 h")


async def test_a_clock_that_was_far_ahead_does_not_silence_it(tmp_path: Path) -> None:
    clock = FakeClock(MONDAY + 700 * DAY)
    async with desk(tmp_path, clock):
        pass
    clock.jump(-700 * DAY - 1800)
    async with desk(tmp_path, clock) as one:
        assert await one.turn() == []
        clock.move(3600)
        assert len(await one.turn()) == 1


async def test_a_clock_set_back_a_little_tells_nothing_twice(tmp_path: Path) -> None:
    clock = FakeClock(MONDAY - 1800)
    async with desk(tmp_path, clock) as one:
        clock.move(3600)
        assert len(await one.turn()) == 1
        clock.jump(-3600)
        assert await one.turn() == []
        clock.move(3600)
        assert await one.turn() == []


async def test_run_looks_every_minute(tmp_path: Path) -> None:
    clock = FakeClock(MONDAY - 1800)
    async with desk(tmp_path, clock) as one:
        task = asyncio.create_task(one.reports.run())
        async with asyncio.timeout(10):
            while not one.made.settle.states or not one.told:
                await clock.until_asleep()
                clock.move(60)
                await one.made.settle.flush()
        task.cancel()

    assert clock.now() - MONDAY <= 240
