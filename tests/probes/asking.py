"""How these tests run a check as the agent does, with what the runner makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prober.clock import Clock, SystemClock
from prober.probes import Means
from prober.probes.browsers import Browsers, Setup
from prober.pulse import Pulse
from prober.result import Result
from prober.runner import Runner
from prober.secret import Scrubber
from prober.wire.network import Network


@asynccontextmanager
async def running(clock: Clock | None = None, secrets: Sequence[str] = ()) -> AsyncIterator[Runner]:
    """A runner on a network of its own, whose config has these secrets."""
    clock = clock or SystemClock()
    net, pulse = Network(clock), Pulse(clock, lambda lag: None)
    beating = asyncio.create_task(pulse.run())
    try:
        yield Runner(
            region="here",
            clock=clock,
            means=Means(net, Browsers(clock, Setup(data_dir=Path("nowhere")))),
            pulse=pulse,
            scrub=Scrubber(secrets),
        )
    finally:
        beating.cancel()
        net.close()


def why(result: Result) -> tuple[str | None, str]:
    return (result.reason.value if result.reason else None), result.message
