from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from prober.web.accept import OPENMETRICS, TEXT
from prober.web.probing import time_for
from tests.servers.answers import serving_answers
from tests.servers.raw import Do, raw_server
from tests.servers.tls import Authority
from tests.web.probes import probing
from tests.web.serve import Agent

CONFIG = """\
checks: []
modules:
  http_2xx: {prober: http, timeout: 5s}
  hasty: {prober: http, timeout: 100ms}
  shop: {prober: http, http: {headers: {Host: shop.example}}}
  safe: {prober: http, http: {basic_auth: {username: probe, password: sesame-open}, fail_if_body_matches_regexp: [sesame]}}
  agent: {prober: http, http: {headers: {User-Agent: Mozilla/5.0}}}
  gone: {prober: http, http: {body_file: body.txt}}
  trusting: {prober: http, http: {tls_config: {ca_file: ca.pem}}}
  ping: {prober: icmp}
  tcp: {prober: tcp}
"""


@asynccontextmanager
async def prober(folder: Path) -> AsyncIterator[tuple[Agent, httpx.AsyncClient]]:
    (folder / "body.txt").write_text("hello")
    if not (folder / "ca.pem").exists():
        Authority(folder)
    async with probing(folder, CONFIG) as it:
        yield it


async def test_a_probe_is_its_series_without_check_and_region(tmp_path: Path) -> None:
    async with serving_answers() as port, prober(tmp_path) as (_, client):
        answer = await client.get("/probe", params={"target": f"127.0.0.1:{port}/ok"})

    assert answer.headers["Content-Type"] == TEXT
    lines = answer.text.splitlines()
    assert "probe_success 1" in lines
    assert "probe_http_status_code 200" in lines
    assert "probe_timeout_seconds 5" in lines
    assert 'probe_http_duration_seconds{phase="connect"} ' in answer.text
    assert not [line for line in lines if "check=" in line or "region=" in line]


async def test_openmetrics_is_answered_where_it_is_asked_for(tmp_path: Path) -> None:
    async with serving_answers() as port, prober(tmp_path) as (_, client):
        answer = await client.get(
            "/probe",
            params={"target": f"127.0.0.1:{port}/ok"},
            headers={"Accept": "application/openmetrics-text;version=1.0.0"},
        )

    assert answer.headers["Content-Type"] == OPENMETRICS
    assert answer.text.endswith("# EOF\n")


async def test_a_target_that_is_down_is_an_answer(tmp_path: Path) -> None:
    async with serving_answers() as port, prober(tmp_path) as (_, client):
        answer = await client.get("/probe", params={"target": f"127.0.0.1:{port}/missing"})
        never = await client.get("/probe", params={"target": "http://[nothing"})

    assert (answer.status_code, never.status_code) == (200, 200)
    assert "\nprobe_success 0\n" in answer.text
    assert "\nprobe_success 0\n" in never.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "the parameter target is missing"),
        ({"target": "x", "module": "nothing"}, "unknown module 'nothing'; known: agent, gone, "),
        ({"target": "x", "module": "ping"}, "module 'ping': probes of kind icmp are not supported"),
        (
            {"target": "x", "module": "shop", "hostname": "other.example"},
            "hostname is 'other.example', but module 'shop' sets another Host header",
        ),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    query: dict[str, str], said: str, tmp_path: Path
) -> None:
    async with prober(tmp_path) as (_, client):
        answer = await client.get("/probe", params=query)

    assert answer.status_code == 400
    assert answer.text.startswith(said)


async def test_a_timeout_that_is_no_number_is_refused(tmp_path: Path) -> None:
    header = {"X-Prometheus-Scrape-Timeout-Seconds": "soon"}
    async with prober(tmp_path) as (_, client):
        answer = await client.get("/probe", params={"target": "x"}, headers=header)

    assert answer.status_code == 400
    assert "X-Prometheus-Scrape-Timeout-Seconds" in answer.text


@pytest.mark.parametrize(
    ("scrape", "module", "expected"),
    [
        (None, None, 120.0),
        ("10", None, 9.5),
        ("10", 20.0, 9.5),
        ("10", 5.0, 5.0),
        (None, 5.0, 5.0),
        ("0", 5.0, 5.0),
        ("500", None, 120.0),
        ("0.3", None, 0.15),
    ],
)
def test_a_probe_may_take_what_the_scrape_and_the_module_leave(
    scrape: str | None, module: float | None, expected: float
) -> None:
    assert time_for(scrape, module) == expected


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "1s"])
def test_a_number_of_seconds_is_finite_and_not_negative(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number of seconds"):
        time_for(text, None)


async def test_the_scrape_that_is_hasty_ends_the_probe_in_time(tmp_path: Path) -> None:
    header = {"X-Prometheus-Scrape-Timeout-Seconds": "0.7"}
    async with serving_answers() as port, prober(tmp_path) as (_, client):
        target = {"target": f"127.0.0.1:{port}/silent"}
        answer = await client.get("/probe", params=target, headers=header)

    assert "\nprobe_success 0\n" in answer.text
    assert "\nprobe_timeout_seconds 0.35\n" in answer.text


async def test_nothing_of_ours_is_sent_along(tmp_path: Path) -> None:
    with raw_server(Do.READ, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as server:
        async with prober(tmp_path) as (_, client):
            for module in ("http_2xx", "agent", "gone"):
                query = {"target": f"127.0.0.1:{server.port}", "module": module}
                await client.get("/probe", params=query)

    plain, named, body = (head.decode().split("\r\n") for head in server.received)
    assert [line.split(":")[0] for line in plain[1:-2]] == ["Host", "User-Agent", "Connection"]
    assert plain[2].startswith("User-Agent: prober/")
    assert "User-Agent: Mozilla/5.0" in named
    assert not [line for line in body if line.startswith("Content-Type")]


async def test_a_hostname_is_asked_for(tmp_path: Path) -> None:
    with raw_server(Do.READ, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as server:
        async with prober(tmp_path) as (_, client):
            query = {"target": f"127.0.0.1:{server.port}", "hostname": "shop.example"}
            await client.get("/probe", params=query)

    assert b"\r\nHost: shop.example\r\n" in server.received[0]


async def test_the_debug_page_says_what_happened_and_no_secret(tmp_path: Path) -> None:
    async with serving_answers() as port, prober(tmp_path) as (_, client):
        target = f"127.0.0.1:{port}/missing"
        query = {"target": target, "module": "safe", "debug": "true"}
        answer = await client.get("/probe", params=query)

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert f"probing {target}, module safe" in answer.text
    assert "status: 404; expected: 2xx: WRONG" in answer.text
    assert "\nprobe_success 0\n" in answer.text
    assert "password: '***'" in answer.text
    assert "sesame-open" not in answer.text


async def test_the_debug_page_shows_no_password_of_the_target(tmp_path: Path) -> None:
    async with serving_answers() as port, prober(tmp_path) as (_, client):
        target = f"http://probe:sesame-open@127.0.0.1:{port}/basic"
        answer = await client.get("/probe", params={"target": target, "debug": "true"})

    assert "\nprobe_success 1\n" in answer.text
    assert "sesame-open" not in answer.text


async def test_a_fault_of_ours_fails_the_scrape_and_blames_no_target(tmp_path: Path) -> None:
    ca_file = Authority(tmp_path).ca_file
    async with serving_answers() as port, prober(tmp_path) as (_, client):
        ca_file.unlink()
        query = {"target": f"https://127.0.0.1:{port}/ok", "module": "trusting"}
        answer = await client.get("/probe", params=query)
        page = await client.get("/probe", params=query | {"debug": "true"})

    assert answer.status_code == 500
    assert "probe_success" not in answer.text
    assert answer.text.startswith("nothing is known of the target: ca_file ")
    assert "a fault of the agent's own: ca_file " in page.text


async def test_a_scrape_that_is_given_up_ends_its_probe(tmp_path: Path) -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        began.set()
        await reader.read()  # up to the end, which is when the probe hangs up
        gone.set()
        writer.close()

    began = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, prober(tmp_path) as (_, client):
        port = server.sockets[0].getsockname()[1]
        scrape = asyncio.create_task(
            client.get("/probe", params={"target": f"127.0.0.1:{port}/", "module": "shop"})
        )
        async with asyncio.timeout(10):
            await began.wait()
            scrape.cancel()
            await gone.wait()

    assert gone.is_set()


async def test_a_stop_lets_probes_end_and_begins_no_more(tmp_path: Path) -> None:
    both = asyncio.Barrier(3)
    stopping = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await both.wait()
        await stopping.wait()
        if b"/ends" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    base = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, prober(tmp_path) as (agent, client):
        scrapes = [
            asyncio.create_task(client.get("/probe", params={"target": f"{base}{path}"}))
            for path in ("/ends", "/hangs")
        ]
        async with asyncio.timeout(10):
            await both.wait()
            drain = asyncio.create_task(agent.probing.drain(1.0))
            stopping.set()
            await drain
            refused = await client.get("/probe", params={"target": f"{base}/ok"})
            answers = [(await one).status_code for one in scrapes]

    assert answers == [200, 503]
    assert refused.status_code == 503


async def test_the_agent_can_look_at_itself(tmp_path: Path) -> None:
    async with prober(tmp_path) as (_, client):
        target = {"target": f"{client.base_url}/-/healthy"}
        answer = await client.get("/probe", params=target)

    assert "\nprobe_success 1\n" in answer.text


async def test_probes_of_one_module_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async with serving_answers() as port, prober(tmp_path) as (_, client):
        query = {"target": f"127.0.0.1:{port}/slow", "module": "http_2xx"}
        answers = await asyncio.gather(*(client.get("/probe", params=query) for _ in range(20)))

    assert ["\nprobe_success 1\n" in answer.text for answer in answers] == [True] * 20
