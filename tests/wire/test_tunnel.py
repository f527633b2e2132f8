"""Through an HTTP proxy that agrees, and past all the ways in which one can not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from prober.result import Attempt, Reason
from prober.wire.failure import Failure, OwnFault
from prober.wire.http1 import exchange
from prober.wire.network import Endpoint, Network
from prober.wire.tls import TlsPolicy
from prober.wire.tunnel import Proxy
from tests.servers.http import peer
from tests.servers.raw import Do, Step, closed_port, raw_server
from tests.servers.tls import Authority
from tests.wire.ways import GET, fetch, new_attempt

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
AGREED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SECRET = (("Proxy-Authorization", "Basic aHVudGVyMg=="),)


class Tunneller:
    """A proxy that does what it is asked for, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head)
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(AGREED)
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            back.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.write_eof()


def through(port: int, target: int = 443) -> Endpoint:
    return Endpoint("shop.example", target, via=Proxy("127.0.0.1", port, SECRET))


async def refused(net: Network, to: Endpoint, attempt: Attempt) -> tuple[Reason, str]:
    with pytest.raises(Failure) as failure:
        async with asyncio.timeout(5):
            (await net.connect(to, attempt)).close()
    return failure.value.reason, str(failure.value)


async def test_tls_goes_through_to_a_name_that_only_the_proxy_knows(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    proxy, policy = Tunneller(), TlsPolicy(ca_file=authority.ca_file)
    with raw_server(Do.READ, OK, tls=authority.server("shop.example")) as server:
        async with peer(proxy.serve) as port:
            to = through(port, server.port)._replace(tls=policy)
            response = await fetch(net, to, attempt=attempt)

    assert response.body == b"ok"
    assert proxy.asked == [
        f"CONNECT shop.example:{server.port} HTTP/1.1\r\nHost: shop.example:{server.port}\r\n"
        "Proxy-Authorization: Basic aHVudGVyMg==\r\n\r\n".encode()
    ]
    assert attempt.facts["ip"] == "127.0.0.1"
    assert attempt.facts["dns_lookup_seconds"] == 0.0
    assert set(attempt.phases) == {"resolve", "connect", "tls", "processing", "transfer"}


async def test_a_certificate_is_looked_at_again_through_the_proxy(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    proxy, policy = Tunneller(), TlsPolicy(ca_file=authority.ca_file)
    with raw_server(Do.HANG, tls=authority.server("other.example")) as server:
        async with peer(proxy.serve) as port:
            to = through(port, server.port)._replace(tls=policy)
            reason, message = await refused(net, to, attempt)

    assert len(proxy.asked) == 2
    assert reason is Reason.CERTIFICATE
    assert message.endswith("shop.example is not valid for that name, only for other.example")
    assert attempt.facts["tls_version"] == "TLS 1.3"


@pytest.mark.parametrize(
    ("host", "resolved", "asked"),
    [
        ("Bücher.example", None, "xn--bcher-kva.example:443"),
        ("::1", None, "[::1]:443"),
        ("10.0.0.7", None, "10.0.0.7:443"),
        ("shop.example", "10.0.0.7", "10.0.0.7:443"),
        ("shop.example", "fd00::7", "[fd00::7]:443"),
    ],
)
async def test_the_target_is_named_as_it_is_written(
    net: Network, host: str, resolved: str | None, asked: str
) -> None:
    with raw_server(Do.READ, AGREED, Do.HANG) as server:
        proxy = Proxy("127.0.0.1", server.port)
        to = Endpoint(host, 443, resolved=resolved, via=proxy)
        (await net.connect(to, new_attempt())).close()

    assert server.received == [f"CONNECT {asked} HTTP/1.1\r\nHost: {asked}\r\n\r\n".encode()]


@pytest.mark.parametrize(
    "agreed",
    [
        AGREED,
        b"HTTP/1.0 200\r\n\r\n",
        b"HTTP/1.1 200 \r\n\r\n",
        b"HTTP/1.1 200\n\n",
        b"HTTP/1.1 204 No\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 103 Wait\r\nX: y\r\n\r\nHTTP/1.1 100 Go on\r\n\r\n" + AGREED,
        b"HTTP/1.1 200 OK\nX: y\r\n\n",
    ],
)
@pytest.mark.parametrize("pace", ["at once", "byte by byte"])
async def test_what_follows_the_answer_belongs_to_the_tunnel(
    net: Network, agreed: bytes, pace: str
) -> None:
    script: list[Step] = [agreed + OK]
    if pace == "byte by byte":
        script = [bytes((byte,)) for byte in agreed + OK]
    with raw_server(Do.READ, *script, Do.HANG) as server:
        connection = await net.connect(through(server.port), new_attempt())
        response = await exchange(connection, GET)
        connection.close()

    assert response.body == b"ok"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param(
            [b"HTTP/1.1 407 Proxy Authentication Required\r\nX: y\r\n\r\nbody"],
            "answered '407 Proxy Authentication Required' to CONNECT shop.example:443", id="407",
        ),
        pytest.param([b"HTTP/1.1 403 Forbidden\r\n\r\n"], "answered '403 Forbidden'", id="403"),
        pytest.param(
            [b"HTTP/1.1 403 " + b"x" * 99 + b"\r\n\r\n"], "xxx…' to CONNECT", id="a long reason"
        ),
        pytest.param([b"HTTP/1.0 502\r\n\r\n"], "answered '502' to CONNECT", id="502"),
        pytest.param([b"HTTP/1.1 302 \x1b[31m\r\n\r\n"], "answered '302 \\x1b[31m'", id="control"),
        pytest.param([], "closed the connection without an answer to CONNECT", id="end"),
        pytest.param([b"HTTP/1.1 20"], "closed the connection within its answer", id="early end"),
        pytest.param([AGREED[:-2]], "closed the connection within its answer", id="no empty line"),
        pytest.param([0.02, Do.RESET], "connection reset", id="reset"),
        pytest.param(
            [b"220 mail ESMTP\r\n", Do.HANG], "does not answer in HTTP, it said b'220 mail", id="SMTP"
        ),
        pytest.param([b"HTTP/2 200\r\n\r\n", Do.HANG], "does not answer in HTTP", id="HTTP/2"),
        pytest.param([b"HTTP/1.1 999 X\r\n\r\n", Do.HANG], "does not answer in HTTP", id="999"),
        pytest.param(
            [b"\x15\x03\x01\0\x02\x02\x16", Do.HANG], "which is TLS", id="a proxy over TLS"
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9999, Do.STAY],
            "the headers of its answer to CONNECT do not end", id="endless headers",
        ),
        pytest.param(
            [b"HTTP/1.1 100 Go on\r\n\r\n" * 2000, Do.STAY], "do not end", id="endless announcing"
        ),
    ],
)  # fmt: skip
async def test_no_tunnel_is_connect_and_says_why(
    net: Network, attempt: Attempt, script: list[Step], said: str
) -> None:
    with raw_server(Do.READ, *script) as server:
        reason, message = await refused(net, through(server.port), attempt)

    assert message.startswith(f"proxy 127.0.0.1:{server.port}: ")
    assert said in message
    assert reason is Reason.CONNECT
    assert attempt.during == "connect"
    assert "aHVudGVyMg" not in message


async def test_a_silent_proxy_is_waited_for_in_the_phase_connect(
    net: Network, attempt: Attempt
) -> None:
    with raw_server(Do.READ, Do.HANG) as server, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await net.connect(through(server.port), attempt)

    assert attempt.during == "connect"
    assert attempt.phases["connect"] > 0.05


async def test_a_proxy_that_is_not_there_is_named(net: Network, attempt: Attempt) -> None:
    with closed_port() as port:
        reason, message = await refused(net, through(port), attempt)

    assert reason is Reason.CONNECT
    assert message == (f"proxy 127.0.0.1:{port}: connect to 127.0.0.1:{port}: connection refused")


async def test_it_is_the_proxys_name_that_is_looked_up(
    net: Network, files: tuple[Path, Path], attempt: Attempt
) -> None:
    files[1].write_text("127.0.0.1 squid")
    with raw_server(Do.READ, AGREED, Do.HANG) as server:
        to = Endpoint("nowhere.example", 443, via=Proxy("squid", server.port))
        (await net.connect(to, attempt)).close()

    assert attempt.phases["resolve"] > 0


async def test_a_line_break_in_a_header_for_the_proxy_is_our_own_fault(net: Network) -> None:
    with raw_server(Do.HANG) as server:
        proxy = Proxy("127.0.0.1", server.port, (("X", "hunter2\r\nY: z"),))
        with pytest.raises(OwnFault) as fault:
            await net.connect(Endpoint("x", 443, via=proxy), new_attempt())

    assert "hunter2" not in str(fault.value)


@pytest.mark.parametrize("show", [repr, str])
def test_what_is_for_the_proxy_alone_is_not_shown(show: Callable[[object], str]) -> None:
    to = Endpoint("shop.example", 443, via=Proxy("squid", 3128, SECRET))

    assert "aHVudGVyMg" not in show(to)
    assert "aHVudGVyMg" not in show(to.via)
