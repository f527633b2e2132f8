"""How these tests run one attempt, with a deadline in place of the runner's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prober.clock import SystemClock
from prober.probes import AnyCheck, Means, http, probe, tcp
from prober.probes.browsers import Browsers, Setup
from prober.result import Attempt, Fact, Finding, Result
from prober.wire.network import Network

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, slots=True)
class Seen:
    check: AnyCheck
    finding: Finding
    attempt: Attempt

    @property
    def facts(self) -> Mapping[str, Fact]:
        return self.attempt.facts

    @property
    def why(self) -> tuple[str | None, str]:
        reason = self.finding.reason
        return (reason.value if reason else None), self.finding.message

    @property
    def result(self) -> Result:
        """As the runner stamps it, with made-up times."""
        return Result(
            check=self.check.name,
            kind=self.check.kind,
            region="here",
            run_id=self.attempt.run_id,
            traceparent=self.attempt.traceparent,
            started_at=1_777_600_000.0,
            seconds=self.finding.seconds or 0.0,
            attempts=1,
            finding=self.finding,
            phases=self.attempt.phases,
            facts=self.attempt.facts,
        )


async def look(check: AnyCheck, within: float = 5.0, attempt: Attempt | None = None) -> Seen:
    """One attempt; raises TimeoutError where it does not end by itself."""
    attempt = attempt or Attempt(run_id="01J0000000000000000000RUN1", traceparent=TRACE)
    clock = SystemClock()
    net, browsers = Network(clock), Browsers(clock, Setup(data_dir=Path("nowhere")))
    try:
        async with asyncio.timeout(within):
            return Seen(check, await probe(check, attempt, Means(net, browsers)), attempt)
    finally:
        net.close()


def http_check(url: str, **settings: object) -> http.HttpCheck:
    return http.HttpCheck.model_validate({"name": "shop", "http": {"url": url} | settings})


async def look_at(url: str, within: float = 5.0, **settings: object) -> Seen:
    """One attempt of an HTTP check called `shop`."""
    return await look(http_check(url, **settings), within)


async def connect_to(address: str) -> Seen:
    """One attempt of a TCP check called `mail`."""
    return await look(tcp.TcpCheck.model_validate({"name": "mail", "tcp": address}))
