"""One HTTP check against real servers: what it sends, measures, learns and says."""

from __future__ import annotations

import asyncio
import json
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme

from prober.probes import http
from prober.result import Attempt, Outcome
from tests.probes.looking import TRACE, http_check, look, look_at
from tests.servers.http import Asked, peer, reply, site

CA = trustme.CA()


def serving(*names: str, expires: datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert(*names, not_after=expires).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    CA.cert_pem.write_to_path(str(path))
    return str(path)


async def test_an_answer_as_expected_is_up_with_facts_phases_and_seconds() -> None:
    modified = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    page = reply(200, b"all ok", {"Last-Modified": format_datetime(modified, usegmt=True)})
    async with site({"/x": page}) as shop:
        seen = await look_at(shop.url("/x?q=1#part"))

    assert seen.finding.outcome is Outcome.UP
    assert seen.facts["dns_lookup_seconds"] == pytest.approx(0, abs=0.01)
    assert {name: fact for name, fact in seen.facts.items() if name != "dns_lookup_seconds"} == {
        "status_code": 200,
        "http_version": "1.1",
        "ip": "127.0.0.1",
        "ip_protocol": 4,
        "content_length": 6,
        "uncompressed_body_length": 6,
        "redirects": 0,
        "ssl": False,
        "last_modified": modified,
        "regex_failed": False,
        "final_url": shop.url("/x?q=1"),
    }
    assert set(seen.attempt.phases) == {"resolve", "connect", "processing", "transfer"}
    assert seen.finding.seconds == pytest.approx(sum(seen.attempt.phases.values()), abs=0.002)


async def test_the_request_says_who_asks() -> None:
    async with site({"/": reply()}) as shop:
        await look_at(shop.url(), method="post", json={"ping": 1}, headers={"X-A": ["1", "2"]})

    asked = shop.asked[0]
    assert (asked.method, asked.target, json.loads(asked.body)) == ("POST", "/", {"ping": 1})
    assert asked.header("Host") == f"127.0.0.1:{shop.port}"
    assert asked.header("traceparent") == TRACE
    assert asked.header("X-Synthetic-Check") == "shop"
    assert asked.header("X-Synthetic-Run") == "01J0000000000000000000RUN1"
    assert asked.header("Connection") == "close"
    assert asked.header("Content-Length") == "11"
    assert asked.header("X-A") == "1, 2"
    assert len(asked.headers) == 12


async def test_a_header_goes_out_as_utf8() -> None:
    async with site({"/": reply()}) as shop:
        await look_at(shop.url(), headers={"X-A": "ä"})

    assert shop.asked[0].header("X-A") == "ä".encode().decode("latin-1")


async def test_a_header_comes_in_as_utf8() -> None:
    name = "ä".encode().decode("latin-1")
    async with site({"/": reply(200, b"", {"X-A": name, "X-B": "\xe4"})}) as shop:
        seen = await look_at(shop.url(), expect={"headers": {"X-A": "ä", "X-B": "ä"}})

    assert seen.finding.outcome is Outcome.UP


async def test_userinfo_goes_out_as_basic_and_is_nowhere_shown() -> None:
    async with site(
        {"/": lambda asked: reply(503, (asked.header("Authorization") or "").encode())}
    ) as shop:
        seen = await look_at(f"http://u:hunter2@127.0.0.1:{shop.port}/")

    assert shop.asked[0].header("Authorization") == "Basic dTpodW50ZXIy"
    assert "hunter2" not in repr(seen)
    assert seen.facts["final_url"] == shop.url()


async def test_a_body_over_the_limit_is_down() -> None:
    async with site({"/": reply(200, b"x" * 2000)}) as shop:
        seen = await look_at(shop.url(), max_body="1KiB")
        wrong = await look_at(shop.url(), max_body="1KiB", expect={"status": 404})

    assert seen.why[0] == "size"
    assert seen.facts["status_code"] == 200
    assert wrong.why == ("status", "status 200, expected 404")


async def test_a_failed_expectation_is_down_with_all_assertions() -> None:
    expect = {"status": 200, "body": {"matches": r"v\d"}, "headers": {"X-A": "b"}}
    async with site({"/": reply(503, b"<html>", {"X-A": "b"})}) as shop:
        seen = await look_at(shop.url(), expect=expect)

    assert seen.why == ("status", "status 503, expected 200")
    assert [(one.what, one.ok) for one in seen.finding.assertions] == [
        ("status", False),
        ("header X-A", True),
        ("body", False),
    ]
    assert seen.finding.seconds is not None
    assert seen.facts["regex_failed"] is False


async def test_a_failed_regex_is_a_fact() -> None:
    async with site({"/": reply(200, b"no")}) as shop:
        seen = await look_at(shop.url(), expect={"body": {"matches": "yes"}})

    assert seen.why == ("body", 'body does not match "yes"; it begins "no"')
    assert seen.facts["regex_failed"] is True


async def test_slower_than_expected_is_down_by_latency() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.06)
        writer.write(reply())

    async with peer(slow) as port:
        seen = await look_at(f"http://127.0.0.1:{port}/", expect={"duration": "50ms"})

    assert seen.why[0] == "latency"
    assert seen.attempt.phases["processing"] >= 0.059


async def test_a_large_body_is_judged_while_the_loop_goes_on() -> None:
    document = {"items": [{"id": number} for number in range(5_000)], "status": "ok"}
    settings = {"expect": {"json": {"$.status": "ok", "$..id": {"lt": 4_999}}}}
    attempt, turns = Attempt(run_id="R", traceparent=TRACE), 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += attempt.during == "expect"

    async with site({"/": reply(200, json.dumps(document).encode())}) as shop:
        going_on = asyncio.create_task(others())
        seen = await look(http_check(shop.url(), **settings), attempt=attempt)
        going_on.cancel()

    assert seen.why == ("json", "$..id is 4999, expected less than 4999")
    assert turns > 0
    assert seen.finding.seconds == pytest.approx(sum(seen.attempt.phases.values()), abs=0.002)


async def test_a_verified_certificate_is_facts(ca_file: str) -> None:
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30, minutes=20)  # noqa: TID251 - of a certificate
    async with site(
        {"/": reply()}, host="localhost", tls=serving("localhost", expires=expires)
    ) as shop:
        tls = {"ca_file": ca_file}
        seen = await look_at(shop.url(), tls=tls, expect={"certificate": {"valid_for": "29d"}})
        soon = await look_at(shop.url(), tls=tls, expect={"certificate": {"valid_for": "31d"}})

    assert seen.finding.outcome is Outcome.UP
    assert seen.facts["ssl"] is True
    assert seen.facts["cert_not_after"] == expires
    assert seen.facts["chain_not_after"] == expires
    assert seen.facts["cert_san"] == "localhost"
    assert set(seen.attempt.phases) == {"resolve", "connect", "tls", "processing", "transfer"}
    assert soon.why == (
        "certificate",
        "certificate expires in 30 d, expected one valid for at least 31 d",
    )
    assert [
        labels for one in http.SERIES for labels, _ in one.read(seen.result) if "serial" in labels
    ]


async def test_a_certificate_nobody_vouches_for_is_down_and_known_all_the_same() -> None:
    async with site({"/": reply()}, host="localhost", tls=serving("localhost")) as shop:
        refused = await look_at(shop.url())
        skipped = await look_at(shop.url(), tls={"insecure_skip_verify": True})

    assert refused.why[0] == "certificate"
    assert refused.facts["cert_san"] == "localhost"
    assert "chain_not_after" not in refused.facts
    assert skipped.finding.outcome is Outcome.UP
    assert "chain_not_after" not in skipped.facts


async def test_plain_http_has_no_certificate_to_judge() -> None:
    async with site({"/": reply()}) as shop:
        seen = await look_at(shop.url(), expect={"certificate": {"valid_for": "1d"}})

    assert seen.why == ("certificate", "no certificate, expected one valid for at least 1 d")


async def test_a_name_that_does_not_resolve_is_dns() -> None:
    seen = await look_at("http://nothing.invalid./")

    assert seen.why[0] == "dns"
    assert seen.facts["final_url"] == "http://nothing.invalid./"


async def test_every_answer_is_asked_for_on_a_connection_of_its_own() -> None:
    def page(asked: Asked) -> bytes:
        return reply(200, str(len(shop.asked)).encode())

    async with site({"/": page}) as shop:
        first = await look_at(shop.url(), expect={"body": {"contains": "1"}})
        second = await look_at(shop.url(), expect={"body": {"contains": "2"}})

    assert [first.finding.outcome, second.finding.outcome] == [Outcome.UP, Outcome.UP]
