"""What probes are handed to reach the network: `connect`, and one last look."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from prober.clock import Clock
from prober.result import Attempt
from prober.wire.connection import Connection
from prober.wire.dial import dial
from prober.wire.failure import Failure, OwnFault
from prober.wire.family import Ip, chosen, sourced
from prober.wire.handshake import Handshake
from prober.wire.kernel import Kernel
from prober.wire.loop import Poller
from prober.wire.names import Watched, literal, parse_hosts, parse_resolv_conf
from prober.wire.reach import reach
from prober.wire.resolve import Found, Resolver, Resolves, SystemResolver
from prober.wire.session import Unverified
from prober.wire.station import Address, Station
from prober.wire.threads import Threads
from prober.wire.tls import Contexts, TlsPolicy
from prober.wire.tunnel import Proxy, tunnel
from prober.wire.turns import Turns

_BOTH = ("h2", "http/1.1")  # by ALPN, the better one first


class Endpoint(NamedTuple):
    """Where to: `host` is a name or an IP literal (IPv6 without brackets).

    `resolved` is an IP literal that is taken instead of asking for `host`'s
    address; `via` is whom to ask for a tunnel, and then it is the proxy's name
    that is looked up, here, and its addresses that `ip` chooses among.
    `http2` offers it by ALPN: `Connection.protocol` tells what came of that.
    `source` is the address of this machine to connect from.
    """

    host: str
    port: int
    tls: TlsPolicy | None = None
    ip: Ip = "auto"
    resolved: str | None = None
    via: Proxy | None = None
    http2: bool = False
    source: str | None = None


class Network:
    """One per agent, made inside the running loop it belongs to."""

    def __init__(
        self,
        clock: Clock,
        *,
        resolver: Literal["auto", "system"] = "auto",
        resolv_conf: Path = Path("/etc/resolv.conf"),
        hosts: Path = Path("/etc/hosts"),
    ) -> None:
        self.clock = clock
        self._poller = Poller()
        self._lookups = Threads()  # of their own: some hang for half a minute
        self._loads = Threads(limit=2)
        self._contexts = Contexts(self._loads)
        self._turns = Turns(clock)
        self._station = Station(clock, self._poller, Kernel.tried())
        # The kernel begins to stamp a moment after the first socket asks for it, and ends with
        # the last: this one asks for as long as we live.
        self._stamped = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._station.kernel.stamp_arrivals(self._stamped)
        self._resolver: Resolves = (
            SystemResolver(self._lookups, clock)
            if resolver == "system"
            else Resolver(
                self._station, Watched(hosts, parse_hosts), Watched(resolv_conf, parse_resolv_conf)
            )
        )

    async def connect(self, to: Endpoint, attempt: Attempt) -> Connection:
        """Resolves, connects, shakes hands; the caller closes. Raises Failure or OwnFault.

        Puts phases (resolve, connect, tls) and facts (ip, ip_protocol,
        dns_lookup_seconds, tls_version, cipher, cert_*, chain_not_after) into
        `attempt`, the certificate's also where it is not accepted.
        """
        began = self.clock.monotonic()
        if to.via is None:
            connection, late = await self._reach(to, attempt)
        else:
            connection, late = await self._tunnelled(to, to.via, attempt)
        if to.tls is not None:
            late += await self._safe(connection, to, to.tls)
        connection.started_at = began + late
        return connection

    async def look_up(self, host: str, attempt: Attempt) -> Found:
        """The addresses of a name, as `connect` finds them. Raises Failure or OwnFault."""
        return await self._resolver.find(host, attempt)

    async def secure(self, connection: Connection, host: str, policy: TlsPolicy) -> None:
        """TLS from here on, where it was plain so far (STARTTLS). Raises Failure or OwnFault.

        Phases and facts as of `connect`.
        """
        handshake = Handshake(self._contexts, self._turns, host, policy)
        try:
            connection.started_at += await handshake.shake(connection)
        except Unverified as refusal:
            raise await handshake.explain(refusal, connection, None) from refusal

    def poll(self) -> None:
        """The last look: hands what the kernel already holds to the coroutines that wait."""
        self._poller.poll()

    def close(self) -> None:
        """Ends what belongs to the network itself; connections are closed by who opened them."""
        self._lookups.close()
        self._loads.close()
        self._poller.close()
        self._stamped.close()

    async def _reach(self, to: Endpoint, attempt: Attempt) -> tuple[Connection, float]:
        """A connection to one of the host's addresses, and how late we were on the way."""
        address = literal(to.resolved or to.host)
        if address is None:
            addresses, late = await self._resolve(to, attempt)
        else:
            addresses, late = (address,), 0.0
            attempt.phases.setdefault("resolve", 0.0)
            attempt.facts.setdefault("dns_lookup_seconds", 0.0)
        if len(addresses) > 1 or to.ip != "auto":
            addresses = chosen(to.host, addresses, to.ip)
        if to.source is not None:
            addresses = sourced(to.host, addresses, to.source)
        connection, later = await reach(addresses, to.port, self._station, attempt)
        return connection, late + later

    async def _resolve(self, to: Endpoint, attempt: Attempt) -> Found:
        if to.resolved is not None:
            raise OwnFault(f"{to.resolved!r}, given for {to.host!r}, is not an IP address")
        attempt.during = "resolve"
        began, late = self.clock.monotonic(), 0.0
        try:
            found = await self._resolver.find(to.host, attempt, to.ip)
            late = found.late
            return found
        finally:
            took = self.clock.monotonic() - began - late
            attempt.add("resolve", took)
            attempt.facts.setdefault("dns_lookup_seconds", max(0.0, took))

    async def _tunnelled(
        self, to: Endpoint, proxy: Proxy, attempt: Attempt
    ) -> tuple[Connection, float]:
        try:
            connection, late = await self._reach(
                Endpoint(proxy.host, proxy.port, ip=to.ip), attempt
            )
        except Failure as failure:
            raise Failure(failure.reason, f"{proxy}: {failure}") from failure
        return connection, late + await self._dig(connection, to, proxy)

    async def _dig(self, connection: Connection, to: Endpoint, proxy: Proxy) -> float:
        """How late we were. A connection that leads no further is closed at once."""
        led = False
        try:
            late = await tunnel(connection, proxy, to.resolved or to.host, to.port)
            led = True
            return late
        finally:
            if not led:
                connection.close()

    async def _safe(self, connection: Connection, to: Endpoint, policy: TlsPolicy) -> float:
        """How late we were. A connection that does not become safe is closed at once."""
        handshake = Handshake(
            self._contexts, self._turns, to.host, policy, _BOTH if to.http2 else ()
        )
        safe = False
        try:
            late = await handshake.shake(connection)
            safe = True
            return late
        except Unverified as refusal:
            connection.close()
            again = partial(self._again, to, connection.address)
            raise await handshake.explain(refusal, connection, again) from refusal
        finally:
            if not safe:
                connection.close()

    async def _again(self, to: Endpoint, address: Address, unheard: Attempt) -> Connection:
        """To the very same peer, without asking for its address."""
        port = to.port if to.via is None else to.via.port
        connection, _ = await dial(address, port, self._station, unheard)
        if to.via is not None:
            await self._dig(connection, to, to.via)
        return connection
