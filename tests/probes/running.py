"""How these tests run a check as the agent does: with its deadline, and the message of a timeout."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from prober.clock import Clock, SystemClock
from prober.probes import AnyCheck, Means
from prober.probes.browsers import Browsers, Setup
from prober.pulse import Pulse
from prober.result import Result
from prober.runner import Runner
from prober.secret import Scrubber
from prober.wire.network import Network

_BOUND = 10.0  # seconds beyond the check's own timeout
_NO_SECRETS = Scrubber()


class Calm(Pulse):
    """Of a loop that was late only as it is told, however busy the machine is that tests it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, lambda lag: None)
        self._due = math.inf

    async def run(self) -> None:
        """It has nothing to find out."""

    def was_late(self, seconds: float) -> None:
        """Until now."""
        self._note(self._clock.monotonic(), seconds)


@dataclass(slots=True)
class Names:
    """What the agent's files say: the content of hosts and resolv.conf."""

    hosts: str = ""
    resolv_conf: str = ""

    def written(self, folder: Path) -> tuple[Path, Path]:
        hosts, conf = folder / "hosts", folder / "resolv.conf"
        hosts.write_text(self.hosts)
        conf.write_text(self.resolv_conf)
        return hosts, conf


@asynccontextmanager
async def running(
    net: Network | None = None,
    *,
    clock: Clock | None = None,
    pulse: Pulse | None = None,
    scrub: Scrubber = _NO_SECRETS,
    browsers: Browsers | None = None,
) -> AsyncIterator[Runner]:
    """A runner of what is on this machine; `pulse` beats meanwhile."""
    clock = clock or SystemClock()
    net, pulse = net or Network(clock), pulse or Calm(clock)
    beating = asyncio.create_task(pulse.run())
    try:
        yield Runner(
            region="here",
            clock=clock,
            means=Means(net, browsers or Browsers(clock, Setup(data_dir=Path("nowhere")))),
            pulse=pulse,
            scrub=scrub,
        )
    finally:
        beating.cancel()
        net.close()


async def run(check: AnyCheck, names: Names | None = None) -> Result:
    """One run; raises TimeoutError where it goes on long after its deadline."""
    clock, names = SystemClock(), names or Names()
    with TemporaryDirectory() as folder:
        hosts, conf = names.written(Path(folder))
        net = Network(clock, resolv_conf=conf, hosts=hosts)
        async with running(net, clock=clock) as runner, asyncio.timeout(check.timeout + _BOUND):
            return await runner.run(check)


def why(result: Result) -> tuple[str | None, str]:
    return (result.reason.value if result.reason else None), result.message
