"""What of a config becomes edges of histograms: what was promised of durations, and of nothing else."""

from __future__ import annotations

from pathlib import Path

from prober.config.model import Config
from prober.export.board import Board
from prober.export.metrics import Metrics
from prober.export.tally import EDGES
from prober.shown import Shown
from tests.config.loading import loaded
from tests.fake_clock import FakeClock

CHECKS = """
agent: {region: eu}
checks:
  - {name: api, http: "https://shop.example/", labels: {team: payments}}
  - {name: port, tcp: "127.0.0.1:6379"}
"""
FAST = "{name: fast, match: {labels: {team: payments}}, latency: {under: 700ms, ratio: 95%}}"
SLOW = "{name: slow, latency: {under: 20s, ratio: 95%}}"
ELSEWHERE = "{name: there, match: {regions: [us]}, latency: {under: 3s, ratio: 95%}}"
AVAILABLE = "{name: up, availability: 99.9%}"


def config(folder: Path, *slos: str) -> Config:
    return loaded(folder, f"{CHECKS}\nslos: [{', '.join(slos)}]").config


def shown() -> Shown:
    return Shown(Board(), Metrics("eu", FakeClock()))


async def adopt(subject: Shown, config: Config, *changed: str) -> None:
    """As the agent does: the changed checks alone are entered anew."""
    for check in config.checks:
        if check.name in changed:
            subject.enter(config, check)
    await subject.promised(config)


async def edges(subject: Shown, check: str) -> set[str]:
    """Those that others of its kind do not have."""
    text = b"".join([piece async for piece in subject.metrics.render()]).decode()
    start = f'prober_run_duration_seconds_bucket{{check="{check}",'
    lines = [line for line in text.splitlines() if line.startswith(start)]
    return {line.split('le="')[1].split('"')[0] for line in lines} - {*map(repr, EDGES), "+Inf"}


async def test_a_check_is_counted_by_what_was_promised_of_it(tmp_path: Path) -> None:
    subject = shown()
    await adopt(subject, config(tmp_path, FAST, SLOW, ELSEWHERE, AVAILABLE), "api", "port")

    assert await edges(subject, "api") == {"0.7", "20.0"}
    assert await edges(subject, "port") == {"20.0"}


async def test_a_reload_of_promises_alone_reaches_checks_that_are_as_they_were(
    tmp_path: Path,
) -> None:
    subject = shown()
    await adopt(subject, config(tmp_path, SLOW), "api", "port")
    await adopt(subject, config(tmp_path, FAST))
    after = await edges(subject, "api"), await edges(subject, "port")
    await adopt(subject, config(tmp_path))

    assert after == ({"0.7"}, set())
    assert await edges(subject, "api") == set()


async def test_a_check_that_changes_alone_keeps_what_was_promised(tmp_path: Path) -> None:
    subject = shown()
    await adopt(subject, config(tmp_path, FAST), "api", "port")
    await adopt(subject, config(tmp_path, FAST), "api")

    assert await edges(subject, "api") == {"0.7"}
