"""Whatever a peer does, the check is down with the right reason, and within its deadline."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import dns.rcode
import pytest
import trustme

from prober.probes.http import HttpCheck
from prober.result import Outcome, Reason, Result
from tests.probes.looking import look_at
from tests.probes.running import Names, run
from tests.servers.dns import dns_server, respond
from tests.servers.http import (
    Script,
    answers,
    drips,
    peer,
    read_request,
    redirect,
    reply,
    resets,
    silent,
    site,
)
from tests.servers.raw import closed_port, raw_server
from tests.servers.tls import Authority

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


async def ran(
    url: str, names: Names | None = None, timeout: str = "8s", **settings: object
) -> Result:
    """A run of a check, from its due moment to the message; cut off after `timeout`."""
    check = {"name": "shop", "http": {"url": url} | settings, "timeout": timeout}
    return await run(HttpCheck.model_validate(check), names)


def endless(head: bytes, piece: bytes) -> Script:
    """Reads the request, sends the head, and the piece for ever."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()

    return script


OK = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(bytes(50_000_000))
CHUNKED_HEAD = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "reason", "message"),
    [
        (endless(OK, b"X-A: b\r\n" * 500), "protocol", "more than 1000 headers"),
        (endless(OK, b"X-A: " + b"b" * 9000 + b"\r\n"), "protocol", "the headers are larger than 64 KiB"),
        (endless(OK + b"X-A: ", b"b" * 9000), "protocol", "the headers are larger than 64 KiB"),
        (endless(b"", b"b" * 9000), "protocol", "the answer is not HTTP, it begins with b'bbbb"),
        (endless(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "protocol", ""),
        (endless(OK + b"\r\n", b"b" * 9000), "size", "the body is larger than 100 KiB"),
        (endless(CHUNKED_HEAD, b"1\r\nb\r\n" * 1000), "size", "the body is larger than 100 KiB"),
        (endless(CHUNKED_HEAD + b"0\r\n", b"X-A: b\r\n" * 500), "protocol", "headers"),
        (endless(CHUNKED_HEAD, b"9" * 9000), "protocol", "not valid HTTP: Chunk size overflow"),
        (answers(reply(200, BOMB, {"Content-Encoding": "gzip"})), "size", "the body is larger than 100 KiB"),
        (answers(reply(200, gzip.compress(b"all ok")[:-9], {"Content-Encoding": "gzip"})), "protocol", "gzip"),
        (answers(redirect("ftp://127.0.0.1/")), "redirect", "ftp://127.0.0.1/"),
        (answers(redirect("http://[::1")), "redirect", "[::1"),
        (answers(redirect("http://no-such.example.:80/")), "dns", ""),
    ],
)  # fmt: skip
async def test_a_peer_without_measure_is_down_in_time(
    script: Script, reason: str, message: str
) -> None:
    async with peer(script) as port:
        result = await ran(f"http://127.0.0.1:{port}/", max_body="100KiB")

    assert (result.outcome, result.reason, message in result.message) == (
        Outcome.DOWN,
        reason,
        True,
    ), result.message
    assert result.seconds < 8


@pytest.mark.parametrize(
    ("script", "phase"),
    [
        (silent, "processing"),
        (drips(b"HTTP/1.1 200 " + b"O" * 1000, 0.05), "transfer"),
        (drips(SMALL[:-1], 0.0), "transfer"),
    ],
)
async def test_a_peer_that_takes_for_ever_is_down_at_the_deadline(
    script: Script, phase: str
) -> None:
    async with peer(script) as port:
        result = await ran(f"http://127.0.0.1:{port}/", timeout="500ms")

    assert result.reason is Reason.TIMEOUT
    assert result.message == f"no answer within 500 ms, in phase {phase}"
    assert result.seconds < 5


async def test_a_redirect_to_nowhere_is_down() -> None:
    with closed_port() as nowhere:
        async with peer(answers(redirect(f"http://127.0.0.1:{nowhere}/gone"))) as port:
            result = await ran(f"http://127.0.0.1:{port}/")

    assert result.reason is Reason.CONNECT
    assert f"connect to 127.0.0.1:{nowhere}: connection refused" in result.message
    assert result.facts["final_url"] == f"http://127.0.0.1:{nowhere}/gone"


async def test_a_network_that_cannot_be_reached_is_down() -> None:
    result = await ran("http://255.255.255.255/")  # the kernel refuses it without a packet

    assert result.reason is Reason.CONNECT
    assert result.message == "connect to 255.255.255.255:80: no route to the network"


async def test_a_name_that_does_not_exist_is_down() -> None:
    with dns_server(lambda query, _: [respond(query, {}, dns.rcode.NXDOMAIN).to_wire()]) as server:
        result = await ran("http://shop.example/", Names(resolv_conf=server.conf))

    assert result.reason is Reason.DNS
    assert result.message == "no such host 'shop.example'"


async def test_a_resolver_that_does_not_answer_is_down() -> None:
    with dns_server(lambda query, _: ()) as server:
        result = await ran("http://shop.example/", Names(resolv_conf=server.conf), "500ms")

    assert result.reason is Reason.DNS
    assert result.message == "no answer from the resolver within 500 ms"
    assert result.seconds < 5


async def test_a_self_signed_certificate_is_down(tmp_path: Path) -> None:
    context = Authority(tmp_path).self_signed_server()
    async with site({"/": reply()}, tls=context) as shop:
        seen = await look_at(shop.url())

    assert seen.why == ("certificate", "certificate of 127.0.0.1 is self-signed")


async def test_a_server_of_old_tls_alone_is_down(tmp_path: Path) -> None:
    context = Authority(tmp_path).server("127.0.0.1")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    with raw_server(tls=context) as server:
        seen = await look_at(f"https://127.0.0.1:{server.port}/")

    assert seen.why[0] == "tls"
    assert "'protocol version'" in seen.finding.message
