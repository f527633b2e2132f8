"""How does a connection become safe, and what is wrong with the certificate where it does not?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from prober.result import Attempt, Fact
from prober.wire import certificate
from prober.wire.connection import Connection
from prober.wire.failure import Failure, OwnFault
from prober.wire.names import ascii_name, literal
from prober.wire.session import Session, Unverified
from prober.wire.tls import Contexts, Offer, TlsPolicy
from prober.wire.turns import Turns

_LOOK = 1.0  # seconds for a second look at a certificate

Again = Callable[[Attempt], Awaitable[Connection]]  # another connection to the same peer


@dataclass(frozen=True, slots=True)
class Handshake:
    """The handshakes with one host under one policy; `offer` is what ALPN offers."""

    contexts: Contexts
    turns: Turns
    host: str
    policy: TlsPolicy
    offer: Offer = ()

    async def shake(self, connection: Connection) -> float:
        """The seconds that we were late. Raises Unverified, Failure or OwnFault.

        Adds the phase tls, and the facts of the session once there is one.
        """
        _, late = await self._shaken(connection)
        return late

    async def _shaken(self, connection: Connection) -> tuple[Session, float]:
        attempt, clock = connection.attempt, connection.clock
        attempt.during = "waiting"  # which is ours
        asked = clock.monotonic()
        context = await self.contexts.get(self.policy, self.offer)
        attempt.during = "tls"
        began, late = clock.monotonic(), 0.0
        session = Session(context, self._server_name)
        try:
            late = await connection.secure(session, self.turns)
        finally:
            attempt.add("tls", clock.monotonic() - began - late)
        attempt.facts.update(_facts(session))
        return session, began - asked + late

    async def explain(
        self, refusal: Unverified, connection: Connection, again: Again | None
    ) -> Failure:
        """Why the peer's certificate is not accepted, with the facts of it.

        A refused handshake shows the certificate at best; a second one, that
        accepts any, also what the two would have spoken. None: no second one.
        """
        attempt = connection.attempt
        attempt.facts.update(certificate.refused(refusal.tls))
        chain = certificate.presented(refusal.tls)
        if again is not None and (session := await self._look(again)) is not None:
            attempt.facts.update(_facts(session))
            chain = certificate.presented(session.tls)
        return self._refused(refusal, chain, connection.clock.now())

    async def _look(self, again: Again) -> Session | None:
        """The session of one that accepts any; None where that does not come about at once."""
        any_ = replace(self, policy=replace(self.policy, insecure_skip_verify=True))
        unheard = Attempt(run_id="", traceparent="")
        try:
            # A bad certificate must not become a timeout because the peer hangs the second time.
            async with asyncio.timeout(_LOOK):
                connection = await again(unheard)
                try:
                    session, _ = await any_._shaken(connection)
                    return session
                finally:
                    connection.close()
        except (Failure, OwnFault, TimeoutError):
            return None

    @property
    def _server_name(self) -> str:
        name = self.policy.server_name or self.host
        address = literal(name)
        return address.ip if address else ascii_name(name).removesuffix(".")

    def _refused(
        self, refusal: Unverified, chain: Sequence[certificate.Certificate], now: float
    ) -> Failure:
        name = self._server_name
        said = certificate.complaint(refusal.code, name, chain, now)
        return Failure(refusal.reason, said or f"certificate of {name} is not accepted: {refusal}")


def _facts(session: Session) -> Mapping[str, Fact]:
    version, cipher = session.tls.version() or "", session.tls.cipher()
    shown = {"TLSv1": "TLS 1.0"}.get(version, version.replace("TLSv", "TLS "))
    return {
        "tls_version": shown,
        "cipher": cipher[0] if cipher else "",
        **certificate.facts(session.tls),
    }
