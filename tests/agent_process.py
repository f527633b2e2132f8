"""A real agent in a process of its own, started as its user would start it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import httpx

PROGRAM = ("-m", "prober")
SERVING = re.compile(r"serving on (http://[^\"\s]+)")
NOTHING: Mapping[str, str] = MappingProxyType({})


class Process(Protocol):
    """As asyncio's own."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    def kill(self) -> None: ...
    def send_signal(self, signal: int) -> None: ...
    async def wait(self) -> int: ...


@dataclass
class AgentProcess:
    folder: Path
    process: Process
    url: str = ""

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return (self.folder / "agent.log").read_text()

    async def get(self, path: str) -> str:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            answer = await client.get(self.url + path.lstrip("/"))
        answer.raise_for_status()
        return answer.text

    async def post(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            return await client.post(self.url + path.lstrip("/"))

    async def check(self, name: str) -> dict[str, object]:
        found = json.loads(await self.get("/api/v1/checks"))["data"]["checks"]
        return next(dict(row) for row in found if row["name"] == name)

    async def metric(self, series: str) -> float | None:
        """The value of the one series that is written exactly so."""
        for line in (await self.get("/metrics")).splitlines():
            if line.startswith(series + " "):
                return float(line.rpartition(" ")[2])
        return None

    async def kill(self) -> None:
        """kill -9, the end that nothing can prepare for."""
        self.process.kill()
        await self.process.wait()

    async def stop(self, within: float = 10.0) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), within)


async def start(
    folder: Path,
    config: str,
    *,
    options: tuple[str, ...] = (),
    program: tuple[str, ...] = PROGRAM,
    env: Mapping[str, str] = NOTHING,
) -> AgentProcess:
    """Starts `prober run` on `config` in `folder`; returns when it serves, or has ended.

    `env` is what its environment has beside that of the tests.
    """
    (folder / "config.yaml").write_text(config)
    before = times_served(folder)
    with (folder / "agent.log").open("a") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *program, *options, "run", "-c", "config.yaml",
            cwd=folder, stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONWARNINGS": "error", **env},
        )  # fmt: skip
    return await served(AgentProcess(folder, process), before)


def times_served(folder: Path) -> int:
    """How often agents in this folder have said that they serve."""
    log = folder / "agent.log"
    return len(SERVING.findall(log.read_text())) if log.exists() else 0


async def served(agent: AgentProcess, before: int, within: float = 40.0) -> AgentProcess:
    """Returns when it serves, which was said `before` so often, or has ended."""

    def serves() -> bool:
        return times_served(agent.folder) > before or agent.process.returncode is not None

    try:
        await until(serves, "the agent serves", within)
    except BaseException:
        await agent.kill()
        raise
    if agent.process.returncode is None:
        agent.url = SERVING.findall(agent.log)[-1]
    return agent


@asynccontextmanager
async def running(
    folder: Path,
    config: str,
    *,
    options: tuple[str, ...] = (),
    program: tuple[str, ...] = PROGRAM,
    env: Mapping[str, str] = NOTHING,
) -> AsyncIterator[AgentProcess]:
    agent = await start(folder, config, options=options, program=program, env=env)
    assert agent.url, agent.log
    try:
        yield agent
    finally:
        if agent.process.returncode is None:
            await agent.kill()


async def until(
    holds: Callable[[], bool] | Callable[[], Awaitable[bool]], what: str, within: float = 20.0
) -> None:
    """Returns when `holds` does; fails, naming `what`, when that takes too long."""
    try:
        async with asyncio.timeout(within):
            while True:
                held = holds()
                if held if isinstance(held, bool) else await held:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"waited {within:g} s in vain: {what}") from None
