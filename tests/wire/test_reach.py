"""Several addresses: which are tried, for how long, and what is said where none takes us."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import pytest

from prober.clock import SystemClock
from prober.result import Attempt, Reason
from prober.wire.failure import Failure, OwnFault
from prober.wire.family import Ip, chosen, routed
from prober.wire.names import literal
from prober.wire.network import Endpoint, Network
from prober.wire.station import Address
from tests.servers.dns import dns_server, zone
from tests.servers.raw import Do, closed_port, raw_server

V4, OTHER4 = Address(socket.AF_INET, "127.0.0.1"), Address(socket.AF_INET, "127.0.0.2")
V6 = Address(socket.AF_INET6, "::1")
no_ipv6 = pytest.mark.skipif(routed((V6, V4)) == (V4,), reason="this machine has no IPv6")
IPS: tuple[Ip, ...] = get_args(Ip)


async def refused(net: Network, to: Endpoint, attempt: Attempt) -> tuple[Reason, str]:
    with pytest.raises(Failure) as failure:
        async with asyncio.timeout(5):
            (await net.connect(to, attempt)).close()
    return failure.value.reason, str(failure.value)


@contextmanager
def silent(*hosts: str, port: int = 0) -> Iterator[int]:
    """Their queues are full, so that the kernel drops every SYN; all at the same port."""
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            listener = socket.socket()
            sockets.append(listener)
            listener.bind((host, port))
            listener.listen(0)
            port = listener.getsockname()[1]
            for _ in range(2):
                filler = socket.socket()
                sockets.append(filler)
                filler.setblocking(False)
                filler.connect_ex((host, port))
        yield port
    finally:
        for sock in sockets:
            sock.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prober.wire.reach._LEAST", 0.05)


def within(seconds: float, attempt: Attempt) -> Attempt:
    attempt.deadline = SystemClock().monotonic() + seconds
    return attempt


@no_ipv6
@pytest.mark.parametrize(
    ("ip", "order"),
    [
        ("auto", (V4, V6, OTHER4)),
        ("prefer4", (V4, OTHER4, V6)),
        ("prefer6", (V6, V4, OTHER4)),
        ("4", (V4, OTHER4)),
        ("6", (V6,)),
    ],
)
def test_the_order_is_as_wished(ip: Ip, order: tuple[Address, ...]) -> None:
    assert chosen("shop", (V4, V6, OTHER4), ip) == order


@pytest.mark.parametrize(
    ("found", "ip", "said"),
    [
        ((V4, OTHER4), "6", "host 'shop' has no IPv6 address, only IPv4: 127.0.0.1, 127.0.0.2"),
        ((V6,), "4", "host 'shop' has no IPv4 address, only IPv6: ::1"),
    ],
)
def test_no_address_of_the_family_is_dns_and_says_which_there_are(
    found: tuple[Address, ...], ip: Ip, said: str
) -> None:
    with pytest.raises(Failure) as failure:
        chosen("shop", found, ip)

    assert (failure.value.reason, str(failure.value)) == (Reason.DNS, said)


@no_ipv6
@pytest.mark.parametrize(
    ("ip", "used"), [("prefer4", "127.0.0.1"), ("prefer6", "::1"), ("4", "127.0.0.1"), ("6", "::1")]
)
@pytest.mark.parametrize("source", ["hosts", "dns"])
async def test_the_family_that_is_wished_is_used(
    net: Network,
    files: tuple[Path, Path],
    resolv_conf: Callable[[str], None],
    attempt: Attempt,
    source: str,
    ip: Ip,
    used: str,
) -> None:
    records = {"shop.example A": ["127.0.0.1"], "shop.example AAAA": ["::1"]}
    with dns_server(zone(records)) as dns, raw_server(Do.HANG, host=used) as server:
        resolv_conf(dns.conf)
        if source == "hosts":
            files[1].write_text("127.0.0.1 shop.example\n::1 shop.example")
        (await net.connect(Endpoint("shop.example", server.port, ip=ip), attempt)).close()

    assert attempt.facts["ip"] == used


@no_ipv6
async def test_the_other_family_is_tried_too_where_one_is_only_preferred(
    net: Network, files: tuple[Path, Path], attempt: Attempt
) -> None:
    files[1].write_text("127.0.0.1 shop\n::1 shop")
    with raw_server(Do.HANG) as server:
        (await net.connect(Endpoint("shop", server.port, ip="prefer6"), attempt)).close()
        reason, message = await refused(net, Endpoint("shop", server.port, ip="6"), attempt)

    assert attempt.facts["ip"] == "::1"
    assert reason is Reason.CONNECT
    assert message == f"connect to [::1]:{server.port}: connection refused"


@pytest.mark.parametrize(("ip", "mute", "only"), [("4", "AAAA", "127.0.0.1"), ("6", "A", "::1")])
async def test_nobody_waits_for_the_family_that_is_not_wanted(
    net: Network,
    resolv_conf: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    ip: Ip,
    mute: str,
    only: str,
) -> None:
    monkeypatch.setattr("prober.wire.ask._PATIENCE", 30.0)
    honest = zone({"shop.example A": ["127.0.0.1"], "shop.example AAAA": ["::1"]})
    with dns_server(lambda query, how: () if _kind(query) == mute else honest(query, how)) as dns:
        resolv_conf(f"{dns.conf}options timeout:30")
        async with asyncio.timeout(5):
            found = await net._resolver.find("shop.example", _unheard(), ip)

    assert [address.ip for address in found.addresses] == [only]


async def test_a_nameserver_that_is_mute_about_the_family_is_blamed_itself(
    net: Network, resolv_conf: Callable[[str], None], attempt: Attempt
) -> None:
    """It is not said that there is no such address, for nobody knows."""
    honest = zone({"shop.example A": ["127.0.0.1"]})
    with dns_server(lambda query, how: () if _kind(query) == "AAAA" else honest(query, how)) as dns:
        resolv_conf(f"{dns.conf}options timeout:1 attempts:1")
        reason, message = await refused(net, Endpoint("shop.example", 1, ip="6"), attempt)

    assert reason is Reason.DNS
    assert message.startswith("no answer from nameserver ")


def _kind(query: object) -> str:
    return str(query).partition(";QUESTION\n")[2].split("\n")[0].split()[-1]


def _unheard() -> Attempt:
    return Attempt(run_id="", traceparent="")


async def test_a_given_address_is_taken_without_asking(net: Network, attempt: Attempt) -> None:
    with raw_server(Do.HANG) as server:
        to = Endpoint("nowhere.example", server.port, resolved="127.0.0.1")
        (await net.connect(to, attempt)).close()

    assert attempt.phases["resolve"] == 0.0
    assert attempt.facts["dns_lookup_seconds"] == 0.0
    assert attempt.facts["ip"] == "127.0.0.1"


async def test_a_given_address_has_to_be_of_the_family_too(net: Network, attempt: Attempt) -> None:
    to = Endpoint("shop", 1, ip="6", resolved="127.0.0.1")

    reason, message = await refused(net, to, attempt)

    assert (reason, message) == (
        Reason.DNS,
        "host 'shop' has no IPv6 address, only IPv4: 127.0.0.1",
    )


async def test_a_given_name_is_our_own_fault(net: Network, attempt: Attempt) -> None:
    with pytest.raises(OwnFault, match="'there', given for 'shop', is not an IP address"):
        await net.connect(Endpoint("shop", 1, resolved="there"), attempt)


@pytest.mark.usefixtures("hurried")
async def test_a_silent_address_leaves_time_for_the_next(
    net: Network, files: tuple[Path, Path], attempt: Attempt
) -> None:
    files[1].write_text("127.0.0.2 shop\n127.0.0.3 shop\n127.0.0.1 shop")
    with raw_server(Do.HANG) as server, silent("127.0.0.2", "127.0.0.3", port=server.port):
        to = Endpoint("shop", server.port)
        (await net.connect(to, within(2.4, attempt))).close()

    assert attempt.facts["ip"] == "127.0.0.1"
    assert 1.2 < attempt.phases["connect"] < 2.4
    assert net._poller._waiting == {}


@pytest.mark.usefixtures("hurried")
async def test_where_all_are_silent_each_is_told_and_it_is_timeout(
    net: Network, files: tuple[Path, Path], attempt: Attempt
) -> None:
    files[1].write_text("127.0.0.2 shop\n127.0.0.1 shop")
    with silent("127.0.0.1", "127.0.0.2") as port:
        until = within(2.0, attempt).deadline or 0.0
        reason, message = await refused(net, Endpoint("shop", port), attempt)

    first, second = message.split("; ")
    assert reason is Reason.TIMEOUT
    assert re.fullmatch(rf"connect to 127.0.0.2:{port}: no answer within (1 |\d+ m)s", first)
    assert re.fullmatch(rf"connect to 127.0.0.1:{port}: no answer within \d+ ms", second)
    assert until - attempt.phases["connect"] > 0


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "hosts", ["127.0.0.2 shop\n127.0.0.1 shop", "127.0.0.1 shop\n127.0.0.2 shop"]
)
async def test_one_that_says_no_is_the_reason_beside_one_that_says_nothing(
    net: Network, files: tuple[Path, Path], attempt: Attempt, hosts: str
) -> None:
    files[1].write_text(hosts)
    with closed_port() as port, silent("127.0.0.2", port=port):
        reason, message = await refused(net, Endpoint("shop", port), within(1.6, attempt))

    assert reason is Reason.CONNECT
    assert f"127.0.0.1:{port}: connection refused" in message
    assert f"127.0.0.2:{port}: no answer within" in message


async def test_one_alone_gets_all_the_time(net: Network, attempt: Attempt) -> None:
    with silent("127.0.0.1") as port, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await net.connect(Endpoint("127.0.0.1", port), within(0.05, attempt))

    assert attempt.phases["connect"] > 0.09


async def test_of_little_time_none_takes_more_than_half(
    net: Network, files: tuple[Path, Path], attempt: Attempt
) -> None:
    """The one that answers is tried, however short the timeout and however many are before it."""
    mute = ("127.0.0.2", "127.0.0.3")
    files[1].write_text("".join(f"{ip} shop\n" for ip in (*mute, "127.0.0.1")))
    with raw_server(Do.HANG) as server, silent(*mute, port=server.port):
        (await net.connect(Endpoint("shop", server.port), within(2.4, attempt))).close()

    assert attempt.facts["ip"] == "127.0.0.1"
    assert 1.6 < attempt.phases["connect"] < 2.4


@no_ipv6
async def test_after_a_silent_address_the_other_family_is_next(
    net: Network, files: tuple[Path, Path], attempt: Attempt
) -> None:
    files[1].write_text("".join(f"{ip} shop\n" for ip in ("127.0.0.2", "127.0.0.3", "::1")))
    with (
        raw_server(Do.HANG, host="::1") as server,
        silent("127.0.0.2", port=server.port),
        socket.create_server(("127.0.0.3", server.port)),
    ):
        to = Endpoint("shop", server.port, ip="prefer4")
        (await net.connect(to, within(2.0, attempt))).close()

    assert attempt.facts["ip"] == "::1"
    assert 0.8 < attempt.phases["connect"] < 2.0


async def test_an_address_for_which_no_time_is_left_is_told(
    net: Network, files: tuple[Path, Path], attempt: Attempt
) -> None:
    files[1].write_text("127.0.0.2 shop\n127.0.0.1 shop")
    with silent("127.0.0.1", "127.0.0.2") as port:
        reason, message = await refused(net, Endpoint("shop", port), within(0.02, attempt))

    assert reason is Reason.TIMEOUT
    assert message.endswith(f"connect to 127.0.0.1:{port}: not tried, no time was left")


async def test_an_answer_that_is_there_when_time_is_up_still_counts(
    net: Network, files: tuple[Path, Path], attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop comes late, and the first thing that it sees is that the time is over."""
    files[1].write_text("127.0.0.1 shop\n127.0.0.2 shop")
    monkeypatch.setattr("prober.wire.reach._LEAST", 0.02)
    with raw_server(Do.HANG) as server:
        asking = asyncio.create_task(
            net.connect(Endpoint("shop", server.port), within(0.04, attempt))
        )
        await asyncio.sleep(0)
        _block(0.2)
        (await asking).close()

    assert attempt.facts["ip"] == "127.0.0.1"


def _block(seconds: float) -> None:
    until = SystemClock().monotonic() + seconds
    while SystemClock().monotonic() < until:
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%lo", "shop", "1.2.3", "x%y"])
def test_what_is_literal_is_so_each_time(host: str) -> None:
    assert literal(host) == literal(host)
    assert (literal(host) is None) == (host in ("shop", "1.2.3", "x%y"))
