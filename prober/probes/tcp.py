"""Does something accept connections at an address?"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator

from prober.check import Check, Model
from prober.probes.address import is_name, parse_address
from prober.probes.series import ADDRESS_SERIES, number_series
from prober.result import Attempt, Finding, Reason
from prober.series import Series
from prober.wire.failure import Failure
from prober.wire.network import Endpoint, Network

SERIES: tuple[Series, ...] = (
    *ADDRESS_SERIES,
    number_series(
        "probe_failed_due_to_regex", "1 if a regex made the last run fail.", "regex_failed"
    ),
)


def _address(text: str) -> str:
    return str(parse_address(text))


def _short_form(value: object) -> object:
    return {"address": value} if isinstance(value, str) else value


class TcpSettings(Model):
    address: Annotated[str, AfterValidator(_address)]  # host:port, IPv6 in brackets


class TcpCheck(Check):
    kind: ClassVar[str] = "tcp"

    tcp: Annotated[TcpSettings, BeforeValidator(_short_form)]

    @property
    def target(self) -> str:
        return self.tcp.address


def reasons(check: TcpCheck) -> tuple[Reason, ...]:
    """Why `check` can be down."""
    named = is_name(parse_address(check.tcp.address).host)
    return (*((Reason.DNS,) if named else ()), Reason.CONNECT, Reason.TIMEOUT)


async def probe(check: TcpCheck, attempt: Attempt, net: Network) -> Finding:
    """Resolves and connects, and no more."""
    host, port = parse_address(check.tcp.address)
    try:
        connection = await net.connect(Endpoint(host, port), attempt)
    except Failure as failure:
        return Finding.down(failure.reason, str(failure))
    connection.close()
    return Finding.up(seconds=sum(attempt.phases.values()))
