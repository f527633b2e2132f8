"""Names: from the files, from good nameservers, and from bad ones."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from prober.clock import SystemClock
from prober.result import Attempt, Reason
from prober.wire.failure import Failure
from prober.wire.family import ipv6_first, routed
from prober.wire.network import Endpoint, Network
from prober.wire.station import Address
from tests.servers.dns import Answers, dns_server, respond, truncated, zone
from tests.servers.raw import Do, closed_port, raw_server
from tests.wire.ways import new_attempt

Write = Callable[[str], None]
SHOP = {"shop.example A": ["127.0.0.1"]}


async def addresses(net: Network, host: str) -> list[str]:
    async with asyncio.timeout(8):
        return [address.ip for address in (await net._resolver.find(host, new_attempt())).addresses]


async def dns_failure(net: Network, host: str) -> str:
    with pytest.raises(Failure) as failure:
        await addresses(net, host)
    assert failure.value.reason is Reason.DNS
    return str(failure.value)


def silent(_: dns.message.Message, __: str) -> Sequence[bytes]:
    return ()


def saying(rcode: int) -> Answers:
    return lambda query, _: [respond(query, {}, rcode).to_wire()]


async def test_a_name_is_looked_up_and_told(
    net: Network, resolv_conf: Write, attempt: Attempt
) -> None:
    with dns_server(zone(SHOP)) as server, raw_server(Do.HANG) as target:
        resolv_conf(server.conf)
        (await net.connect(Endpoint("Shop.example", target.port), attempt)).close()

    assert sorted(server.asked) == ["shop.example A udp", "shop.example AAAA udp"]
    assert attempt.facts["ip"] == "127.0.0.1"
    assert attempt.facts["ip_protocol"] == 4
    assert attempt.facts["dns_lookup_seconds"] == attempt.phases["resolve"]
    assert attempt.phases["resolve"] > 0


async def test_the_first_lookup_is_the_one_that_is_told(net: Network, attempt: Attempt) -> None:
    attempt.facts["dns_lookup_seconds"] = 7.0
    with raw_server(Do.HANG) as target:
        (await net.connect(Endpoint("127.0.0.1", target.port), attempt)).close()

    assert attempt.facts["dns_lookup_seconds"] == 7.0


async def test_hosts_come_first_and_are_read_anew(
    net: Network, files: tuple[Path, Path], resolv_conf: Write
) -> None:
    with dns_server(silent) as server:
        resolv_conf(server.conf)
        files[1].write_text("127.0.0.2 shop.example")
        assert await addresses(net, "SHOP.example.") == ["127.0.0.2"]
        files[1].write_text("127.0.0.30 shop.example")
        assert await addresses(net, "shop.example") == ["127.0.0.30"]

    assert server.asked == []


async def test_localhost_needs_no_file(net: Network) -> None:
    for host in ("localhost", "Localhost.", "shop.localhost"):
        assert (await addresses(net, host))[-1] == "127.0.0.1"


async def test_a_chain_of_names_is_followed(net: Network, resolv_conf: Write) -> None:
    records = {"www.example CNAME": ["shop.example."], **SHOP}
    with dns_server(zone(records)) as server:
        resolv_conf(server.conf)
        assert await addresses(net, "www.example") == ["127.0.0.1"]


async def test_unknown_is_no_such_host(net: Network, resolv_conf: Write) -> None:
    with dns_server(zone(SHOP)) as server:
        resolv_conf(server.conf)
        assert await dns_failure(net, "nothere.example") == "no such host 'nothere.example'"


async def test_known_without_address_is_said(net: Network, resolv_conf: Write) -> None:
    with dns_server(zone({"mail.example MX": ["10 shop.example."]})) as server:
        resolv_conf(server.conf)
        assert await dns_failure(net, "mail.example") == "host 'mail.example' has no address"


async def test_search_and_ndots_are_obeyed(net: Network, resolv_conf: Write) -> None:
    with dns_server(zone({"api.b.example A": ["127.0.0.1"]})) as server:
        resolv_conf(f"{server.conf}search a.example b.example\n")
        assert await addresses(net, "api") == ["127.0.0.1"]

    assert [asked for asked in server.asked if " A " in asked] == [
        "api.a.example A udp",
        "api.b.example A udp",
    ]


async def test_a_refused_name_does_not_end_the_search(net: Network, resolv_conf: Write) -> None:
    def answers(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        if b"broken" in query.question[0].name.to_digestable():
            return saying(dns.rcode.SERVFAIL)(query, transport)
        return zone({"api.good A": ["127.0.0.1"]})(query, transport)

    with dns_server(answers) as server:
        resolv_conf(f"{server.conf}search broken good\n")
        assert await addresses(net, "api") == ["127.0.0.1"]


async def test_silence_ends_the_search(net: Network, resolv_conf: Write) -> None:
    with dns_server(silent) as server:
        resolv_conf(f"{server.conf}search a b\noptions timeout:1 attempts:1\n")
        said = await dns_failure(net, "api")

    assert said.endswith("to 'api.a'")


async def test_a_trailing_dot_is_not_searched(net: Network, resolv_conf: Write) -> None:
    with dns_server(zone({"api.a.example A": ["127.0.0.1"]})) as server:
        resolv_conf(f"{server.conf}search a.example\n")
        assert await dns_failure(net, "api.") == "no such host 'api.'"


async def test_a_large_answer_comes_over_tcp(net: Network, resolv_conf: Write) -> None:
    many = {"many.example A": [f"10.0.{i // 250}.{i % 250 + 1}" for i in range(400)]}

    def answers(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        full = zone(many)(query, transport)
        return full if transport == "tcp" or len(full[0]) < 512 else [truncated(query)]

    with dns_server(answers) as server:
        resolv_conf(server.conf)
        assert len(await addresses(net, "many.example")) == 400

    assert server.asked.count("many.example A tcp") == 1


async def test_a_large_answer_that_tcp_does_not_give_is_dns(
    net: Network, resolv_conf: Write
) -> None:
    def answers(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        return [truncated(query)] if transport == "udp" else []

    with dns_server(answers) as server:
        resolv_conf(f"{server.conf}options attempts:1\n")
        said = await dns_failure(net, "shop.example")

    nameserver = f"nameserver 127.0.0.1:{server.port}"
    assert said == f"{nameserver} over TCP: closed the connection without an answer"


def hangs_over_tcp(hang: threading.Event, records: dict[str, list[str]], mute: set[str]) -> Answers:
    def answers(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        if transport == "tcp":
            hang.wait(4)
            return []
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        return [truncated(query)] if kind in mute else zone(records)(query, transport)

    return answers


async def test_a_nameserver_that_hangs_over_tcp_has_its_time(
    net: Network, resolv_conf: Write
) -> None:
    done = threading.Event()
    with dns_server(hangs_over_tcp(done, {}, {"A"})) as server:
        resolv_conf(f"{server.conf}options timeout:1 attempts:1\n")
        async with asyncio.timeout(3):
            said = await dns_failure(net, "shop.example")
        done.set()

    assert said == f"nameserver 127.0.0.1:{server.port} over TCP: no answer within 1 s"


async def test_a_question_that_tcp_leaves_open_does_not_hide_the_other(
    net: Network, resolv_conf: Write
) -> None:
    done = threading.Event()
    with dns_server(hangs_over_tcp(done, SHOP, {"AAAA"})) as server:
        resolv_conf(f"{server.conf}options timeout:1 attempts:1\n")
        async with asyncio.timeout(3):
            assert await addresses(net, "shop.example") == ["127.0.0.1"]
        done.set()


async def test_a_refusing_nameserver_is_passed_over(net: Network, resolv_conf: Write) -> None:
    with closed_port() as closed, dns_server(zone(SHOP)) as server:
        resolv_conf(f"nameserver [127.0.0.1]:{closed}\n{server.conf}")
        assert await addresses(net, "shop.example") == ["127.0.0.1"]


async def test_where_all_refuse_it_is_said(net: Network, resolv_conf: Write) -> None:
    with closed_port() as closed:
        resolv_conf(f"nameserver [127.0.0.1]:{closed}\n")
        said = await dns_failure(net, "shop.example")

    assert said == f"ask nameserver 127.0.0.1:{closed}: connection refused"


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP])
async def test_a_failing_nameserver_is_passed_over(
    net: Network, resolv_conf: Write, rcode: int
) -> None:
    with dns_server(saying(rcode)) as bad, dns_server(zone(SHOP)) as good:
        resolv_conf(bad.conf + good.conf)
        assert await addresses(net, "shop.example") == ["127.0.0.1"]


async def test_where_all_fail_it_is_said(net: Network, resolv_conf: Write) -> None:
    with dns_server(saying(dns.rcode.SERVFAIL)) as server:
        resolv_conf(server.conf)
        said = await dns_failure(net, "shop.example")

    assert said == f"nameserver 127.0.0.1:{server.port} said SERVFAIL to 'shop.example'"


async def test_a_silent_nameserver_is_passed_over_after_its_time(
    net: Network, resolv_conf: Write
) -> None:
    with dns_server(silent) as mute, dns_server(zone(SHOP)) as server:
        resolv_conf(f"{mute.conf}{server.conf}options timeout:1\n")
        assert await addresses(net, "shop.example") == ["127.0.0.1"]


async def test_a_silent_resolver_is_dns_after_its_attempts(
    net: Network, resolv_conf: Write
) -> None:
    with dns_server(silent) as server:
        resolv_conf(f"{server.conf}options timeout:1 attempts:1\n")
        said = await dns_failure(net, "shop.example")

    assert said == f"no answer from nameserver 127.0.0.1:{server.port} to 'shop.example'"
    assert len(server.asked) == 2


async def test_a_caller_may_lose_patience(net: Network, resolv_conf: Write) -> None:
    attempt = new_attempt()
    with dns_server(silent) as server:
        resolv_conf(server.conf)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await net.connect(Endpoint("shop.example", 1), attempt)

    assert attempt.during == "resolve"
    assert net._poller._waiting == {}


async def test_lies_are_not_listened_to(net: Network, resolv_conf: Write) -> None:
    """Wrong numbers, wrong names and rubbish, each before the truth."""

    def answers(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        truth = zone(SHOP)(query, transport)[0]
        wrong_number = bytes((truth[0] ^ 1,)) + truth[1:]
        wrong_name = truth.replace(b"\4shop", b"\4evil")
        return [wrong_number, wrong_name, b"rubbish", query.to_wire(), truth]

    with dns_server(answers) as server:
        resolv_conf(server.conf)
        assert await addresses(net, "shop.example") == ["127.0.0.1"]


@pytest.mark.parametrize("dropped", ["A", "AAAA"])
async def test_half_an_answer_is_used_if_the_other_half_does_not_come(
    net: Network, resolv_conf: Write, dropped: str
) -> None:
    records = {**SHOP, "shop.example AAAA": ["::1"]}

    def answers(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        kind = dns.rdatatype.to_text(query.question[0].rdtype)
        return [] if kind == dropped else zone(records)(query, transport)

    with dns_server(answers) as server:
        resolv_conf(server.conf)
        async with asyncio.timeout(2):
            found = await addresses(net, "shop.example")

    assert found == (["::1"] if dropped == "A" else ["127.0.0.1"])


async def test_one_failing_family_does_not_hide_the_other(net: Network, resolv_conf: Write) -> None:
    def answers(query: dns.message.Message, transport: str) -> Sequence[bytes]:
        if query.question[0].rdtype == dns.rdatatype.AAAA:
            return saying(dns.rcode.SERVFAIL)(query, transport)
        return zone(SHOP)(query, transport)

    with dns_server(answers) as server:
        resolv_conf(server.conf)
        assert await addresses(net, "shop.example") == ["127.0.0.1"]


async def test_rotate_spreads_the_questions(net: Network, resolv_conf: Write) -> None:
    with dns_server(zone(SHOP)) as one, dns_server(zone(SHOP)) as other:
        resolv_conf(f"{one.conf}{other.conf}options rotate\n")
        for _ in range(4):
            await addresses(net, "shop.example")

    assert len(one.asked) == len(other.asked) == 4


async def test_a_missing_resolv_conf_is_this_machine(
    net: Network, files: tuple[Path, Path]
) -> None:
    files[0].unlink()

    assert (await dns_failure(net, "shop.example.")).startswith("ask nameserver 127.0.0.1: ")


async def test_another_address_is_tried_where_one_refuses(
    net: Network, files: tuple[Path, Path], attempt: Attempt
) -> None:
    with raw_server(Do.HANG, host="127.0.0.1") as target:
        files[1].write_text("127.0.0.2 shop\n127.0.0.3 shop\n127.0.0.1 shop")
        (await net.connect(Endpoint("shop", target.port), attempt)).close()

    assert attempt.facts["ip"] == "127.0.0.1"


async def test_where_all_addresses_refuse_all_are_named(
    net: Network, files: tuple[Path, Path], attempt: Attempt
) -> None:
    files[1].write_text("127.0.0.2 shop\n127.0.0.1 shop")
    with closed_port() as port, pytest.raises(Failure) as failure:
        await net.connect(Endpoint("shop", port), attempt)

    assert str(failure.value) == (
        f"connect to 127.0.0.2:{port}: connection refused; "
        f"connect to 127.0.0.1:{port}: connection refused"
    )


V6 = Address(socket.AF_INET6, "::1")
V4 = Address(socket.AF_INET, "127.0.0.1")
NOWHERE = Address(socket.AF_INET6, "fe80::1")  # without an interface no route leads to it


def test_a_family_without_route_is_left_out() -> None:
    assert routed((NOWHERE, V4)) == (V4,)
    assert routed((NOWHERE,)) == (NOWHERE,)


def test_ipv6_is_first_where_it_has_a_route() -> None:
    if routed((V6, V4)) == (V4,):
        pytest.skip("this machine has no IPv6")

    assert ipv6_first((V4, V6)) == (V6, V4)


async def test_ipv6_literals_are_reached(net: Network, attempt: Attempt) -> None:
    if routed((V6, V4)) == (V4,):
        pytest.skip("this machine has no IPv6")
    with raw_server(Do.HANG, host="::1") as target:
        (await net.connect(Endpoint("::1", target.port), attempt)).close()

    assert (attempt.facts["ip"], attempt.facts["ip_protocol"]) == ("::1", 6)


async def test_the_system_resolver_reads_what_the_system_reads(attempt: Attempt) -> None:
    net = Network(SystemClock(), resolver="system")
    with raw_server(Do.HANG) as target:
        (await net.connect(Endpoint("localhost", target.port), attempt)).close()
        (await net.connect(Endpoint("127.0.0.1", target.port), attempt)).close()
    with pytest.raises(Failure) as failure:
        await net.connect(Endpoint("a b", 1), attempt)
    net.close()

    assert failure.value.reason is Reason.DNS


async def test_the_system_resolver_says_no_as_ours_does(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    net = Network(SystemClock(), resolver="system")
    with pytest.raises(Failure, match="no such host") as failure:
        await net.connect(Endpoint("nothere.example", 1), new_attempt())
    net.close()

    assert failure.value.reason is Reason.DNS
