"""The exposition with the real kinds' own tables of series."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from prober import probes
from prober.export.board import CheckInfo
from prober.probes import AnyCheck, journey_budgets
from prober.probes.http import HttpCheck
from prober.probes.journey_budgets import Budgets
from prober.probes.journey_settings import JourneyCheck
from prober.probes.tcp import TcpCheck
from prober.result import Fact, Finding, Reason
from prober.series import MOST_PAGES, MOST_STEPS
from tests.export.samples import OURS, REFUSED, TIMED_OUT, UP, Bench, Trip, step, visit
from tests.tools import tool

SOON = datetime(2027, 1, 1, tzinfo=UTC)
CERTIFICATE: Mapping[str, Fact] = {
    "ssl": True, "tls_version": "TLS 1.3", "cipher": "TLS_AES_128_GCM_SHA256",
    "cert_not_after": SOON, "chain_not_after": SOON, "cert_fingerprint": "ab" * 32,
    "cert_subject": "CN=shop.example", "cert_issuer": "CN=Example CA", "cert_serial": "01",
    "cert_san": "shop.example,www.shop.example",
}  # fmt: skip
ANSWER: Mapping[str, Fact] = {
    "ip": "127.0.0.1", "ip_protocol": 4, "dns_lookup_seconds": 0.0021, "status_code": 200,
    "http_version": "1.1", "redirects": 1, "content_length": 1234, "last_modified": SOON,
    "uncompressed_body_length": 4321, "regex_failed": False,
}  # fmt: skip
EVERYTHING = {
    "status": 200, "body": {"contains": "ok"}, "headers": {"Server": {"matches": "x"}},
    "json": {"$.a": 1}, "duration": "2s", "certificate": {"valid_for": "7d"},
}  # fmt: skip
NO_LIMITS: Mapping[str, JsonValue] = {}
LIMITS: Mapping[str, JsonValue] = {
    "lcp": 1, "inp": 1, "cls": 0.1, "fcp": 1, "ttfb": 1, "js_errors": 0, "failed_requests": 0,
    "duration": 30,
}  # fmt: skip


def add(bench: Bench, check: AnyCheck) -> None:
    info = CheckInfo(
        kind=check.kind, target=check.target, severity="critical", labels={"team": "payments"}
    )
    bench.board.add(check, info)
    bench.metrics.add(
        check, info,
        series=probes.series(check), reasons=probes.reasons(check), rules=[("down", "critical")],
    )  # fmt: skip


def journey_check(name: str) -> JourneyCheck:
    settings = {"script": "/journeys/order.py", "base_url": "https://shop.example"}
    return JourneyCheck.model_validate({"name": name, "journey": settings})


def trip(pages: int, steps: int, *, limits: Mapping[str, JsonValue] = NO_LIMITS) -> Trip:
    """With everything that can be seen of each page."""
    taken = [step(f"step {number}") for number in range(steps)]
    seen = [visit(f"/{number}", inp=0.1) for number in range(pages)]
    judged = journey_budgets.judged(Budgets.model_validate(limits), seen, taken, 1.0)
    return Trip(taken, seen, budgets=judged)


def full_bench() -> Bench:
    bench = Bench()
    add(bench, HttpCheck.model_validate({"name": "http", "http": "http://shop.example/"}))
    https = {"url": "https://shop.example/", "expect": EVERYTHING}
    add(bench, HttpCheck.model_validate({"name": "https", "http": https}))
    add(bench, TcpCheck.model_validate({"name": "tcp", "tcp": "127.0.0.1:6379"}))
    add(bench, journey_check("journey"))
    bench.metrics.agent.configure(["hook"])
    for finding in (TIMED_OUT, OURS, REFUSED, UP):
        bench.run("http", finding, attempts=2, facts=ANSWER)
        bench.run("https", finding, facts={**ANSWER, **CERTIFICATE})
        bench.run("tcp", finding, facts={"ip": "::1", "ip_protocol": 6})
        way = trip(pages=2, steps=3, limits={**LIMITS, "steps": {"step 1": 5}})
        bench.run("journey", finding, facts={}, trip=way)
    return bench


async def test_promtool_has_nothing_to_say() -> None:
    promtool = tool("promtool")
    text = await full_bench().text()
    assert "probe_ssl_last_chain_info{" in text
    assert "prober_web_vital_inp_seconds_bucket{" in text
    done = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_an_https_check_that_expects_everything_stays_within_65_series() -> None:
    lines = (await full_bench().text()).splitlines()
    reasons = probes.reasons(
        HttpCheck.model_validate(
            {"name": "https", "http": {"url": "https://shop.example/", "expect": EVERYTHING}}
        )
    )

    ours = {Reason.INTERNAL, Reason.BROWSER, Reason.KILLED, Reason.OFFLINE}
    others = {Reason.STEP, Reason.SCRIPT} | ours
    assert set(reasons) == set(Reason) - others
    assert sum('check="https",' in line for line in lines) == 65


@pytest.mark.parametrize(
    ("edges", "more"), [((), 0), ((1.0,), 0), ((0.3,), 1), ((0.3, 0.3, 2.5, 1.5), 2)]
)
async def test_each_promise_of_latency_that_is_no_edge_already_is_one_series_more(
    edges: tuple[float, ...], more: int
) -> None:
    bench = full_bench()
    bench.metrics.measure("https", edges)
    bench.run("https", UP, facts={**ANSWER, **CERTIFICATE})
    lines = (await bench.text()).splitlines()

    assert sum('check="https",' in line for line in lines) == 65 + more
    assert sum('check="http",' in line for line in lines) == sum(
        'check="http",' in line for line in (await full_bench().text()).splitlines()
    )


async def test_every_last_result_of_a_full_https_run_is_shown() -> None:
    text = await full_bench().text()

    for series in probes.http.SERIES:
        assert f'\n{series.name}{{check="https",region="eu-west-1"' in text


@pytest.mark.parametrize(
    ("pages", "steps"), [(0, 4), (1, 8), (2, 14), (5, 28), (10, 50), (20, 50), (25, 60)]
)
async def test_a_journey_stays_within_40_series_and_65_a_page(pages: int, steps: int) -> None:
    bench = Bench()
    add(bench, journey_check("way"))
    for finding in (UP, TIMED_OUT, Finding.down(Reason.STEP, "no such button"), UP):
        bench.run("way", finding, facts={}, trip=trip(pages, steps))
    lines = (await bench.text()).splitlines()

    many = sum('check="way",' in line for line in lines)
    told = min(pages, MOST_PAGES + 1)
    assert many == 31 + 2 * min(steps, MOST_STEPS + 1) + 55 * told
    assert many <= 40 + 65 * told


@pytest.mark.parametrize(
    ("pages", "steps", "timed"), [(1, 5, 1), (3, 7, 3), (5, 10, 3), (25, 30, 8)]
)
async def test_budgets_of_everything_leave_a_journey_within_40_series_and_65_a_page(
    pages: int, steps: int, timed: int
) -> None:
    bench = Bench()
    add(bench, journey_check("way"))
    times: dict[str, JsonValue] = {f"step {number}": 5 for number in range(timed)}
    limits: dict[str, JsonValue] = {**LIMITS, "steps": times}
    for finding in (UP, TIMED_OUT, UP):
        bench.run("way", finding, facts={}, trip=trip(pages, steps, limits=limits))
    lines = (await bench.text()).splitlines()

    told = min(pages, MOST_PAGES + 1)
    many = sum('check="way",' in line for line in lines)
    assert sum(line.startswith("probe_budget_ok{") for line in lines) == 7 * told + 1 + timed
    assert many == 31 + 2 * steps + 55 * told + 7 * told + 1 + timed
    assert many <= 40 + 65 * told


STEPS = {
    "steps": [
        {"name": 'sign "in"', "url": "https://shop.example/login"},
        {"name": "order", "url": "https://shop.example/orders", "values": {"queue": "$.queue"}},
    ]
}


async def test_an_http_check_shows_its_steps_and_values_also_out_of_history() -> None:
    check = HttpCheck.model_validate({"name": "steps", "http": STEPS})
    bench = Bench()
    add(bench, check)
    way = Trip([step('sign "in"'), step("order", 0.5, "status 500")], values={"queue": 12.0})
    row = bench.run("steps", Finding.down(Reason.STATUS, "x"), facts=ANSWER, trip=way)
    lines = (await bench.text()).splitlines()

    labels = 'check="steps",region="eu-west-1"'
    told = [
        f'probe_step_duration_seconds{{{labels},step="sign \\"in\\""}} 0.4',
        f'probe_step_duration_seconds{{{labels},step="order"}} 0.5',
        f'probe_step_success{{{labels},step="sign \\"in\\""}} 1',
        f'probe_step_success{{{labels},step="order"}} 0',
        f'probe_value{{{labels},name="queue"}} 12',
    ]
    assert set(told) <= set(lines)
    assert f'prober_failures_total{{{labels},reason="step"}} 0' in lines

    after = Bench()
    add(after, check)
    assert row is not None
    assert row.last is not None
    after.metrics.restore(row.last, row)
    assert set(told) <= set((await after.text()).splitlines())


async def test_a_value_that_is_not_there_any_more_is_shown_no_more() -> None:
    settings = {"url": "https://shop.example/", "values": {"queue": "$.queue"}}
    bench = Bench()
    add(bench, HttpCheck.model_validate({"name": "one", "http": settings}))
    bench.run("one", UP, facts=ANSWER, trip=Trip(values={"queue": 0.0}))
    before = await bench.text()
    bench.run("one", UP, facts=ANSWER)

    assert 'probe_value{check="one",region="eu-west-1",name="queue"} 0\n' in before
    assert "probe_value{" not in await bench.text()


async def test_every_last_result_of_a_whole_journey_is_shown() -> None:
    text = await full_bench().text()

    for series in probes.journey_series.series():
        assert f'\n{series.name}{{check="journey",region="eu-west-1",' in text
    assert 'device="' not in text
