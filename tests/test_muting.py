"""What metrics and results show of maintenance and silences, and when that changes."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from textwrap import dedent

import pytest

from prober import probes
from prober.alerts.decisions import Mute
from prober.alerts.matchers import parse
from prober.alerts.mutes import Mutes
from prober.config import load
from prober.config.model import Config
from prober.export.board import CheckInfo
from prober.export.metrics import Metrics
from prober.muting import LOOK, Muting
from prober.result import Finding, Outcome, Result
from tests.fake_clock import NOON, FakeClock, beside

# 2023-11-14T22:13:20Z is the clock's noon.
TEXT = """
agent: {region: eu}
checks:
  - {name: shop, http: "http://127.0.0.1:1/", labels: {team: web}}
  - {name: api, tcp: "127.0.0.1:1"}
maintenance:
  - {name: deploy, start: "2023-11-14T22:14:20Z", end: "2023-11-14T22:15:20Z", probe: false, match: {checks: [shop]}}
"""
BEGIN, END = NOON + 60, NOON + 120


class Bench:
    def __init__(self, config: Config) -> None:
        self.clock = FakeClock()
        self.config = config
        self.metrics = Metrics("eu", self.clock)
        self.mutes = Mutes()
        self.muting = Muting(mutes=self.mutes, metrics=self.metrics, clock=self.clock)
        for check in config.checks:
            self.metrics.add(
                check,
                CheckInfo(kind=check.kind, target=""),
                series=probes.series(check),
                reasons=probes.reasons(check),
                rules=[(rule.name, rule.severity) for rule in config.rules[check.name]],
            )
        self.muting.configure(config)

    async def value(self, series: str) -> str:
        text = b"".join([piece async for piece in self.metrics.render()]).decode()
        (line,) = [line for line in text.splitlines() if line.startswith(f"{series} ")]
        return line.rpartition(" ")[2]

    async def active(self, check: str) -> str:
        return await self.value(f'prober_maintenance_active{{check="{check}",region="eu"}}')

    async def muted(self, check: str) -> str:
        series = f'prober_alert_muted{{check="{check}",region="eu",alert="down"}}'
        return await self.value(series)

    def stamp(self, check: str, started_at: float | None = None) -> str:
        run = Result(
            check=check,
            kind="http",
            region="eu",
            run_id="1",
            traceparent="",
            started_at=self.clock.now() if started_at is None else started_at,
            seconds=0.1,
            attempts=1,
            finding=Finding(Outcome.UP),
        )
        return self.muting.stamped(run).maintenance

    def running(self) -> AbstractAsyncContextManager[None]:
        return beside(self.clock, self.muting.run())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    path = tmp_path / "config.yaml"
    path.write_text(dedent(TEXT))
    return Bench(load(path, {}).config)


def silence(*matchers: str, kind: str = "silence") -> Mute:
    return Mute(
        id="3f9a",
        kind="maintenance" if kind == "maintenance" else "silence",
        matchers=tuple(map(parse, matchers)),
        starts_at=NOON,
        ends_at=NOON + 30,
        by="ana",
        comment="",
        at=NOON,
    )


async def test_a_window_shows_on_its_checks_from_its_begin_to_its_end(bench: Bench) -> None:
    async with bench.running():
        seen = []
        for _ in range(3):
            seen.append((await bench.active("shop"), await bench.muted("shop")))
            assert (await bench.active("api"), await bench.muted("api")) == ("0", "0")
            await bench.clock.advance(60.0)

    assert seen == [("0", "0"), ("1", "1"), ("0", "0")]


async def test_a_silence_mutes_alerts_at_once_and_is_no_maintenance(bench: Bench) -> None:
    async with bench.running():
        bench.mutes.put(silence("team=web", "severity=critical"))
        bench.muting.changed()
        await bench.clock.advance(0.0)

        assert (await bench.active("shop"), await bench.muted("shop")) == ("0", "1")
        assert await bench.muted("api") == "0"
        assert bench.stamp("shop") == ""
        await bench.clock.advance(30.0)
        assert await bench.muted("shop") == "0"


async def test_maintenance_by_hand_is_maintenance(bench: Bench) -> None:
    async with bench.running():
        bench.mutes.put(silence("check=api", kind="maintenance"))
        bench.muting.changed()
        await bench.clock.advance(0.0)

        assert (await bench.active("api"), await bench.muted("api")) == ("1", "1")
        assert bench.stamp("api") == "3f9a"
        bench.mutes.drop("3f9a")
        bench.muting.changed()
        await bench.clock.advance(0.0)
        assert await bench.active("api") == "0"


async def test_a_run_is_in_the_window_it_began_in_or_ended_in(bench: Bench) -> None:
    async with bench.running():
        assert bench.stamp("shop") == ""
        await bench.clock.advance(61.0)
        assert bench.stamp("shop", started_at=BEGIN - 5) == "deploy"
        assert bench.stamp("api") == ""
        await bench.clock.advance(62.0)
        assert bench.stamp("shop", started_at=END - 5) == "deploy"
        assert bench.stamp("shop", started_at=END + 5) == ""
        assert bench.stamp("shop", started_at=END - 5) == ""  # long since out of it


async def test_a_window_without_runs_pauses_its_checks_alone(bench: Bench) -> None:
    assert not bench.muting.is_paused("shop")
    await bench.clock.advance(61.0)
    assert bench.muting.is_paused("shop")
    assert not bench.muting.is_paused("api")
    assert not bench.muting.is_paused("gone")
    await bench.clock.advance(60.0)
    assert not bench.muting.is_paused("shop")


async def test_a_clock_that_was_set_is_noticed(bench: Bench) -> None:
    async with bench.running():
        bench.clock.jump(70.0)
        await bench.clock.advance(LOOK)
        assert await bench.active("shop") == "1"


async def test_an_agent_that_is_cut_off_mutes_everything(bench: Bench) -> None:
    async with bench.running():
        bench.mutes.offline = True
        bench.muting.changed()
        await bench.clock.advance(0.0)
        assert (await bench.muted("shop"), await bench.active("shop")) == ("1", "0")


async def test_what_a_reload_takes_away_is_no_longer_shown(bench: Bench) -> None:
    async with bench.running():
        await bench.clock.advance(61.0)
        assert bench.muting.covered == {"shop": "deploy"}
        bench.muting.configure(bench.config.model_copy(update={"maintenance": ()}))
        await bench.clock.advance(0.0)
        assert bench.muting.covered == {}
        assert await bench.active("shop") == "0"


async def test_an_alert_that_waits_for_another_is_muted_until_somebody_is_told(
    bench: Bench,
) -> None:
    down = ("shop", "down")
    async with bench.running():
        bench.muting.hold(frozenset({down}))
        assert (await bench.muted("shop"), await bench.muted("api")) == ("1", "0")
        await bench.clock.advance(125.0)  # through the window
        assert await bench.muted("shop") == "1"
        bench.muting.hold(frozenset())
        assert await bench.muted("shop") == "0"
