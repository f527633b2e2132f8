"""Which addresses does a name have? Asked anew each time: a prober must see the truth.

In this order: the name is an address; /etc/hosts; localhost; the nameservers
of resolv.conf, over our own sockets on the loop. The resolver "system" asks
getaddrinfo in threads instead, for machines whose names come from elsewhere.
"""

from __future__ import annotations

import socket
from typing import NamedTuple, Protocol

from prober.clock import Clock
from prober.result import Attempt, Reason
from prober.wire.ask import Heard, ask
from prober.wire.failure import Failure, OwnFault
from prober.wire.family import Ip, ipv6_first, wanted
from prober.wire.message import NXDOMAIN
from prober.wire.names import (
    Hosts,
    ResolvConf,
    Server,
    Watched,
    ascii_name,
    literal,
)
from prober.wire.station import Address, Station
from prober.wire.threads import Threads

_LOCALHOST = (Address(socket.AF_INET6, "::1"), Address(socket.AF_INET, "127.0.0.1"))


class Refusal(Failure):
    """A nameserver answered, but would not say: another name may still do."""


class Found(NamedTuple):
    """At least one address, and the seconds that we were late."""

    addresses: tuple[Address, ...]
    late: float = 0.0


class Resolves(Protocol):
    async def find(self, host: str, attempt: Attempt, ip: Ip = "auto") -> Found:
        """Of both families, but nothing is waited for that `ip` does not want.

        Raises Failure or OwnFault. `attempt.during` is "waiting" while we hold it up.
        """
        ...


class Resolver:
    """The files and nameservers of this machine, on the loop."""

    def __init__(
        self, station: Station, hosts: Watched[Hosts], resolv_conf: Watched[ResolvConf]
    ) -> None:
        self._station = station
        self._hosts = hosts
        self._conf = resolv_conf
        self._turn = 0

    async def find(self, host: str, attempt: Attempt, ip: Ip = "auto") -> Found:
        if (address := literal(host)) is not None:
            return Found((address,))
        name = ascii_name(host)
        bare = name.removesuffix(".")
        if (known := self._hosts.get().get(bare)) is not None:
            return Found(ipv6_first(known))
        if bare == "localhost" or bare.endswith(".localhost"):
            return Found(_LOCALHOST)
        addresses, late = await self._search(host, name, ip)
        return Found(ipv6_first(addresses), late)

    async def _search(self, host: str, name: str, ip: Ip) -> Found:
        """Tries the names that `name` may stand for, and says why none has an address."""
        conf = self._conf.get()
        worst = Failure(Reason.DNS, f"no such host {host!r}")
        total = 0.0
        for candidate in conf.candidates(name):
            try:
                answers, late = await self._ask(candidate, conf, ip)
            except Refusal as refusal:
                worst = refusal
                continue
            total += late
            if found := [address for answer in answers for address in answer.addresses]:
                return Found(tuple(found), total)
            if any(answer.rcode != NXDOMAIN for answer in answers):
                worst = Failure(Reason.DNS, f"host {host!r} has no address")
        raise worst

    async def _ask(self, name: str, conf: ResolvConf, ip: Ip) -> Heard:
        """The first final answers of any nameserver. Raises Refusal, or Failure if all are mute."""
        mute: dict[Server, str] = {}
        refused: dict[Server, str] = {}
        total = 0.0
        for server in self._order(conf) * conf.attempts:
            try:
                answers, late = await ask(self._station, server, name, conf.timeout, ip=ip)
            except Failure as failure:
                mute[server] = str(failure)
                continue
            total += late
            final = len(answers) == 2 and all(answer.final for answer in answers)
            if final or any(answer.has(wanted(ip)) for answer in answers):
                return Heard(answers, total)
            said = next((answer.said for answer in answers if not answer.final), None)
            if said is not None:
                refused[server] = f"nameserver {server} said {said} to {name!r}"
            else:
                mute[server] = f"no answer from nameserver {server} to {name!r}"
        if refused:
            raise Refusal(Reason.DNS, "; ".join(refused.values()))
        raise Failure(Reason.DNS, "; ".join(mute.values()))

    def _order(self, conf: ResolvConf) -> tuple[Server, ...]:
        if not conf.rotate:
            return conf.servers
        self._turn += 1
        first = self._turn % len(conf.servers)
        return conf.servers[first:] + conf.servers[:first]


class SystemResolver:
    """getaddrinfo, which blocks, in threads."""

    def __init__(self, threads: Threads, clock: Clock) -> None:
        self._threads = threads
        self._clock = clock

    async def find(self, host: str, attempt: Attempt, ip: Ip = "auto") -> Found:
        if (address := literal(host)) is not None:
            return Found((address,))
        name = ascii_name(host)
        asked, during = self._clock.monotonic(), attempt.during

        def look_up() -> tuple[float, tuple[Address, ...], float]:
            began = self._clock.monotonic()
            found = _getaddrinfo(name)
            return began, found, self._clock.monotonic()

        def begins() -> None:
            attempt.during = during

        attempt.during = "waiting"
        try:
            began, found, ended = await self._threads.call(look_up, begins)
        except socket.gaierror as error:
            raise _unresolved(host, error) from error
        late = (began - asked) + (self._clock.monotonic() - ended)
        return Found(found, late)


def _getaddrinfo(name: str) -> tuple[Address, ...]:
    infos = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    found = (
        Address(family, str(to[0]), int(to[3]) if len(to) == 4 else 0)
        for family, _, _, _, to in infos
    )
    return tuple(dict.fromkeys(found))


def _unresolved(host: str, error: socket.gaierror) -> Failure | OwnFault:
    if error.errno in (socket.EAI_MEMORY, socket.EAI_SYSTEM):
        return OwnFault(f"look up {host!r}: {error.strerror}")
    if error.errno == socket.EAI_NONAME:
        return Failure(Reason.DNS, f"no such host {host!r}")
    return Failure(Reason.DNS, f"look up {host!r}: {error.strerror}")
