"""When the loop comes late, times are as if it had not."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import dns.message
import pytest

from prober.clock import SystemClock
from prober.result import Attempt, Reason
from prober.wire.dial import dial
from prober.wire.failure import Failure
from prober.wire.http1 import exchange
from prober.wire.kernel import Kernel
from prober.wire.network import Endpoint, Network
from prober.wire.station import Address
from prober.wire.tls import TlsPolicy
from tests.servers.dns import dns_server, zone
from tests.servers.raw import Do, raw_server
from tests.servers.tls import Authority
from tests.wire.ways import GET, new_attempt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's stamps")
LATE = 1.6  # seconds for which nobody looks; answers are there in less than half of it
SHOP = zone({"shop.example A": ["127.0.0.1"]})


def block(seconds: float) -> None:
    time.sleep(seconds)


async def looked_up(
    net: Network, port: int, attempt: Attempt, away: threading.Event | None = None
) -> float:
    """Connects, looks away while the name is asked for; gives the total that is told."""
    connecting = asyncio.create_task(net.connect(Endpoint("shop.example", port), attempt))
    await asyncio.sleep(0)
    if away is not None:
        away.set()
    block(LATE)
    connection = await connecting
    total = net.clock.monotonic() - connection.started_at
    connection.close()
    return total


async def test_a_lookup_does_not_count_our_own_lateness(
    net: Network, resolv_conf: Callable[[str], None], attempt: Attempt
) -> None:
    away = threading.Event()

    def then(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        away.wait(5)  # or all of it may be over before anybody looks away
        return SHOP(query, transport)

    with dns_server(then) as server, raw_server(Do.HANG) as target:
        resolv_conf(server.conf)
        total = await looked_up(net, target.port, attempt, away)

    assert total < LATE / 2
    assert attempt.phases["resolve"] < LATE / 2
    assert attempt.facts["dns_lookup_seconds"] == attempt.phases["resolve"]


async def test_a_slow_lookup_counts_though_we_came_later_still(
    net: Network, resolv_conf: Callable[[str], None], attempt: Attempt
) -> None:
    def slow(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        time.sleep(0.06)
        return SHOP(query, transport)

    with dns_server(slow) as server, raw_server(Do.HANG) as target:
        resolv_conf(server.conf)
        total = await looked_up(net, target.port, attempt)

    assert 0.1 < attempt.phases["resolve"] < LATE - 0.1
    assert 0.1 < total < LATE - 0.1


async def test_a_lookup_by_the_system_does_not_either(
    monkeypatch: pytest.MonkeyPatch, attempt: Attempt
) -> None:
    def answers(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    net = Network(SystemClock(), resolver="system")
    with raw_server(Do.HANG) as target:
        total = await looked_up(net, target.port, attempt)
    net.close()

    assert total < LATE / 2
    assert attempt.phases["resolve"] < LATE / 2


async def test_waiting_for_a_thread_is_ours(
    monkeypatch: pytest.MonkeyPatch, attempt: Attempt
) -> None:
    freed = threading.Event()

    def answers(name: str, *_: object, **__: object) -> list[object]:
        if name == "stuck.example":
            freed.wait(5)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    async def find(name: str, of: Attempt) -> float:
        return (await net._resolver.find(name, of)).late

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    net = Network(SystemClock(), resolver="system")
    attempt.during = "resolve"
    stuck = [asyncio.create_task(find("stuck.example", new_attempt())) for _ in range(4)]
    await asyncio.sleep(0)
    waiting = asyncio.create_task(find("shop.example", attempt))
    await asyncio.sleep(0.1)
    during = attempt.during
    freed.set()
    late = await waiting
    await asyncio.gather(*stuck)
    net.close()

    assert during == "waiting"
    assert attempt.during == "resolve"
    assert late > 0.09


async def test_stuck_lookups_do_not_hold_up_tls(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, attempt: Attempt
) -> None:
    freed = threading.Event()

    def hangs(*_: object, **__: object) -> list[object]:
        freed.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    net = Network(SystemClock(), resolver="system")
    stuck = [
        asyncio.create_task(net.connect(Endpoint("stuck.example", 1), new_attempt()))
        for _ in range(4)
    ]
    await asyncio.sleep(0)
    with raw_server(Do.HANG, tls=authority.server()) as server:
        to = Endpoint("127.0.0.1", server.port, TlsPolicy(ca_file=authority.ca_file))
        async with asyncio.timeout(2):
            (await net.connect(to, attempt)).close()
    for task in stuck:
        task.cancel()
    freed.set()
    await asyncio.gather(*stuck, return_exceptions=True)
    net.close()

    assert attempt.during == "tls"


async def test_the_end_of_a_body_does_not_count_our_own_lateness(net: Network) -> None:
    """The end has no stamp, but the kernel knows when it last heard of the peer."""
    with raw_server(Do.READ, b"HTTP/1.1 200 OK\r\n\r\nbody", 0.15) as server:
        connection = await net.connect(Endpoint("127.0.0.1", server.port), new_attempt())
        asking = asyncio.create_task(exchange(connection, GET))
        while connection.attempt.during != "transfer":  # noqa: ASYNC110 - it says so to nobody
            await asyncio.sleep(0.005)
        block(LATE)
        looks = net.clock.monotonic()
        response = await asking
        connection.close()

    assert server.sent[0] + 0.1 < response.last_byte < looks - LATE / 2


class FarKernel(Kernel):
    """A peer on this machine has accepted before `connect` returns; one that is far has not."""

    asked = 0

    def round_trip(self, sock: socket.SocketType) -> tuple[bool, float | None]:
        FarKernel.asked += 1
        return (False, None) if FarKernel.asked == 1 else super().round_trip(sock)


async def test_a_reset_that_came_while_we_did_not_look_is_no_refusal(
    net: Network, attempt: Attempt
) -> None:
    """It was accepted: whoever was not listened to may hang up."""
    near = net._station
    station = replace(near, kernel=FarKernel(near.kernel.stamps, near.kernel.tcp_info))
    with raw_server(Do.RESET) as server:
        asyncio.get_running_loop().call_soon(block, 0.2)
        with pytest.raises(Failure) as failure:
            await dial(Address(socket.AF_INET, "127.0.0.1"), server.port, station, attempt)

    assert failure.value.reason is Reason.PROTOCOL
    assert str(failure.value) == (f"127.0.0.1:{server.port} accepted the connection, then reset it")
