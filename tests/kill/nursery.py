"""Where agents come from that are to be killed: `tests.kill.program`, one after the other."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

from tests.agent_process import AgentProcess, served, times_served

ROOT = Path(__file__).parents[2]
STARTS_WITHIN = 60.0  # seconds


@dataclass
class Child:
    """An agent that somebody else has forked, and waits for."""

    pid: int
    ended: asyncio.Task[int]

    @property
    def returncode(self) -> int | None:
        return self.ended.result() if self.ended.done() else None

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, signal: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal)

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)


class Nursery:
    """Of any loop: its pipes are read by threads, each for as long as an agent lives."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kill.program"], cwd=ROOT, stdin=PIPE, stdout=PIPE,
            env={**os.environ, "PYTHONWARNINGS": "error"},
        )  # fmt: skip

    async def start(self, folder: Path, config: str, point: str) -> AgentProcess:
        """The one before has ended. Returns when this one serves, or has ended as well."""
        (folder / "config.yaml").write_text(config)
        before = times_served(folder)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(folder), point]).encode() + b"\n")
        self._process.stdin.flush()
        pid = await asyncio.to_thread(self._number)
        child = Child(pid, asyncio.create_task(asyncio.to_thread(self._number)))
        return await served(AgentProcess(folder, child), before, STARTS_WITHIN)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _number(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@contextmanager
def nursery() -> Iterator[Nursery]:
    one = Nursery()
    try:
        yield one
    finally:
        one.close()
