"""The application on a real port, told what to say."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiohttp import web

from prober.clock import Clock
from prober.probes.modules import Module
from prober.runner import Runner
from prober.web.app import Sources, application
from prober.web.probing import Probing
from tests.export.samples import Bench

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loads no certificates, which takes a while


@dataclass
class Agent:
    """The part of an agent that the web asks."""

    bench: Bench = field(default_factory=Bench)
    healthy: bool = True
    ready: bool = True
    changes: Sequence[str] = ()
    fault: Exception | None = None
    reloads: int = 0
    scrapes: int = 0
    notices: Sequence[str] = ()
    external_url: str | None = None
    clock: Clock | None = None
    data_dir: Path = Path("nowhere")
    modules: Mapping[str, Module] = field(default_factory=dict)
    runner: Runner | None = None

    def __post_init__(self) -> None:
        self.probing = Probing(lambda: self.modules, self._probes_with)

    def _probes_with(self) -> Runner:
        assert self.runner is not None
        return self.runner

    async def reload(self) -> Sequence[str]:
        self.reloads += 1
        if self.fault:
            raise self.fault
        return self.changes

    def count_scrape(self) -> None:
        self.scrapes += 1

    def sources(self) -> Sources:
        return Sources(
            board=self.bench.board,
            metrics=self.bench.metrics,
            clock=self.clock or self.bench.clock,
            region="eu-west-1",
            version="0.1.0",
            external_url=self.external_url,
            data_dir=self.data_dir,
            healthy=lambda: self.healthy,
            ready=lambda: self.ready,
            reload=self.reload,
            probing=self.probing,
            before_scrape=self.count_scrape,
            notices=lambda: self.notices,
            severities=lambda: ("critical", "high", "medium"),
        )


@asynccontextmanager
async def serving(
    agent: Agent, change: Callable[[web.Application], None] = lambda _: None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose base is the agent's address."""
    app = application(agent.sources())
    change(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        base = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=base, timeout=10, verify=NO_TLS) as client:
            yield client
    finally:
        await runner.cleanup()
