from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from prober.doctor import network
from prober.doctor.looks import Level
from prober.web.server import bind, serving
from tests.doctor.machine import machine
from tests.servers.dns import dns_server, zone


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def test_a_port_that_is_free_is_well_and_stays_free(tmp_path: Path, port: int) -> None:
    it = machine(tmp_path, f"web: {{listen: '127.0.0.1:{port}'}}\n")

    seen = [await network.ports(it) for _ in range(2)]

    assert [(one.level, one.found) for one in seen] == [
        (Level.OK, f"127.0.0.1:{port} is free"),
        (Level.OK, f"127.0.0.1:{port} is free"),
    ]


@pytest.mark.parametrize("said", ["nginx", None])
async def test_a_port_that_somebody_else_has_fails(
    tmp_path: Path, port: int, said: str | None
) -> None:
    """Whether it speaks HTTP or hangs up."""
    app = web.Application()
    if said:
        app.router.add_get("/-/healthy", answering(said))
    it = machine(tmp_path, f"web: {{listen: '127.0.0.1:{port}'}}\n")
    async with serving(app, bind("127.0.0.1", port)):
        seen = await network.ports(it)

    assert seen.level is Level.FAIL
    assert "the port is in use; stop what listens there or set web.listen" in seen.found


async def test_a_port_that_an_agent_has_is_well_also_behind_a_prefix(
    tmp_path: Path, port: int
) -> None:
    external = "external_url: https://prober.example.com/eu"
    it = machine(tmp_path, f"web: {{listen: '127.0.0.1:{port}', {external}}}\n")
    app = web.Application()
    app.router.add_get("/eu/-/healthy", answering("Prober is Healthy."))
    async with serving(app, bind("127.0.0.1", port)):
        seen = await network.ports(it)

    assert (seen.level, seen.found) == (Level.OK, f"an agent listens on 127.0.0.1:{port}")


def answering(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text)

    return answer


CHECKS = """[
  {name: a, http: 'https://shop.example/x'}, {name: b, http: 'https://shop.example/y'},
  {name: c, tcp: '10.0.0.7:80'}, {name: d, tcp: 'redis.example:6379'}
]"""


async def test_the_names_of_the_config_are_looked_up_as_the_agent_does(tmp_path: Path) -> None:
    answers = zone({"shop.example A": ["10.0.0.1"], "redis.example A": ["10.0.0.2"]})
    with dns_server(answers) as server:
        files = {"etc/resolv.conf": server.conf}
        seen = await network.resolver(machine(tmp_path, checks=CHECKS, files=files))
        known = await network.resolver(machine(tmp_path, files=files))

    assert seen.level is Level.OK
    assert "shop.example is 10.0.0.1 (" in seen.found
    assert "redis.example is 10.0.0.2 (" in seen.found
    assert known.found == "it knows localhost; the config has no other name to look up"


async def test_a_name_that_nobody_knows_is_a_warning_and_no_nameserver_a_failure(
    tmp_path: Path, port: int
) -> None:
    with dns_server(zone({"shop.example A": ["10.0.0.1"]})) as server:
        files = {"etc/resolv.conf": server.conf}
        unknown = await network.resolver(machine(tmp_path, checks=CHECKS, files=files))
    files = {"etc/resolv.conf": f"nameserver [127.0.0.1]:{port}\noptions timeout:1 attempts:1\n"}
    mute = await network.resolver(machine(tmp_path, checks=CHECKS, files=files))

    assert (unknown.level, unknown.found) == (Level.WARN, "no such host 'redis.example'")
    assert mute.level is Level.FAIL
    assert "shop.example" in mute.found
    assert "resolv.conf" in mute.do


async def test_it_says_whether_pings_can_be_sent(tmp_path: Path) -> None:
    seen = network.icmp(machine(tmp_path))

    assert seen.level in (Level.OK, Level.WARN)
    assert "ping" in seen.found
