"""Whatever a peer does, the check is down with the right reason, and within its deadline."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
import trustme

from prober.result import Outcome
from tests.probes.looking import look_at
from tests.servers.http import Script, answers, drips, peer, redirect, reply, resets, silent, site

SMALL = reply(200, b"all ok", {"X-A": "b"})
BODY_FROM = SMALL.index(b"all ok")


async def why(script: Script) -> tuple[str | None, str]:
    async with peer(script) as port:
        return (await look_at(f"http://127.0.0.1:{port}/")).why


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "protocol"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"),
        (b"\x00\x01\x02\x03" * 50, "protocol"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "protocol"),
        (b"HTTP/1.1 \r\n\r\n", "protocol"),
        (b"HTTP/1.1 OK\r\n\r\n", "protocol"),
        (b"HTTP/9.9 200 OK\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nall ok", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nall ok", "protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nall ok", "protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nall ok\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nall ok", "protocol"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", "protocol"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "protocol"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "status"),
        (reply(200, b"x" * 20_000_000), "size"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_wrong_is_down(sent: bytes, reason: str) -> None:
    found, message = await why(answers(sent))

    assert found == reason
    assert message


async def test_cut_off_at_any_byte_is_down() -> None:
    at = 0

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answers(SMALL[:at])(reader, writer)

    async with peer(cut) as port:
        for at in range(len(SMALL)):
            seen = await look_at(f"http://127.0.0.1:{port}/")
            assert seen.why[0] == "protocol", (at, seen.why)
            assert at < BODY_FROM or f"{at - BODY_FROM} of 6" in seen.finding.message


async def test_reset_at_any_byte_is_down_and_after_the_last_is_up() -> None:
    at = 0

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await resets(SMALL[:at])(reader, writer)

    async with peer(reset) as port:
        for at in range(len(SMALL)):
            seen = await look_at(f"http://127.0.0.1:{port}/")
            assert seen.why[0] == "protocol", (at, seen.why)
        at = len(SMALL)
        seen = await look_at(f"http://127.0.0.1:{port}/")
    assert seen.finding.outcome is Outcome.UP


async def test_more_than_announced_is_left_alone() -> None:
    async with peer(answers(SMALL + b"and more")) as port:
        expect = {"body": {"matches": "^all ok$"}}
        seen = await look_at(f"http://127.0.0.1:{port}/", expect=expect)

    assert seen.finding.outcome is Outcome.UP


@pytest.mark.parametrize("script", [silent, drips(SMALL, 0.02), drips(SMALL[:-1], 0.0)])
async def test_a_peer_that_does_not_end_is_left_at_the_deadline(script: Script) -> None:
    async with peer(script) as port:
        with pytest.raises(TimeoutError):
            await look_at(f"http://127.0.0.1:{port}/", within=0.2)


async def test_a_closed_port_is_down() -> None:
    async with peer(silent) as port:
        pass
    seen = await look_at(f"http://127.0.0.1:{port}/")

    assert seen.why[0] == "connect"
    assert "refused" in seen.finding.message


async def test_a_redirect_loop_is_down() -> None:
    async with site({"/": redirect("/")}) as shop:
        assert (await look_at(shop.url())).why[0] == "redirect"


CA = trustme.CA()
PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "expires", "trusted", "reason"),
    [
        ("localhost", None, True, None),
        ("localhost", None, False, "certificate"),
        ("localhost", PAST, True, "certificate"),
        ("other.example", None, True, "certificate"),
    ],
)
async def test_a_bad_certificate_is_down(
    name: str, expires: datetime | None, trusted: bool, reason: str | None
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert(name, not_after=expires).configure_cert(context)
    async with AsyncExitStack() as stack:
        ca_file = stack.enter_context((CA if trusted else trustme.CA()).cert_pem.tempfile())
        shop = await stack.enter_async_context(site({"/": reply()}, host="localhost", tls=context))
        seen = await look_at(shop.url(), tls={"ca_file": ca_file})

    assert seen.why[0] == reason
    assert seen.facts["cert_san"] == name


async def test_plain_http_where_tls_is_expected_is_down() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply(400))

    async with peer(refuse) as port:
        seen = await look_at(f"https://127.0.0.1:{port}/")

    assert seen.why[0] == "tls"


async def test_tls_where_plain_http_is_expected_is_down() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert("127.0.0.1").configure_cert(context)
    async with site({"/": reply()}, tls=context) as shop:
        seen = await look_at(f"http://127.0.0.1:{shop.port}/")

    assert seen.why[0] == "protocol"
