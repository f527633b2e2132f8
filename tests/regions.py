"""Three regions as their users run them: an agent each, one Prometheus and one Alertmanager that join them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import httpx

from tests import tools
from tests.agent_process import AgentProcess, start, until
from tests.command import prober
from tests.servers.program import program
from tests.servers.receivers import Receiver, free_port, receiver
from tests.tools import tool

NAMES = ("eu", "us", "ap")
CONFIG = """
agent: {region: eu, data_dir: ./data}
regions: [eu, us, ap]
quorum: 2
prometheus: {job: prober, scrape_interval: 1s}
defaults: {interval: 1s, timeout: 950ms}
checks:
  - {name: shop, http: "${TARGET:-http://127.0.0.1:1/}shop"}
alerts:
  down: {when: {failures: 3}, resolve: {successes: 2}}
  errors: {when: {error_rate: 40%, over: 10s}}
slos: [{name: up, availability: 99.9%}]
connectivity: ["${TARGET:-http://127.0.0.1:1/}connectivity"]
"""
PROMETHEUS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [prober-rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]}}
scrape_configs:
  - {{job_name: prober, honor_labels: true, static_configs: [{{targets: [{agents}]}}]}}
"""
ALERTMANAGER = """
route:
  {{receiver: rest, group_by: [alertname, check], group_wait: 200ms, group_interval: 1s, repeat_interval: 1h,
   routes: [{{receiver: page, matchers: [severity="critical"]}}]}}
receivers:
  - {{name: page, webhook_configs: [{{url: "{hook}/page", send_resolved: true}}]}}
  - {{name: rest, webhook_configs: [{{url: "{hook}/rest", send_resolved: true}}]}}
"""


@dataclass
class World:
    """What an agent sees from its region: a shop that is broken or not, or nothing at all."""

    is_broken: bool = False
    is_cut_off: bool = False
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if not self.is_cut_off:
                status = b"500 Broken" if self.is_broken and b"/shop" in head else b"200 OK"
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # an agent that was killed
        finally:
            writer.close()


@dataclass
class Region:
    name: str
    folder: Path
    world: World
    port: int = field(default_factory=free_port)
    agent: AgentProcess | None = None

    async def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        listen = f"127.0.0.1:{self.port}"
        env = {"PROBER_REGION": self.name, "PROBER_LISTEN": listen, "TARGET": self.world.url}
        self.agent = await start(self.folder, CONFIG, env=env)
        assert self.agent.url, self.agent.log

    async def kill(self) -> None:
        if self.agent is not None and self.agent.process.returncode is None:
            await self.agent.kill()


class Told(NamedTuple):
    alertname: str
    check: str
    region: str
    status: str


@dataclass
class Regions:
    eu: Region
    us: Region
    ap: Region
    prometheus: str
    hook: Receiver

    def told(self, path: str) -> list[Told]:
        """Every alert in what came to this path of the webhook, in order."""
        bodies = [json.loads(one.raw) for one in self.hook.received if one.path == path]
        return [
            Told(labels["alertname"], labels.get("check", ""), labels.get("region", ""), one["status"])
            for body in bodies
            for one in body["alerts"]
            for labels in [one["labels"]]
        ]  # fmt: skip

    @property
    def pages(self) -> list[tuple[str, str, str]]:
        return [(one.alertname, one.check, one.status) for one in self.told("/page")]

    async def query(self, expr: str) -> list[dict[str, str]]:
        """The labels of the series that it gives."""
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                url = f"{self.prometheus}/api/v1/query"
                answer = await client.get(url, params={"query": expr})
            except httpx.TransportError:
                return []  # it is still starting
        found = answer.json() if answer.status_code == 200 else {"data": {"result": []}}
        return [row["metric"] for row in found["data"]["result"]]

    async def sees(self, expr: str, count: int = 1) -> None:
        """Returns when Prometheus has so many series of it."""

        async def seen() -> bool:
            return len(await self.query(expr)) == count

        await until(seen, f"{count} of {expr}", 30)

    async def paged(self, count: int) -> None:
        """Returns when so many pages came."""
        await until(lambda: len(self.pages) >= count, f"{count} pages, there are {self.pages}", 30)

    async def mentioned(self, *wanted: Told) -> None:
        """Returns when all of this came, without waking anybody."""
        await until(lambda: set(wanted) <= set(self.told("/rest")), f"{wanted} at /rest", 30)


@asynccontextmanager
async def _world() -> AsyncIterator[World]:
    world = World()
    server = await asyncio.start_server(world.serve, "127.0.0.1", 0)
    world.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield world
    finally:
        server.close()


def generate(folder: Path) -> None:
    """What a user does once: `prober rules -o .`"""
    (folder / "config.yaml").write_text(CONFIG)
    done = prober(folder, "rules", "-o", ".")
    assert done.returncode == 0, done.stderr


@asynccontextmanager
async def regions(folder: Path) -> AsyncIterator[Regions]:
    """All of it started; the agents have been seen by Prometheus when it is given."""
    alertmanager, prometheus = free_port(), free_port()
    async with AsyncExitStack() as stack:
        hook = await stack.enter_async_context(receiver())
        places = [
            Region(name, folder / name, await stack.enter_async_context(_world())) for name in NAMES
        ]
        targets = ", ".join(f'"127.0.0.1:{place.port}"' for place in places)
        own = f"127.0.0.1:{alertmanager}"
        text = PROMETHEUS.format(alertmanager=own, agents=targets)
        (folder / "prometheus.yml").write_text(text)
        inhibitions = (folder / "prober-inhibit.yml").read_text()
        (folder / "alertmanager.yml").write_text(ALERTMANAGER.format(hook=hook.url) + inhibitions)
        await stack.enter_async_context(
            program(
                folder, tools.alertmanager(),
                "--config.file=alertmanager.yml", "--storage.path=am", "--cluster.listen-address=",
                f"--web.listen-address={own}",
            )
        )  # fmt: skip
        for place in places:
            stack.push_async_callback(place.kill)
        await asyncio.gather(*(place.start() for place in places))
        # Not before them: on a slow machine it would be blind for long enough to say so.
        await stack.enter_async_context(
            program(
                folder, tool("prometheus"), "--config.file=prometheus.yml",
                "--storage.tsdb.path=tsdb", "--scrape.discovery-reload-interval=100ms",
                f"--web.listen-address=127.0.0.1:{prometheus}",
            )
        )  # fmt: skip
        eu, us, ap = places
        all_of_it = Regions(eu, us, ap, f"http://127.0.0.1:{prometheus}", hook)
        await all_of_it.sees('probe_success{check="shop"} == 1', 3)
        yield all_of_it
