"""Which way a request goes: addresses, names, versions, and who we are on the way."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from prober.result import Outcome
from tests.probes.looking import look_at
from tests.servers.h2 import Reply, h2_site
from tests.servers.http import Asked, Script, answers, peer, read_request, redirect, reply, site
from tests.servers.tls import Authority


@asynccontextmanager
async def site_on_both() -> AsyncIterator[tuple[int, list[Asked]]]:
    """The same port of ::1 and of 127.0.0.1, and what either was asked."""
    asked: list[Asked] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(reply())

    async with peer(serve) as port:
        other = await asyncio.start_server(_closing(serve), "::1", port)
        try:
            yield port, asked
        finally:
            other.close()


def _closing(script: Script) -> Callable[..., Coroutine[None, None, None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await script(reader, writer)
        writer.close()
        await writer.wait_closed()

    return serve


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@ipv6
async def test_an_ipv6_literal_is_a_host() -> None:
    async with site_on_both() as (port, asked):
        seen = await look_at(f"http://[::1]:{port}/")

    assert (seen.facts["ip"], seen.facts["ip_protocol"]) == ("::1", 6)
    assert asked[0].header("Host") == f"[::1]:{port}"


@ipv6
@pytest.mark.parametrize(
    ("ip", "version"),
    [("prefer6", 6), ("prefer4", 4), ("6", 6), ("4", 4), (6, 6), (4, 4), (None, 6)],
)
async def test_the_family_is_the_users_choice(ip: str | int | None, version: int) -> None:
    async with site_on_both() as (port, _):
        seen = await look_at(f"http://shop.localhost:{port}/", ip=ip)

    assert seen.finding.outcome is Outcome.UP
    assert seen.facts["ip_protocol"] == version


async def test_an_address_of_the_other_family_is_no_way() -> None:
    seen = await look_at("http://127.0.0.1:9/", ip="6")

    assert seen.finding.outcome is Outcome.DOWN
    assert "IPv6" in seen.why[1]


@pytest.mark.parametrize("key", ["shop.example", "SHOP.example", "shop.example:{port}"])
async def test_resolve_says_where_a_host_lives(key: str) -> None:
    async with site({"/": reply()}) as shop:
        key = key.format(port=shop.port)
        seen = await look_at(f"http://shop.example:{shop.port}/", resolve={key: "127.0.0.1"})

    assert seen.finding.outcome is Outcome.UP
    assert shop.asked[0].header("Host") == f"shop.example:{shop.port}"
    assert seen.facts["ip"] == "127.0.0.1"


async def test_resolve_with_a_port_comes_first_and_is_of_that_port_alone() -> None:
    async with site({"/": reply()}) as shop:
        one = f"shop.example:{shop.port}"
        up = await look_at(
            f"http://{one}/", resolve={"shop.example": "127.0.0.9", one: "127.0.0.1"}
        )
        down = await look_at(
            f"http://{one}/", resolve={"shop.example": "127.0.0.9", "shop.example:1": "127.0.0.1"}
        )

    assert up.facts["ip"] == "127.0.0.1"
    assert down.facts["ip"] == "127.0.0.9"


async def test_resolve_and_idn_hold_for_redirects_too() -> None:
    async with site({"/": reply()}) as other, site() as shop:
        shop.pages["/"] = redirect(f"http://bücher.example:{other.port}/")
        seen = await look_at(shop.url(), resolve={"Bücher.example": "127.0.0.1"})

    assert seen.finding.outcome is Outcome.UP
    assert other.asked[0].header("Host") == f"xn--bcher-kva.example:{other.port}"


async def test_a_host_of_the_users_leaves_sni_to_the_url(tmp_path: Path) -> None:
    authority, named = Authority(tmp_path), list[str | None]()
    context = authority.server("shop.example")
    context.sni_callback = lambda _, name, __: named.append(name)
    tls = {"ca_file": authority.ca_file}
    async with site({"/": reply()}, tls=context) as shop:
        for host, more in (
            ("shop.example", {}),
            ("other.example", {"server_name": "shop.example"}),
        ):
            seen = await look_at(
                f"https://{host}:{shop.port}/",
                tls=tls | more,
                resolve={host: "127.0.0.1"},
                headers={"Host": "virtual.example"},
            )
            assert seen.why == (None, "")

    assert named == ["shop.example", "shop.example"]
    assert [asked.header("Host") for asked in shop.asked] == ["virtual.example"] * 2


async def test_http2_is_offered_unless_it_is_not_wanted(tmp_path: Path) -> None:
    authority, offered = Authority(tmp_path), list[str | None]()
    context = authority.server()
    context.set_alpn_protocols(["http/1.1"])

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        offered.append(tls.selected_alpn_protocol())
        writer.write(reply())

    async with peer(note, tls=context) as port:
        for wanted in (True, False):
            seen = await look_at(
                f"https://localhost:{port}/", tls={"ca_file": authority.ca_file}, http2=wanted
            )
            assert seen.facts["http_version"] == "1.1"

    assert offered == ["http/1.1", None]


async def test_http2_is_spoken_where_the_server_knows_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with h2_site(authority.server(), Reply(body=b"hello")) as shop:
        seen = await look_at(
            f"https://localhost:{shop.port}/a",
            method="POST",
            form={"a": "b"},
            auth={"bearer": "hunter2"},
            tls={"ca_file": authority.ca_file},
            expect={"body": {"contains": "hello"}},
        )

    assert seen.why == (None, "")
    assert seen.facts["http_version"] == "2"
    assert shop.bodies == [b"a=b"]
    assert ("authorization", "Bearer hunter2") in shop.asked[0]
    assert ("content-type", "application/x-www-form-urlencoded") in shop.asked[0]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_tls_is_no_newer_than_it_may_be(tmp_path: Path, version: str) -> None:
    authority = Authority(tmp_path)
    async with site({"/": reply()}, tls=authority.server()) as shop:
        seen = await look_at(
            f"https://localhost:{shop.port}/",
            tls={"ca_file": authority.ca_file, "max_version": version},
        )

    assert seen.facts["tls_version"] == f"TLS {version}"


async def test_a_client_certificate_goes_to_the_hosts_own_servers_alone(tmp_path: Path) -> None:
    authority, shown = Authority(tmp_path), dict[str, bool]()
    cert, key = authority.client()

    def asks() -> ssl.SSLContext:
        context = authority.server("localhost", "127.0.0.1")
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(authority.ca_file)
        return context

    async def leads(
        name: str, to: str | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(reader)
        shown[name] = bool(writer.get_extra_info("ssl_object").getpeercert())
        writer.write(redirect(to) if to else reply())

    async def last(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await leads("other", None, reader, writer)

    async with peer(last, tls=asks()) as port:
        second = f"https://127.0.0.1:{port}/"

        async def first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await leads("own", second, reader, writer)

        async with peer(first, tls=asks()) as own:
            plain = answers(redirect(f"https://localhost:{own}/"))
            async with peer(plain) as start:
                seen = await look_at(
                    f"http://localhost:{start}/",
                    tls={"ca_file": authority.ca_file, "cert_file": cert, "key_file": key},
                )

    assert seen.finding.outcome is Outcome.UP
    assert shown == {"own": True, "other": False}


async def test_a_server_name_is_of_the_first_host_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with (
        site({"/": reply()}, tls=authority.server("127.0.0.1")) as other,
        site(tls=authority.server("inner.example")) as shop,
    ):
        shop.pages["/"] = redirect(f"https://127.0.0.1:{other.port}/")
        seen = await look_at(
            f"https://localhost:{shop.port}/",
            tls={"ca_file": authority.ca_file, "server_name": "inner.example"},
        )

    assert seen.why == (None, "")


async def test_what_comes_before_the_answer_is_passed_over() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with peer(answers(early + reply(200, b"ok"))) as port:
        seen = await look_at(f"http://127.0.0.1:{port}/", expect={"body": {"contains": "ok"}})

    assert seen.finding.outcome is Outcome.UP


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "GET"])
async def test_any_method_may_carry_a_body(method: str) -> None:
    async with site({"/": reply()}) as shop:
        await look_at(shop.url(), method=method, body="hällo")

    assert shop.asked[0].method == method
    assert shop.asked[0].body == "hällo".encode()


async def test_userinfo_is_basic_and_never_a_part_of_the_target() -> None:
    async with site({"/a": reply()}) as shop:
        await look_at(f"http://u%40x:p%3Aw@127.0.0.1:{shop.port}/a")

    assert shop.asked[0].target == "/a"
    assert shop.asked[0].header("Authorization") == "Basic dUB4OnA6dw=="
    assert shop.asked[0].header("Host") == f"127.0.0.1:{shop.port}"
