"""Many small pieces: nobody keeps the loop for long, and nobody sends for nothing."""

from __future__ import annotations

import asyncio
import gzip
import time

import pytest

from prober.result import Reason
from prober.wire.http1 import Limits, Request, exchange
from prober.wire.network import Endpoint, Network
from prober.wire.tls import TlsPolicy
from tests.servers.raw import Do, raw_server
from tests.servers.tls import Authority
from tests.wire.ways import GET, fetch, fetch_failure, new_attempt

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
UPLOAD = Request("POST", "/", (("Host", "x"),), b"x" * 20_000_000)
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much"
LONG = 0.1  # seconds of work in one turn, with room for a busy machine


def block(seconds: float) -> None:
    time.sleep(seconds)


async def longest_turn(asking: asyncio.Task[object]) -> float:
    """Seconds of the processor between two turns of ours."""
    longest, before = 0.0, time.thread_time()
    while not asking.done():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, before = max(longest, now - before), now
    return longest


async def test_small_chunks_leave_turns_to_others(net: Network) -> None:
    chunks = b"1\r\nx\r\n" * 200_000
    with raw_server(Do.READ, CHUNKED + chunks, b"0\r\n\r\n", Do.HANG) as server:
        asking = asyncio.create_task(fetch(net, server.port))
        longest = await longest_turn(asking)

    assert (await asking).received == 200_000
    assert longest < LONG


async def test_small_records_leave_turns_to_others(net: Network, authority: Authority) -> None:
    """Those that are here already: no more has to be read from the socket."""
    policy = TlsPolicy(ca_file=authority.ca_file)
    head = OK + b"Content-Length: 6000\r\n\r\n"
    with raw_server(Do.READ, head, *([b"x"] * 6000), Do.HANG, tls=authority.server()) as server:
        connection = await net.connect(Endpoint("127.0.0.1", server.port, policy), new_attempt())
        asking = asyncio.create_task(exchange(connection, GET))
        await asyncio.sleep(0)
        while len(server.taken) < 6001:
            block(0.01)
        turns = 0
        while not asking.done():
            await asyncio.sleep(0)
            turns += 1
        connection.close()

    assert (await asking).body == b"x" * 6000
    assert turns > 2


async def test_more_headers_than_anybody_sends_are_protocol(net: Network) -> None:
    with raw_server(Do.READ, OK + b"a:\r\n" * 12_000, Do.HANG) as server:
        failure = await fetch_failure(net, server.port)

    assert failure == (Reason.PROTOCOL, "there are more than 1000 headers")


async def test_as_many_headers_as_that_pass(net: Network) -> None:
    with raw_server(Do.READ, OK + b"a:\r\n" * 1000 + b"\r\n") as server:
        assert len((await fetch(net, server.port)).headers) == 1000


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("hint", [b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"])
async def test_an_answer_that_begins_ends_the_request(
    net: Network, authority: Authority, secure: bool, hint: bytes
) -> None:
    """The server reads no more, but stays."""
    tls = authority.server() if secure else None
    policy = TlsPolicy(ca_file=authority.ca_file) if secure else None
    with raw_server(Do.READ, 0.05, hint, 0.05, TOO_LARGE, Do.STAY, tls=tls) as server:
        to = Endpoint("127.0.0.1", server.port, policy)
        async with asyncio.timeout(3):
            response = await fetch(net, to, UPLOAD)

    assert (response.status, response.body) == (413, b"too much")
    assert server.sent[-1] - 0.05 < response.last_byte < server.taken[-1] + 0.05


async def test_an_announcement_does_not_end_the_request(net: Network) -> None:
    announced = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
    answer = OK + b"Content-Length: 2\r\n\r\nok"
    everything = Do.READ_ALL
    with raw_server(Do.READ, announced, 0.05, everything, answer) as server:
        async with asyncio.timeout(3):
            response = await fetch(net, server.port, UPLOAD)

    assert response.body == b"ok"
    assert server.read > 19_000_000


async def test_rubbish_ends_the_request_and_is_told(net: Network) -> None:
    with raw_server(Do.READ, b"SSH-2.0-OpenSSH_9\r\n", Do.STAY) as server:
        async with asyncio.timeout(3):
            reason, said = await fetch_failure(net, server.port, UPLOAD)

    assert reason is Reason.PROTOCOL
    assert "it begins with b'SSH-2.0" in said


async def test_a_shortened_quotation_says_so(net: Network) -> None:
    with raw_server(Do.READ, b"<html>" + b"x" * 100) as server:
        _, said = await fetch_failure(net, server.port)
    with raw_server(Do.READ, b"<" * 60) as server:
        _, whole = await fetch_failure(net, server.port)

    assert said.endswith(f"it begins with b'<html>{'x' * 54}…'")
    assert whole.endswith(f"it begins with b'{'<' * 60}'")


@pytest.mark.parametrize(
    ("reply", "received"),
    [
        (OK + b"Content-Length: 3\r\n\r\nabc", 3),
        (CHUNKED + b"2\r\nab\r\n1;x\r\nc\r\n0\r\nT: t\r\n\r\n", 3),
        (OK + b"\r\nabc", 3),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"a" * 999), None),
        (b"HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", 0),
    ],
)
async def test_received_is_what_came_of_the_body(
    net: Network, reply: bytes, received: int | None
) -> None:
    with raw_server(Do.READ, reply) as server:
        response = await fetch(net, server.port, limits=Limits(body=1000))

    expected = len(gzip.compress(b"a" * 999)) if received is None else received
    assert response.received == expected
