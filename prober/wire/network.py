"""What probes are handed to reach the network: `connect`, and one last look."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from prober.clock import Clock
from prober.result import Attempt, Fact
from prober.wire import certificate
from prober.wire.connection import Connection
from prober.wire.dial import dial
from prober.wire.failure import Failure, OwnFault
from prober.wire.kernel import Kernel
from prober.wire.loop import Poller
from prober.wire.names import Watched, ascii_name, literal, parse_hosts, parse_resolv_conf
from prober.wire.resolve import Found, Resolver, Resolves, SystemResolver
from prober.wire.session import Session, Unverified
from prober.wire.station import Address, Station
from prober.wire.threads import Threads
from prober.wire.tls import Contexts, TlsPolicy

_LOOK = 1.0  # seconds for a second look at a certificate


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to: `host` is a name or an IP literal (IPv6 without brackets)."""

    host: str
    port: int
    tls: TlsPolicy | None = None


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
        addresses, late = await self._resolve(to.host, attempt)
        connection, later = await self._reach(addresses, to.port, attempt)
        late += later
        if to.tls is not None:
            late += await self._safe(connection, to, to.tls)
        connection.started_at = began + late
        return connection

    def poll(self) -> None:
        """The last look: hands what the kernel already holds to the coroutines that wait."""
        self._poller.poll()

    def close(self) -> None:
        """Ends what belongs to the network itself; connections are closed by who opened them."""
        self._lookups.close()
        self._loads.close()
        self._poller.close()
        self._stamped.close()

    async def _resolve(self, host: str, attempt: Attempt) -> Found:
        attempt.during = "resolve"
        began = self.clock.monotonic()
        late = 0.0
        try:
            found = await self._resolver.find(host, attempt)
            late = found.late
            return found
        finally:
            took = self.clock.monotonic() - began - late
            attempt.add("resolve", took)
            attempt.facts.setdefault("dns_lookup_seconds", max(0.0, took))

    async def _reach(
        self, addresses: Sequence[Address], port: int, attempt: Attempt
    ) -> tuple[Connection, float]:
        """The first address that accepts, and how late we were to notice."""
        attempt.during = "connect"
        refusals: list[Failure] = []
        for address in addresses:
            attempt.facts["ip"] = address.ip
            attempt.facts["ip_protocol"] = address.version
            began = self.clock.monotonic()
            late = 0.0
            try:
                connection, took = await dial(address, port, self._station, attempt)
                late = connection.started_at - began - took
                return connection, late
            except Failure as failure:
                refusals.append(failure)
            finally:
                attempt.add("connect", self.clock.monotonic() - began - late)
        raise Failure(refusals[-1].reason, "; ".join(map(str, refusals)))

    async def _safe(self, connection: Connection, to: Endpoint, policy: TlsPolicy) -> float:
        """How late we were. A connection that does not become safe is closed at once."""
        safe = False
        try:
            _, late = await self._secure(connection, to, policy)
            safe = True
            return late
        except Unverified as refusal:
            connection.close()
            raise await self._explained(refusal, to, policy, connection) from refusal
        finally:
            if not safe:
                connection.close()

    async def _secure(
        self, connection: Connection, to: Endpoint, policy: TlsPolicy
    ) -> tuple[Session, float]:
        """The session, and how late we were on the way to it."""
        attempt = connection.attempt
        attempt.during = "waiting"  # which is ours
        asked = self.clock.monotonic()
        context = await self._contexts.get(policy)
        attempt.during = "tls"
        began = self.clock.monotonic()
        session = Session(context, _server_name(to.host, policy))
        late = 0.0
        try:
            late = await connection.secure(session)
        finally:
            attempt.add("tls", self.clock.monotonic() - began - late)
        attempt.facts.update(_facts(session))
        return session, began - asked + late

    async def _explained(
        self, refusal: Unverified, to: Endpoint, policy: TlsPolicy, refused: Connection
    ) -> Failure:
        """A refused handshake hides the certificate; a second one that accepts any shows it."""
        name = _server_name(to.host, policy)
        try:
            # A bad certificate must not become a timeout because the peer hangs the second time.
            async with asyncio.timeout(_LOOK):
                session = await self._look(to, replace(policy, insecure_skip_verify=True), refused)
        except (Failure, OwnFault, TimeoutError):
            return Failure(refusal.reason, f"certificate of {name} is not accepted: {refusal}")
        chain = certificate.presented(session.tls)
        said = certificate.complaint(refusal.code, name, chain, self.clock.now())
        said = said or f"certificate of {name} is not accepted: {refusal}"
        return Failure(refusal.reason, said)

    async def _look(self, to: Endpoint, policy: TlsPolicy, refused: Connection) -> Session:
        unheard = Attempt(run_id="", traceparent="")
        connection, _ = await dial(refused.address, to.port, self._station, unheard)
        try:
            session, _ = await self._secure(connection, to, policy)
        finally:
            connection.close()
        refused.attempt.facts.update(unheard.facts)
        return session


def _server_name(host: str, policy: TlsPolicy) -> str:
    address = literal(policy.server_name or host)
    return address.ip if address else ascii_name(policy.server_name or host).removesuffix(".")


def _facts(session: Session) -> Mapping[str, Fact]:
    version, cipher = session.tls.version() or "", session.tls.cipher()
    shown = {"TLSv1": "TLS 1.0"}.get(version, version.replace("TLSv", "TLS "))
    return {
        "tls_version": shown,
        "cipher": cipher[0] if cipher else "",
        **certificate.facts(session.tls),
    }
