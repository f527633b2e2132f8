from __future__ import annotations

import asyncio
import gzip
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from prober.export import family as family_module
from prober.export import metrics as metrics_module
from prober.export.metrics import AHEAD, WAIT
from prober.export.pack import Packed, packed
from prober.result import Finding, Reason, Result
from prober.series import Series
from tests.export.samples import OURS, REFUSED, TIMED_OUT, UP, Bench, Trip, result, step, visit
from tests.fake_clock import NOON

SHOP = 'check="shop",region="eu-west-1"'
WAY = 'check="way",region="eu-west-1"'


def seen(result: Result) -> list[tuple[str, float]]:
    return [("", result.seconds)]


def own(text: str) -> list[str]:
    """The lines about checks, not about the process."""
    return [line for line in text.splitlines() if "check=" in line]


async def shown(bench: Bench, pool: Executor, openmetrics: bool = False) -> list[str]:
    pieces = [piece async for piece in bench.metrics.render_packed(pool, openmetrics)]
    text = gzip.decompress(b"".join(pieces)).decode()
    assert text.endswith("# EOF\n") is openmetrics
    return own(text)


async def test_before_the_first_result_there_are_counters_and_no_last_results() -> None:
    bench = Bench()
    bench.add()
    text = await bench.text()

    assert "\nprobe_" not in text
    assert "prober_last_run_timestamp_seconds{" not in text
    assert "prober_last_success_timestamp_seconds{" not in text
    for child in (
        f'prober_runs_total{{{SHOP},outcome="maintenance"}} 0',
        f'prober_failures_total{{{SHOP},reason="timeout"}} 0',
        f"prober_run_duration_seconds_count{{{SHOP}}} 0",
        f"prober_check_interval_seconds{{{SHOP}}} 60",
        f"prober_consecutive_failures{{{SHOP}}} 0",
        f"prober_maintenance_active{{{SHOP}}} 0",
        f"prober_runs_flaky_total{{{SHOP}}} 0",
        f'prober_alert_firing{{{SHOP},alert="down",severity="critical"}} 0',
        f'prober_alert_muted{{{SHOP},alert="down"}} 0',
    ):
        assert f"\n{child}\n" in text


async def test_a_result_is_shown_and_counted() -> None:
    bench = Bench()
    bench.add()
    bench.run(finding=UP, seconds=0.25)
    text = await bench.text()

    for line in (
        f"probe_success{{{SHOP}}} 1",
        f"probe_duration_seconds{{{SHOP}}} 0.25",
        f"probe_timeout_seconds{{{SHOP}}} 10",
        f'probe_http_duration_seconds{{{SHOP},phase="tls"}} 0.02',
        f'probe_tls_version_info{{{SHOP},version="TLS 1.3"}} 1',
        f'prober_runs_total{{{SHOP},outcome="up"}} 1',
        f'prober_run_duration_seconds_bucket{{{SHOP},le="0.25"}} 1',
        f'prober_http_responses_total{{{SHOP},code="200"}} 1',
        f"prober_last_run_timestamp_seconds{{{SHOP}}} 1699999999.75",
        f"prober_last_success_timestamp_seconds{{{SHOP}}} 1699999999.75",
    ):
        assert f"\n{line}\n" in text


async def test_the_next_result_replaces_what_the_last_one_showed() -> None:
    bench = Bench()
    bench.add()
    bench.run(finding=UP)
    bench.run(finding=REFUSED, facts={"ip_protocol": 6})
    text = await bench.text()

    assert f"\nprobe_success{{{SHOP}}} 0\n" in text
    assert f"\nprobe_ip_protocol{{{SHOP}}} 6\n" in text
    assert "probe_http_status_code{" not in text
    assert "probe_tls_version_info{" not in text
    assert f"\nprober_consecutive_failures{{{SHOP}}} 1\n" in text
    bench.run(finding=UP)
    assert await bench.value(f"probe_http_status_code{{{SHOP}}}") == 200
    assert await bench.value(f"prober_consecutive_failures{{{SHOP}}}") == 0


async def test_unknown_leaves_the_last_verdict_and_moves_the_clock() -> None:
    bench = Bench()
    bench.add()
    bench.run(finding=REFUSED, seconds=0)
    bench.clock.move(60)
    bench.run(finding=OURS, seconds=0)

    assert await bench.value(f"probe_success{{{SHOP}}}") == 0
    assert await bench.value(f"prober_last_run_timestamp_seconds{{{SHOP}}}") == NOON + 60
    assert await bench.value(f'prober_runs_total{{{SHOP},outcome="unknown"}}') == 1
    assert await bench.value(f"prober_consecutive_failures{{{SHOP}}}") == 1


@pytest.mark.parametrize(("interval", "limit"), [(60, 300), (600, 1800)])
async def test_last_results_are_withheld_without_a_verdict(interval: float, limit: float) -> None:
    bench = Bench()
    bench.add(interval=interval)
    bench.run(finding=UP)
    bench.clock.move(limit)
    bench.run(finding=OURS)
    assert await bench.value(f"probe_success{{{SHOP}}}") == 1
    bench.clock.move(1)
    text = await bench.text()

    assert "\nprobe_" not in text
    assert f'prober_runs_total{{{SHOP},outcome="up"}} 1\n' in text
    bench.run(finding=UP)
    assert await bench.value(f"probe_success{{{SHOP}}}") == 1
    assert await bench.value(f"probe_http_status_code{{{SHOP}}}") == 200


async def test_a_longer_interval_keeps_the_last_result_for_longer() -> None:
    bench = Bench()
    bench.add(interval=60)
    bench.run(finding=UP)
    bench.add(interval=600)
    bench.clock.move(1000)

    assert await bench.value(f"probe_success{{{SHOP}}}") == 1


async def test_many_stale_checks_are_withheld_together() -> None:
    bench = Bench()
    names = [f"c{number}" for number in range(metrics_module.LOOKS // metrics_module.WRITING * 3)]
    for name in names:
        bench.add(name)
        bench.run(name)
    bench.clock.move(301)

    assert "\nprobe_" not in await bench.text()


@pytest.mark.parametrize(("age", "shown"), [(10, 1.0), (299, 1.0), (301, None)])
async def test_history_shows_again_what_is_not_too_old(age: float, shown: float | None) -> None:
    bench = Bench()
    bench.add()
    old = result(at=NOON - age, seconds=0)
    row = bench.board.restore(old, old, None)
    assert row is not None
    bench.metrics.restore(old, row)

    assert await bench.value(f"probe_success{{{SHOP}}}") == shown
    assert await bench.value(f"prober_last_success_timestamp_seconds{{{SHOP}}}") == NOON - age
    assert await bench.value(f'prober_runs_total{{{SHOP},outcome="up"}}') == 0
    bench.clock.move(301 - min(age, 300))
    assert await bench.value(f"probe_success{{{SHOP}}}") is None


async def test_a_removed_check_takes_all_its_series_along() -> None:
    bench = Bench()
    for name in ("shop", "plain"):
        bench.add(name)
        bench.run(name, TIMED_OUT, attempts=2)
    assert 'check="shop"' in await bench.text()
    bench.remove("shop")
    bench.metrics.observe(result(), bench.board.rows["plain"])
    bench.metrics.alert("shop", "down", "critical", True)

    text = await bench.text()
    assert 'check="shop"' not in text
    assert 'check="plain"' in text


async def test_an_edited_check_keeps_its_counts() -> None:
    bench = Bench()
    bench.add(labels={"team": "a"})
    bench.run(finding=REFUSED)
    bench.metrics.alert("shop", "down", "critical", True)
    bench.add(
        labels={"team": "b"}, interval=5, severity="high", reasons=(Reason.STATUS,),
        rules=(("down", "high"), ("slow", "low")),
    )  # fmt: skip
    text = await bench.text()

    for line in (
        f'prober_runs_total{{{SHOP},outcome="down"}} 1',
        f'prober_failures_total{{{SHOP},reason="connect"}} 1',
        f'prober_failures_total{{{SHOP},reason="status"}} 0',
        f"prober_check_interval_seconds{{{SHOP}}} 5",
        f'prober_alert_firing{{{SHOP},alert="down",severity="high"}} 1',
        f'prober_alert_firing{{{SHOP},alert="slow",severity="low"}} 0',
        f"probe_success{{{SHOP}}} 0",
        f"prober_consecutive_failures{{{SHOP}}} 1",
    ):
        assert f"\n{line}\n" in text
    assert 'team="a"' not in text
    assert 'reason="dns"' not in text
    assert text.count("prober_check_info{") == 1


async def test_a_check_of_another_kind_starts_anew() -> None:
    bench = Bench()
    bench.add()
    bench.run()
    bench.add(kind="tcp", target="shop:443")
    text = await bench.text()

    assert f'prober_runs_total{{{SHOP},outcome="up"}} 0\n' in text
    assert "probe_http_status_code{" not in text
    assert "prober_http_responses_total{" not in text


async def test_an_alert_fires_and_ends() -> None:
    bench = Bench()
    bench.add()
    series = f'prober_alert_firing{{{SHOP},alert="down",severity="critical"}}'
    bench.metrics.alert("shop", "down", "critical", True)
    assert await bench.value(series) == 1
    bench.metrics.alert("shop", "down", "critical", False)

    assert await bench.value(series) == 0


async def test_a_label_of_the_users_cannot_double_one_of_ours() -> None:
    bench = Bench()
    bench.add(labels={"check": "other", "region": "moon", "env": "prod"})
    text = await bench.text()

    assert f'prober_check_info{{{SHOP},kind="http",' in text
    assert "other" not in text
    assert "moon" not in text
    assert 'env="prod"} 1\n' in text


async def test_only_http_counts_responses() -> None:
    bench = Bench()
    bench.add("port", kind="tcp")
    bench.run("port")

    assert "prober_http_responses_total{" not in await bench.text()


async def test_failures_before_and_after_sum_up() -> None:
    bench = Bench()
    bench.add()
    for finding in (REFUSED, TIMED_OUT, Finding.down(Reason.SIZE, "too long"), REFUSED):
        bench.run(finding=finding)
    text = await bench.text()

    assert f'prober_failures_total{{{SHOP},reason="connect"}} 2\n' in text
    assert f'prober_failures_total{{{SHOP},reason="timeout"}} 1\n' in text
    assert f'prober_failures_total{{{SHOP},reason="size"}} 1\n' in text
    assert f"prober_run_duration_seconds_count{{{SHOP}}} 1\n" in text


async def test_a_check_is_written_once_however_often_it_ran_or_is_scraped() -> None:
    read: list[float] = []

    def seconds(result: Result) -> list[tuple[str, float]]:
        read.append(result.seconds)
        return [("", result.seconds)]

    bench = Bench()
    bench.add(interval=1, series=(Series("probe_seen", "What was read.", seconds),))
    for duration in (1.0, 2.0, 3.0):
        bench.run(seconds=duration)
    for _ in range(2):
        assert await bench.value(f"probe_seen{{{SHOP}}}") == 3

    assert read == [3.0]
    assert await bench.value(f'prober_runs_total{{{SHOP},outcome="up"}}') == 3


@pytest.mark.parametrize(
    ("interval", "every", "at_once"),
    [(8, 15, True), (7, 15, False), (8, 60, False), (30, 60, True)],
)
async def test_a_check_is_written_when_it_has_run_unless_it_runs_far_more_often_than_scrapes(
    interval: float, every: float, at_once: bool
) -> None:
    read: list[float] = []

    def seconds(result: Result) -> list[tuple[str, float]]:
        read.append(result.seconds)
        return [("", result.seconds)]

    bench = Bench()
    bench.add(interval=interval, series=(Series("probe_seen", "What was read.", seconds),))
    for _ in range(metrics_module.SCRAPES):
        bench.clock.move(every)
        await bench.text()
    bench.run(seconds=1.5)

    assert bool(read) is at_once
    assert await bench.value(f"probe_seen{{{SHOP}}}") == 1.5
    assert read == [1.5]


async def test_packed_it_is_the_same() -> None:
    bench = Bench()
    with ThreadPoolExecutor(1) as pool:
        for number in range(60):
            bench.add(f"c{number}")
            bench.run(f"c{number}", finding=UP if number % 3 else REFUSED)
            for openmetrics in (False, True):
                assert await shown(bench, pool, openmetrics) == own(
                    await bench.text(openmetrics=openmetrics)
                )


async def test_what_changes_is_packed_anew_and_what_goes_is_gone() -> None:
    bench = Bench()
    with ThreadPoolExecutor(1) as pool:
        bench.add()
        bench.add("way", kind="journey")
        bench.run(finding=UP)
        assert f"probe_success{{{SHOP}}} 1" in await shown(bench, pool)
        bench.run(finding=REFUSED)
        bench.metrics.alert("shop", "down", "critical", True)
        after = await shown(bench, pool)
        bench.remove("shop")

        assert f"probe_success{{{SHOP}}} 0" in after
        assert f'prober_alert_firing{{{SHOP},alert="down",severity="critical"}} 1' in after
        assert not [line for line in await shown(bench, pool) if SHOP in line]


async def test_the_first_scrape_finds_packed_what_came_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts: list[bytes] = []

    def counted(text: bytes) -> Packed:
        texts.append(text)
        return packed(text)

    monkeypatch.setattr(family_module, "packed", counted)
    bench = Bench()
    bench.add()
    bench.run(finding=UP)
    with ThreadPoolExecutor(1) as pool:
        packing = asyncio.create_task(bench.metrics.pack_ahead(pool))
        await bench.clock.until_asleep()
        assert any(b"probe_success{" in text for text in texts)
        bench.run(finding=REFUSED)
        await bench.clock.advance(AHEAD)
        await bench.clock.until_asleep()
        texts.clear()
        lines = await shown(bench, pool)
        await bench.clock.advance(AHEAD)

        assert f"probe_success{{{SHOP}}} 0" in lines
        assert [text for text in texts if not text.startswith(b"# HELP")] == []
        assert packing.done()


async def test_where_nobody_ever_scrapes_nothing_is_packed_for_long() -> None:
    bench = Bench()
    with ThreadPoolExecutor(1) as pool:
        packing = asyncio.create_task(bench.metrics.pack_ahead(pool))
        while not packing.done():
            await bench.clock.until_asleep()
            await bench.clock.advance(AHEAD)
            await asyncio.sleep(0)

        assert bench.clock.monotonic() == 1000.0 + WAIT


async def test_a_kind_that_a_reload_brings_during_a_scrape_spoils_nothing() -> None:
    bench = Bench()
    for number in range(400):
        bench.add(f"c{number}")
        bench.run(f"c{number}")
    with ThreadPoolExecutor(1) as pool:
        for pieces in (bench.metrics.render(), bench.metrics.render_packed(pool)):
            await anext(pieces)
            bench.add(
                f"way-{id(pieces)}", kind="journey", series=(Series(f"s{id(pieces)}", "", seen),)
            )
            bench.run(f"way-{id(pieces)}")
            rest = [piece async for piece in pieces]

            assert rest


async def test_a_rule_that_is_taken_away_while_firing_comes_back_quiet() -> None:
    bench = Bench()
    bench.add()
    bench.metrics.alert("shop", "down", "critical", True)
    bench.add(rules=())
    assert "prober_alert_firing{" not in await bench.text()
    bench.add()

    assert await bench.value(f'prober_alert_firing{{{SHOP},alert="down",severity="critical"}}') == 0


async def test_writing_many_checks_gives_the_loop_back() -> None:
    bench = Bench()
    for number in range(metrics_module.LOOKS // metrics_module.WRITING * 5):
        bench.add(f"c{number}", interval=1)
        bench.run(f"c{number}")
    pieces = bench.metrics.render()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with asyncio.TaskGroup() as group:
        task = group.create_task(others())
        await anext(pieces)
        task.cancel()
    await pieces.aclose()

    assert turns >= 3


async def test_what_the_last_run_of_a_journey_did_not_see_is_gone() -> None:
    bench = Bench()
    bench.add("way", kind="journey", interval=300)
    bench.run("way", trip=Trip([step("a"), step("b")], [visit("/", inp=0.1), visit("/pay")]))
    broken = Finding.down(Reason.STEP, "no such button")
    bench.run("way", broken, trip=Trip([step("a", 1, "no such button")], [visit("/", lcp=3.5)]))
    bench.run("way", OURS, trip=Trip([step("z")], [visit("/z")]))
    text = await bench.text()

    assert f'\nprobe_step_success{{{WAY},step="a"}} 0\n' in text
    assert f'\nprobe_web_vital_lcp_seconds{{{WAY},page="/"}} 3.5\n' in text
    assert 'step="b"' not in text
    assert "\nprobe_web_vital_inp_seconds{" not in text
    assert 'step="z"' not in text
    assert 'page="/z"' not in text
    assert f'\nprobe_interactions{{{WAY},page="/pay"}}' not in text
    for stays in ('inp_seconds_count{WAY,page="/"} 1', 'lcp_seconds_count{WAY,page="/pay"} 1'):
        assert f"\nprober_web_vital_{stays.replace('WAY', WAY)}\n" in text
    assert f'\nprober_web_vital_lcp_seconds_count{{{WAY},page="/"}} 2\n' in text


async def test_a_journeys_gauges_are_withheld_and_its_histograms_stay() -> None:
    bench = Bench()
    bench.add("way", kind="journey", interval=300)
    bench.run("way", trip=Trip([step("a")], [visit("/")]))
    assert "\nprobe_step_success{" in await bench.text()
    bench.clock.move(901)
    text = await bench.text()

    assert "\nprobe_" not in text
    assert f'\nprober_web_vital_lcp_seconds_count{{{WAY},page="/"}} 1\n' in text
    bench.remove("way")
    assert 'check="way"' not in await bench.text()


async def test_history_brings_a_journeys_gauges_back_and_counts_nothing() -> None:
    bench = Bench()
    bench.add("way", kind="journey")
    old = result("way", kind="journey", at=NOON - 10, trip=Trip([step("a", 2)], [visit("/")]))
    row = bench.board.restore(old, old, None)
    assert row is not None
    bench.metrics.restore(old, row)
    text = await bench.text()

    assert f'\nprobe_step_duration_seconds{{{WAY},step="a"}} 2\n' in text
    assert "\nprober_web_vital_lcp_seconds" not in text


async def test_half_a_character_spoils_no_scrape() -> None:
    bench = Bench()
    bench.add("way", kind="journey")
    bench.run("way", trip=Trip([step("a \ud800")]))

    assert f'\nprobe_step_success{{{WAY},step="a ?"}} 1\n' in await bench.text()


def buckets(text: str, check: str = "shop") -> list[str]:
    """The edges of its durations, in the order of the exposition."""
    start = f'prober_run_duration_seconds_bucket{{check="{check}",'
    lines = [line for line in text.splitlines() if line.startswith(start)]
    return [line.split('le="')[1].split('"')[0] for line in lines]


async def test_a_reload_brings_and_takes_edges_and_keeps_what_the_same_ones_counted() -> None:
    bench = Bench()
    bench.add(interval=1)
    bench.add("other", interval=60)
    counted = f"prober_run_duration_seconds_count{{{SHOP}}}"
    bench.run()
    before = buckets(await bench.text())
    bench.metrics.measure("shop", (0.3,))
    assert await bench.value(counted) == 0
    bench.run()
    bench.metrics.measure("shop", (0.3,))
    bench.metrics.measure("nobody", (0.3,))
    text = await bench.text()

    assert await bench.value(counted) == 1
    assert buckets(text) == [*before[:6], "0.3", *before[6:]]
    assert buckets(text, "other") == before
    bench.add(interval=1)
    assert buckets(await bench.text()) == before
    assert await bench.value(f'prober_runs_total{{{SHOP},outcome="up"}}') == 2
