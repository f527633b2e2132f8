"""Is what we write what a parser reads?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from prometheus_client import parser
from prometheus_client.core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser

from prober.export import metrics as metrics_module
from prober.export.histogram import without_exemplars
from tests.export.samples import OURS, REFUSED, TIMED_OUT, UP, Bench
from tests.fake_clock import NOON

SHOP = 'check="shop",region="eu-west-1"'


def full_bench() -> Bench:
    """A bit of everything: three checks, failures, an alert, and what the agent tells of itself."""
    bench = Bench()
    bench.add("shop", labels={"team": "payments", "note": 'a "b"\\c\nd é'})
    bench.add("plain", target="http://127.0.0.1/", interval=0.5)
    bench.add("port", kind="tcp", target="127.0.0.1:6379", rules=())
    bench.metrics.agent.configure(["hook"])
    bench.metrics.agent.outbox_oldest.set(NOON)
    bench.metrics.agent.schedule_lag.observe(0.002)
    for name in bench.board.rows:
        for finding in (UP, TIMED_OUT, OURS, REFUSED, UP):
            bench.run(name, finding, attempts=2)
    bench.metrics.alert("shop", "down", "critical", True)
    return bench


def read(text: str) -> Iterable[Metric]:
    return parser.text_string_to_metric_families(text)


async def test_the_text_format_reads_back() -> None:
    text = await full_bench().text()
    families = {family.name: family for family in read(text)}

    assert families["prober_runs"].type == "counter"
    assert families["prober_run_duration_seconds"].type == "histogram"
    (info,) = [s for s in families["prober_check_info"].samples if s.labels["check"] == "shop"]
    assert info.labels == {
        "check": "shop", "region": "eu-west-1", "kind": "http", "severity": "critical",
        "target": "https://shop.example/", "team": "payments", "note": 'a "b"\\c\nd é',
    }  # fmt: skip


async def test_openmetrics_reads_back_and_says_the_same_but_for_exemplars() -> None:
    bench = full_bench()
    plain = await bench.text()
    text = await bench.text(openmetrics=True)
    families = {f.name for f in openmetrics_parser.text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]  # the library leaves it so

    assert {"prober_runs", "prober_failures", "probe_success", "prober_store_errors"} <= families
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
    ours = [line for line in plain.splitlines() if SHOP in line]
    theirs = [line for line in text.splitlines() if SHOP in line]
    assert sum(" # {" in line for line in theirs) == 1
    assert ours == [without_exemplars(line.encode()).decode() for line in theirs]


async def test_the_lines_of_a_family_stand_together_under_one_head() -> None:
    text = await full_bench().text()
    heads = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert len(heads) == len(set(heads))
    family = ""
    for line in text.splitlines():
        if line.startswith("#"):
            family = line.split()[2]
        else:
            assert line.startswith(family)


async def test_rendering_gives_the_loop_back_and_survives_changes_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics_module, "PIECE", 1000)
    bench = Bench()
    for number in range(35):
        bench.add(f"c{number}")
        bench.run(f"c{number}")
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1
            bench.remove(f"c{turns}")
            bench.add(f"new{turns}")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(others())
        text = await bench.text()
        task.cancel()

    assert turns > 35
    assert list(read(text))
