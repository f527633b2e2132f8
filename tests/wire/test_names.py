from __future__ import annotations

import socket
from pathlib import Path

import pytest

from prober.result import Reason
from prober.wire.failure import Failure
from prober.wire.names import (
    ResolvConf,
    Server,
    Watched,
    ascii_name,
    literal,
    parse_hosts,
    parse_resolv_conf,
)
from prober.wire.station import Address


def v4(ip: str) -> Address:
    return Address(socket.AF_INET, ip)


def v6(ip: str) -> Address:
    return Address(socket.AF_INET6, ip)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.0.0.7", v4("10.0.0.7")),
        ("::1", v6("::1")),
        ("2001:db8::7", v6("2001:db8::7")),
        ("fe80::1%lo", Address(socket.AF_INET6, "fe80::1", socket.if_nametoindex("lo"))),
        ("fe80::1%7", Address(socket.AF_INET6, "fe80::1", 7)),
        ("fe80::1%nowhere", None),
        ("10.0.0", None),
        ("10.0.0.256", None),
        ("x:y", None),
        ("shop.example", None),
        ("", None),
        ("a\0b", None),
    ],
)
def test_literals(host: str, address: Address | None) -> None:
    assert literal(host) == address


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Shop.Example", "shop.example"),
        ("shop.example.", "shop.example."),
        ("_dmarc.x", "_dmarc.x"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("Straße.example", "xn--strae-oqa.example"),
        ("例え.テスト.", "xn--r8jz45g.xn--zckzah."),
    ],
)
def test_names_as_dns_writes_them(host: str, name: str) -> None:
    assert ascii_name(host) == name


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", ".a", "a" * 64, "a." * 127 + "aa", "a b", "ü..x", "ü" * 70]
)
def test_what_cannot_be_a_name_is_dns(host: str) -> None:
    with pytest.raises(Failure, match="is not a host name") as failure:
        ascii_name(host)

    assert failure.value.reason is Reason.DNS


def test_hosts() -> None:
    text = """
    # comment
    127.0.0.1\tlocalhost Loop  # and back
    ::1 localhost localhost
    nonsense x
    10.0.0.7
    10.0.0.7 shop
    10.0.0.8 shop
    """

    assert parse_hosts(text) == {
        "localhost": (v4("127.0.0.1"), v6("::1")),
        "loop": (v4("127.0.0.1"),),
        "shop": (v4("10.0.0.7"), v4("10.0.0.8")),
    }


def test_resolv_conf() -> None:
    text = """
    ; comment
    nameserver 10.0.0.1 # trailing
    nameserver nonsense
    nameserver
    nameserver [127.0.0.1]:5353
    nameserver 2001:db8::1
    nameserver 10.0.0.4
    domain old.example
    search A.example. b.example
    options ndots:2 timeout:3 attempts:4 rotate edns0 unheard:1
    """

    conf = parse_resolv_conf(text)
    assert conf.servers == (
        Server(v4("10.0.0.1")),
        Server(v4("127.0.0.1"), 5353),
        Server(v6("2001:db8::1")),
    )
    assert conf.search == ("a.example", "b.example")
    assert (conf.ndots, conf.timeout, conf.attempts, conf.rotate) == (2, 3, 4, True)


def test_options_out_of_bounds_are_brought_into_them() -> None:
    conf = parse_resolv_conf("options ndots:99 timeout:0 attempts:99 timeout:999\noptions ndots:x")

    assert (conf.ndots, conf.timeout, conf.attempts) == (15, 30, 5)


@pytest.mark.parametrize("text", ["", "nameserver\n", "\0\xff garbage"])
def test_without_a_nameserver_it_is_this_machine(text: str) -> None:
    conf = parse_resolv_conf(text)

    assert conf.servers == (Server(v4("127.0.0.1")),)
    assert (conf.ndots, conf.timeout, conf.attempts, conf.rotate) == (1, 5, 2, False)


@pytest.mark.parametrize(
    ("name", "tried"),
    [
        ("shop", ("shop.a", "shop.b", "shop")),
        ("shop.example", ("shop.example.a", "shop.example.b", "shop.example")),
        ("www.shop.example", ("www.shop.example", "www.shop.example.a", "www.shop.example.b")),
        ("shop.", ("shop",)),
    ],
)
def test_search_and_ndots(name: str, tried: tuple[str, ...]) -> None:
    assert ResolvConf(search=("a", "b"), ndots=2).candidates(name) == tried


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    read: list[str] = []

    def parse(text: str) -> int:
        read.append(text)
        return len(text)

    watched = Watched(path, parse)
    assert [watched.get(), watched.get()] == [0, 0]
    path.write_text("one")
    assert [watched.get(), watched.get()] == [3, 3]
    path.write_text("three")
    assert [watched.get(), watched.get()] == [5, 5]
    path.unlink()
    assert [watched.get(), watched.get()] == [0, 0]
    assert read == ["", "one", "three", ""]


def test_addresses_are_shown_as_urls_write_them() -> None:
    assert v4("10.0.0.7").shown(80) == "10.0.0.7:80"
    assert v6("::1").shown(80) == "[::1]:80"
    assert str(Server(v6("::1"))) == "::1"
    assert str(Server(v6("::1"), 5353)) == "[::1]:5353"
