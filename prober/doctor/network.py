"""Can the agent listen where it is to, and ask this machine's network for what it needs?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx

from prober.doctor.looks import Machine, Seen
from prober.errors import ProberError, StartError
from prober.probes import AnyCheck
from prober.probes.http import HttpCheck
from prober.probes.journey_settings import JourneyCheck
from prober.probes.tcp import TcpCheck
from prober.result import Attempt
from prober.units import show_duration
from prober.web.server import bind
from prober.wire.failure import Failure
from prober.wire.names import literal
from prober.wire.network import Network

HOSTS = 3  # of the config's that are looked up
WITHIN = 5.0  # seconds, each
ASKED_WITHIN = 2.0  # seconds, who listens on our port


async def ports(machine: Machine) -> Seen:
    settings = machine.config.web
    try:
        await machine.threads.call(lambda: bind(settings.host, settings.port).close())
    except StartError as error:
        if await _is_agent(machine):
            return Seen.ok(f"an agent listens on {settings.listen}")
        return Seen.fail(str(error), "")
    return Seen.ok(f"{settings.listen} is free")


async def _is_agent(machine: Machine) -> bool:
    settings = machine.config.web
    host = settings.host or "127.0.0.1"
    authority = f"[{host}]" if ":" in host else host
    prefix = urlsplit(settings.external_url or "").path
    url = f"http://{authority}:{settings.port}{prefix}/-/healthy"
    with suppress(httpx.HTTPError):
        async with httpx.AsyncClient(trust_env=False, timeout=ASKED_WITHIN) as client:
            return (await client.get(url)).text.startswith("Prober is")
    return False


async def resolver(machine: Machine) -> Seen:
    config, root = machine.config, machine.root
    network = Network(
        machine.clock,
        resolver=config.agent.resolver,
        resolv_conf=root / "etc/resolv.conf",
        hosts=root / "etc/hosts",
    )
    names = list(dict.fromkeys(host for check in config.checks for host in _hosts(check)))[:HOSTS]
    try:
        found = [await _looked_up(network, machine, name) for name in ("localhost", *names)]
    finally:
        network.close()
    if bad := next((seen for seen in found if seen.do), None):
        return bad
    said = ", ".join(seen.found for seen in found[1:])
    return Seen.ok(said or "it knows localhost; the config has no other name to look up")


async def _looked_up(network: Network, machine: Machine, host: str) -> Seen:
    shown = machine.config.scrub(host)
    began = machine.clock.monotonic()
    try:
        async with asyncio.timeout(WITHIN):
            found = await network.look_up(host, Attempt(run_id="", traceparent=""))
    except TimeoutError:
        within = show_duration(WITHIN)
        return Seen.fail(f"no address for {shown!r} within {within}", _ASK)
    except (Failure, ProberError) as error:
        said = machine.config.scrub(str(error))
        is_theirs = said.startswith(("no such host", "host "))
        if is_theirs:
            return Seen.warn(said, "is it the right name?")
        return Seen.fail(f"no address for {shown!r}: {said}", _ASK)
    took = show_duration(machine.clock.monotonic() - began)
    return Seen.ok(f"{shown} is {found.addresses[0].ip} ({took})")


_ASK = "see /etc/resolv.conf, or write agent: {resolver: system}"


def _hosts(check: AnyCheck) -> Iterator[str]:
    """The names that the agent itself looks up for it, or its browser does."""
    match check:
        case TcpCheck():
            yield from _name(check.tcp.endpoint.host)
        case JourneyCheck():
            yield from _name_in(check.journey.base_url or "")
        case HttpCheck():
            if check.http.proxy is None:
                yield from _name_in(check.target)


def _name_in(url: str) -> Iterator[str]:
    with suppress(ValueError):
        yield from _name(urlsplit(url).hostname or "")


def _name(host: str) -> Iterator[str]:
    if host and "{" not in host and literal(host) is None:
        yield host


def icmp(machine: Machine) -> Seen:
    for kind, how in (
        (socket.SOCK_DGRAM, "as any user may"),
        (socket.SOCK_RAW, "with CAP_NET_RAW"),
    ):
        with suppress(OSError):
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
            return Seen.ok(f"pings can be sent, {how}")
    return Seen.warn(
        "no ping can be sent by this user",
        "sysctl -w net.ipv4.ping_group_range='0 2147483647', or give the agent CAP_NET_RAW",
    )
