"""Connections: refused, cut off, cancelled, many at once; and when exactly their bytes came."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from prober.clock import SystemClock
from prober.result import Attempt, Reason
from prober.wire.dial import dial
from prober.wire.failure import Failure, OwnFault
from prober.wire.http1 import exchange
from prober.wire.kernel import Kernel
from prober.wire.loop import LoopPoller
from prober.wire.network import Endpoint, Network
from prober.wire.station import Address, Station
from prober.wire.tls import TlsPolicy
from tests.servers.raw import Do, RawServer, closed_port, raw_server
from tests.servers.tls import Authority
from tests.wire.ways import GET, fetch, new_attempt

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSE = 0.003  # seconds that two clocks, read one after the other, may differ by
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's stamps")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def files_closed(down_to: int) -> None:
    """Ours are at once; the server's own ends take it a moment."""
    async with asyncio.timeout(2):
        while open_files() > down_to:  # noqa: ASYNC110 - another thread closes, and tells nobody
            await asyncio.sleep(0.005)


def exact(moment: float, server: RawServer, piece: int) -> bool:
    """Is it when this piece of the server's script came, by the server's own record?"""
    return server.sent[piece] - CLOSE <= moment <= server.taken[piece] + CLOSE


def block(seconds: float) -> None:
    """Keeps the loop from doing anything else."""
    time.sleep(seconds)


@contextmanager
def full_listener() -> Iterator[tuple[socket.socket, int]]:
    """Its queue is full: the kernel drops every further SYN."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(2)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        try:
            yield listener, listener.getsockname()[1]
        finally:
            for filler in fillers:
                filler.close()


async def test_a_closed_port_is_connect_and_names_the_address(net: Network) -> None:
    attempt = new_attempt()
    with closed_port() as port, pytest.raises(Failure) as failure:
        await net.connect(Endpoint("127.0.0.1", port), attempt)

    assert failure.value.reason is Reason.CONNECT
    assert str(failure.value) == f"connect to 127.0.0.1:{port}: connection refused"
    assert attempt.during == "connect"
    assert attempt.facts["ip"] == "127.0.0.1"
    assert set(attempt.phases) == {"resolve", "connect"}


@contextmanager
def no_file_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 20, hard))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@linux
async def test_running_out_of_files_is_our_own_fault(net: Network) -> None:
    with no_file_left(), pytest.raises(OwnFault, match="too many open files"):
        await net.connect(Endpoint("127.0.0.1", 1), new_attempt())


@linux
async def test_an_unroutable_address_is_connect(net: Network) -> None:
    """Multicast cannot be connected to, which the kernel says without asking anybody."""
    with pytest.raises(Failure) as failure:
        await net.connect(Endpoint("224.0.0.1", 80), new_attempt())

    assert failure.value.reason is Reason.CONNECT


@linux
async def test_cancelling_closes_at_once_in_every_phase(net: Network, authority: Authority) -> None:
    async def cut(endpoint: Endpoint) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await fetch(net, endpoint)

    with full_listener() as (_, full), raw_server(Do.HANG) as silent:
        await cut(Endpoint("127.0.0.1", silent.port, TlsPolicy(insecure_skip_verify=True)))
        before = open_files()
        for _ in range(3):
            await cut(Endpoint("127.0.0.1", full))
            await cut(Endpoint("127.0.0.1", silent.port, TlsPolicy(insecure_skip_verify=True)))
            await cut(Endpoint("127.0.0.1", silent.port))
        await files_closed(before)

    assert net._poller._waiting == {}


@linux
async def test_failures_leave_no_file_open(net: Network) -> None:
    with closed_port() as port, raw_server(Do.RESET) as server:
        before = open_files()
        for _ in range(20):
            with pytest.raises(Failure):
                await net.connect(Endpoint("127.0.0.1", port), new_attempt())
            with pytest.raises(Failure):
                await net.connect(Endpoint("127.0.0.1", server.port, TlsPolicy()), new_attempt())
        await files_closed(before)


async def test_many_at_once(net: Network) -> None:
    with raw_server(Do.READ, 0.05, OK) as server:
        responses = await asyncio.gather(*(fetch(net, server.port) for _ in range(200)))

    assert {response.body for response in responses} == {b"ok"}
    assert server.accepted == 200


async def test_closing_twice_is_closing(net: Network) -> None:
    with raw_server(Do.HANG) as server:
        connection = await net.connect(Endpoint("127.0.0.1", server.port), new_attempt())
        connection.close()
        connection.close()

        assert connection._socket.fileno() == -1


@linux
async def test_a_lost_syn_is_latency(net: Network) -> None:
    """The kernel's round trip leaves out the second that the lost one took."""
    attempt = new_attempt()
    with full_listener() as (listener, port):

        def make_room() -> None:
            for _ in range(2):
                listener.accept()[0].close()

        asyncio.get_running_loop().call_later(0.2, make_room)
        async with asyncio.timeout(8):
            (await net.connect(Endpoint("127.0.0.1", port), attempt)).close()

    assert attempt.phases["connect"] > 0.9


@linux
async def test_connect_does_not_count_our_own_lateness(net: Network) -> None:
    attempt = new_attempt()
    with raw_server(Do.HANG) as server:
        asyncio.get_running_loop().call_soon(block, 1.0)
        connection = await net.connect(Endpoint("127.0.0.1", server.port), attempt)
        now = net.clock.monotonic()
        connection.close()

    assert attempt.phases["connect"] < 0.5
    assert now - connection.started_at < 0.5


@linux
async def test_tls_does_not_count_our_own_lateness(net: Network, authority: Authority) -> None:
    policy = TlsPolicy(ca_file=authority.ca_file)
    with raw_server(0.05, Do.STARTTLS, Do.HANG, tls=authority.server()) as server:
        to = Endpoint("127.0.0.1", server.port, policy)
        (await net.connect(to, new_attempt())).close()  # the context is made by now
        attempt = new_attempt()
        connecting = asyncio.create_task(net.connect(to, attempt))
        while attempt.during != "tls":  # noqa: ASYNC110 - one turn of the loop at a time
            await asyncio.sleep(0)
        block(1.0)
        connection = await connecting
        now = net.clock.monotonic()
        connection.close()

    assert attempt.phases["tls"] < 0.5
    assert now - connection.started_at < 0.6


@linux
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_times_are_exact_though_we_come_late(
    net: Network, authority: Authority, secure: bool
) -> None:
    """The answer comes 0.1 s after the request; nobody here looks for 0.3 s."""
    attempt = new_attempt()
    tls = authority.server() if secure else None
    with raw_server(Do.READ, 0.1, OK, Do.HANG, tls=tls) as server:
        policy = TlsPolicy(ca_file=authority.ca_file) if secure else None
        connection = await net.connect(Endpoint("127.0.0.1", server.port, policy), attempt)
        began = net.clock.monotonic()
        asking = asyncio.create_task(exchange(connection, GET))
        await asyncio.sleep(0)
        block(0.3)
        response = await asking
        connection.close()

    assert exact(response.last_byte, server, 0)
    assert 0.1 - CLOSE < attempt.phases["processing"] < server.taken[0] - began + CLOSE
    total = response.last_byte - connection.started_at
    assert total == pytest.approx(sum(attempt.phases.values()), abs=0.05)


@linux
async def test_the_last_byte_is_exact_though_the_first_was_not_seen(net: Network) -> None:
    with raw_server(Do.READ, 0.05, OK[:-1], 0.1, OK[-1:], Do.HANG) as server:
        connection = await net.connect(Endpoint("127.0.0.1", server.port), new_attempt())
        asking = asyncio.create_task(exchange(connection, GET))
        await asyncio.sleep(0)
        block(0.3)
        response = await asking
        connection.close()

    assert exact(response.last_byte, server, 1)
    assert response.first_byte <= response.last_byte


@linux
async def test_first_and_last_byte_are_told_apart(net: Network, attempt: Attempt) -> None:
    with raw_server(Do.READ, 0.05, OK[:-1], 0.1, OK[-1:], Do.HANG) as server:
        response = await fetch(net, server.port, attempt=attempt)

    assert exact(response.first_byte, server, 0)
    assert exact(response.last_byte, server, 1)
    assert attempt.phases["processing"] > 0.05 - CLOSE
    assert attempt.phases["transfer"] > 0.1 - CLOSE


async def test_a_body_that_ends_with_the_connection_ends_when_that_does(net: Network) -> None:
    with raw_server(Do.READ, b"HTTP/1.1 200 OK\r\n\r\nbody", 0.1) as server:
        response = await fetch(net, server.port)

    assert response.last_byte - server.sent[0] > 0.1 - CLOSE


@linux
async def test_an_end_that_was_there_already_came_with_the_last_bytes(net: Network) -> None:
    with raw_server(Do.READ, 0.02, b"HTTP/1.1 200 OK\r\n\r\nbody") as server:
        connection = await net.connect(Endpoint("127.0.0.1", server.port), new_attempt())
        asking = asyncio.create_task(exchange(connection, GET))
        await asyncio.sleep(0)
        block(0.2)
        response = await asking
        connection.close()

    assert server.sent[0] - CLOSE <= response.last_byte <= server.ended[0] + CLOSE


class Wrong(SystemClock):
    """Its realtime can be set."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


@linux
@pytest.mark.parametrize("ahead", [-3600.0, -0.05, 0.05, 3600.0])
async def test_a_clock_that_was_set_meanwhile_is_not_believed(ahead: float) -> None:
    clock = Wrong()
    net = Network(clock)
    with raw_server(Do.READ, 0.02, OK, Do.HANG) as server:
        connection = await net.connect(Endpoint("127.0.0.1", server.port), new_attempt())
        asking = asyncio.create_task(exchange(connection, GET))
        await asyncio.sleep(0)
        while not server.taken:
            block(0.01)
        block(0.2)
        clock.ahead = ahead
        response = await asking
        connection.close()
    net.close()

    assert response.last_byte - server.sent[0] > 0.1


async def test_the_last_look_completes_an_answer_that_is_there(net: Network) -> None:
    """In one turn, whatever its size: 300 KB, chunked, in many pieces, over a second."""
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with raw_server(Do.READ, 0.02, head, *([chunk] * 75), b"0\r\n\r\n", Do.HANG) as server:
        connection = await net.connect(Endpoint("127.0.0.1", server.port), new_attempt())
        asking = asyncio.create_task(exchange(connection, GET))
        await asyncio.sleep(0)
        while len(server.sent) < 77:
            block(0.01)
        block(0.02)

        net.poll()
        await asyncio.sleep(0)

        assert asking.done()
        assert (await asking).body_length == 4096 * 75
        connection.close()


async def test_a_peer_that_never_pauses_leaves_turns_to_others(
    net: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.wire.connection._TURN", 0.0001)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    with raw_server(b"x" * 250_000, Do.HANG) as server:
        connection = await net.connect(Endpoint("127.0.0.1", server.port), new_attempt())
        while not server.taken:
            block(0.005)
        beside = asyncio.create_task(other())
        received = 0
        while received < 250_000:
            received += len(await connection.receive(1000))
        beside.cancel()
        connection.close()

    assert turns >= 3


async def test_where_the_kernel_says_nothing_the_clock_does() -> None:
    """As on a platform without epoll, stamps and TCP_INFO."""
    station = Station(SystemClock(), LoopPoller(), Kernel(stamps=False, tcp_info=False))
    attempt = new_attempt()
    with raw_server(Do.READ, 0.05, OK) as server, closed_port() as closed:
        here = Address(socket.AF_INET, "127.0.0.1")
        connection, seconds = await dial(here, server.port, station, attempt)
        response = await exchange(connection, GET)
        connection.close()
        with pytest.raises(Failure, match="connection refused"):
            await dial(here, closed, station, attempt)
    station.poller.close()

    assert 0 < seconds < 2
    assert response.body == b"ok"
    assert response.last_byte >= server.sent[0]
