"""Does something accept connections at an address, and say what it should?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from prober.check import Check
from prober.probes import tcp_series
from prober.probes.expect import first_failure, judge_certificate, judge_duration
from prober.probes.tcp_dialogue import Dialogue
from prober.probes.tcp_series import SERIES
from prober.probes.tcp_settings import TcpSettings
from prober.result import Assertion, Attempt, Finding, Reason
from prober.wire.connection import Connection
from prober.wire.failure import Failure
from prober.wire.network import Network

__all__ = ["SERIES", "TcpCheck", "TcpSettings", "probe", "reasons"]


def _short_form(value: object) -> object:
    return {"address": value} if isinstance(value, str) else value


class TcpCheck(Check):
    kind: ClassVar[str] = "tcp"

    tcp: Annotated[TcpSettings, BeforeValidator(_short_form)]

    @property
    def target(self) -> str:
        return self.tcp.address


def reasons(check: TcpCheck) -> tuple[Reason, ...]:
    """Why `check` can be down."""
    return tcp_series.reasons(check.tcp)


async def probe(check: TcpCheck, attempt: Attempt, net: Network) -> Finding:
    """Resolves and connects; then TLS and the dialogue, where there are any."""
    try:
        connection = await net.connect(check.tcp.endpoint, attempt)
    except Failure as failure:
        return Finding.down(failure.reason, str(failure))
    try:
        if check.tcp.connects_only:
            return Finding.up(seconds=sum(attempt.phases.values()))
        return await _talked(check.tcp, connection, net)
    finally:
        connection.close()


async def _talked(settings: TcpSettings, connection: Connection, net: Network) -> Finding:
    attempt = connection.attempt
    dialogue = Dialogue(settings, connection, net)
    try:
        await dialogue.hold()
    except Failure as failure:
        made = tuple(dialogue.assertions)
        return Finding.down(failure.reason, str(failure), assertions=made)
    attempt.during = "expect"
    return _judged(settings, attempt, dialogue.assertions, net.clock.now())


def _judged(settings: TcpSettings, attempt: Attempt, made: list[Assertion], now: float) -> Finding:
    seconds = sum(attempt.phases.values())
    not_after = attempt.facts.get("chain_not_after", attempt.facts.get("cert_not_after"))
    ends = not_after if isinstance(not_after, datetime) else None
    judged = (
        *judge_certificate(settings.expect.certificate, ends, now),
        *judge_duration(settings.expect.duration, seconds),
    )
    assertions = (*made, *(one.assertion for one in judged))
    failure = first_failure(judged)
    if failure is None:
        return Finding.up(seconds=seconds, assertions=assertions)
    return Finding.down(failure.reason, failure.message, seconds=seconds, assertions=assertions)
