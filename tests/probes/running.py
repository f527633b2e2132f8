"""How these tests run a check as the agent does: with its deadline, and the message of a timeout."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from prober.clock import SystemClock
from prober.probes import AnyCheck, Means
from prober.probes.browsers import Browsers, Setup
from prober.pulse import Pulse
from prober.result import Result
from prober.runner import Runner
from prober.secret import Scrubber
from prober.wire.network import Network

_BOUND = 10.0  # seconds beyond the check's own timeout


class Calm(Pulse):
    """Of a loop that is never late, however busy the machine is that tests it."""

    def lag_since(self, moment: float) -> float:
        return 0.0


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


async def run(check: AnyCheck, names: Names | None = None) -> Result:
    """One run; raises TimeoutError where it goes on long after its deadline."""
    clock, names = SystemClock(), names or Names()
    with TemporaryDirectory() as folder:
        hosts, conf = names.written(Path(folder))
        net = Network(clock, resolv_conf=conf, hosts=hosts)
        runner = Runner(
            region="here",
            clock=clock,
            means=Means(net, Browsers(clock, Setup(data_dir=Path("nowhere")))),
            pulse=Calm(clock, lambda lag: None),
            scrub=Scrubber(),
        )
        try:
            async with asyncio.timeout(check.timeout + _BOUND):
                return await runner.run(check)
        finally:
            net.close()
