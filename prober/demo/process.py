"""How the demo starts the shop beside the agent, and ends it again.

The shop is a process of its own, so that what is measured does not share the
loop that measures. It listens on a socket that the parent has bound, and holds
the read end of a pipe: when the parent is gone, killed even, the pipe closes
and the shop ends.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from socket import socket

from prober.demo.shop import url_of
from prober.errors import StartError

START_SECONDS = 20.0
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    url: str
    process: Process

    async def forward(self, say: Callable[[str], None]) -> None:
        """Says each line of the shop's; ends with the shop."""
        lines = self.process.stdout
        while lines is not None and (line := await lines.readline()):
            say(line.decode(errors="replace").rstrip("\n"))
        say(f"The shop has ended, with exit code {await self.process.wait()}")


@asynccontextmanager
async def shop(sock: socket) -> AsyncIterator[Child]:
    """The shop listening on `sock`, which it takes over."""
    with sock:
        url = url_of(sock)
        process = await _spawn(sock)
    try:
        await _started(process)
        yield Child(url, process)
    finally:
        await _end(process)


async def _spawn(sock: socket) -> Process:
    fd = sock.fileno()
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "prober.demo.shop", "--fd", str(fd)),
        stdin=PIPE,
        stdout=PIPE,
        pass_fds=(fd,),
        process_group=0,  # Ctrl-C is for the agent: the shop stays until the last notice is out
    )


async def _started(process: Process) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError:
        raise StartError(f"the demo's shop did not start within {START_SECONDS:g} s") from None
    if not line:
        raise StartError(f"the demo's shop did not start (exit code {await process.wait()})")


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
