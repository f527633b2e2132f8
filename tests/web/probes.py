"""An application whose `/probe` really probes, with the modules of a config."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from prober.clock import SystemClock
from prober.config import load
from prober.probes import Means
from prober.probes.browsers import Browsers, Setup
from prober.pulse import Pulse
from prober.runner import Runner
from prober.wire.network import Network
from tests.web.serve import Agent, serving


@asynccontextmanager
async def probing(folder: Path, config: str) -> AsyncIterator[tuple[Agent, httpx.AsyncClient]]:
    """The agent as far as there is one, and a client whose base is its address."""
    path = folder / "config.yaml"
    path.write_text(config)
    loaded = load(path, {}).config
    clock = SystemClock()
    net, pulse = Network(clock), Pulse(clock, lambda lag: None)
    beating = asyncio.create_task(pulse.run())
    runner = Runner(
        region="here",
        clock=clock,
        means=Means(net, Browsers(clock, Setup(data_dir=folder))),
        pulse=pulse,
        scrub=loaded.scrub,
    )
    agent = Agent(clock=clock, modules=loaded.modules, runner=runner)
    try:
        async with serving(agent) as client:
            yield agent, client
    finally:
        beating.cancel()
        net.close()
