"""An application whose `/probe` really probes, with the modules of a config."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from prober.clock import SystemClock
from prober.config import load
from tests.probes.running import running
from tests.web.serve import Agent, serving


@asynccontextmanager
async def probing(folder: Path, config: str) -> AsyncIterator[tuple[Agent, httpx.AsyncClient]]:
    """The agent as far as there is one, and a client whose base is its address."""
    path = folder / "config.yaml"
    path.write_text(config)
    loaded = load(path, {}).config
    clock = SystemClock()
    async with running(clock=clock, scrub=loaded.scrub) as runner:
        agent = Agent(clock=clock, modules=loaded.modules, runner=runner)
        async with serving(agent) as client:
            yield agent, client
