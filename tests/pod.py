"""Containers without an engine: their real command lines in one network of their own.

Every name of a container is 127.0.0.1 in it, and no other network is there. Each has a root made of
this machine's programs and of the files that it mounts, at their very paths; its own processes, of
which its program is the first; its user, its environment and no capabilities. tests/container.py is
what it finds, tests/images.py what an image runs.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from tests import container
from tests.tools import tool

ROOT = Path(__file__).parent.parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NETWORK = 0x40000000  # CLONE_NEWNET
_ISOLATED = ("--mount", "--pid", "--fork", "--kill-child=SIGKILL")
# Whoever dies without saying goodbye takes the containers along.
_WITH_US = ("setpriv", "--pdeathsig", "SIGKILL", "--")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """`command` is whole, entrypoint included; of `health` only programs of this machine are run."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    tmpfs: tuple[str, ...] = ()
    folder: str = "/"
    user: int = 65534
    group: int = 65534
    read_only: bool = True
    health: tuple[str, ...] = ()


class Pod:
    def __init__(self, folder: Path, network: int, names: Sequence[str]) -> None:
        self._folder = folder
        self._network = network
        self._names = names
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._known: dict[str, Container] = {}
        # A thread may be in another network than its process: this one asks.
        self._thread = ThreadPoolExecutor(1, initializer=_join, initargs=(network,))

    async def start(self, one: Container) -> None:
        namespaces = ["nsenter", f"--net=/proc/{self._network}/ns/net", "unshare", *_ISOLATED]
        program = [sys.executable, "-I", container.__file__]
        with (self._folder / f"{one.name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *_WITH_US, *namespaces, "--", *program, env={"PATH": PATH},
                stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        self._running[one.name], self._known[one.name] = process, one
        assert process.stdin is not None
        process.stdin.write(json.dumps(self._world(one)).encode())
        process.stdin.close()

    def _world(self, one: Container) -> container.World:
        return {
            "root": str(self._folder / f"{one.name}.root"),
            "hosts": list(self._names),
            "shown": _shown(),
            "tmpfs": list(one.tmpfs),
            "mounts": [
                {"source": str(it.source), "target": it.target, "writable": it.writable}
                for it in one.mounts
            ],
            "read_only": one.read_only,
            "user": one.user,
            "group": one.group,
            "folder": one.folder,
            "command": list(one.command),
            "env": {"PATH": PATH, **one.env},
        }

    async def ask(
        self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> httpx.Response | None:
        """What the container that the URL names answers; None: nothing does."""
        parts = urlsplit(url)
        assert parts.hostname in (*self._names, "127.0.0.1", "localhost"), url
        here = urlunsplit(parts._replace(netloc=f"127.0.0.1:{parts.port or 80}"))

        def asked() -> httpx.Response | None:
            try:
                with httpx.Client(trust_env=False, timeout=10) as client:
                    return client.request(method, here, headers=headers)
            except httpx.TransportError:
                return None

        return await asyncio.get_running_loop().run_in_executor(self._thread, asked)

    async def run(self, name: str, *command: str) -> int:
        """The exit code of a program in the container, as its user; it says things to NAME.run.log."""
        one = self._known[name]
        pid = self._first(name)
        if pid is None:
            return -1
        namespaces = ["nsenter", f"--target={pid}", "--mount", "--net", "--pid", "--"]
        drop = ["setpriv", f"--reuid={one.user}", f"--regid={one.group}", "--clear-groups", "--"]
        with (self._folder / f"{name}.run.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *_WITH_US, *namespaces, *drop, *command, cwd="/", env={"PATH": PATH, **one.env},
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
            return await process.wait()

    async def healthy(self, name: str) -> bool:
        """What its own health check says; that of a program that has ended is no."""
        if self._running[name].returncode is not None:
            return False
        health = self._known[name].health
        if health[:1] == ("wget",):  # its image has one, this machine perhaps not
            answer = await self.ask(health[-1])
            return answer is not None and answer.is_success
        return await self.run(name, *health) == 0

    def _first(self, name: str) -> int | None:
        """The container's process number 1, by the number that it has here."""
        pid = self._running[name].pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return None
        return int(children[0]) if children else None

    def ended(self) -> list[str]:
        return [name for name, process in self._running.items() if process.returncode is not None]

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text()

    async def stop(self, name: str, within: float = 15.0) -> int:
        """SIGTERM to its process number 1, and the exit code."""
        if (pid := self._first(name)) is not None:
            os.kill(pid, signal.SIGTERM)
        return await asyncio.wait_for(self._running[name].wait(), within)

    async def close(self) -> None:
        for process in self._running.values():
            if process.returncode is None:
                process.kill()  # and with it all that it began
        for process in self._running.values():
            await process.wait()
        self._thread.shutdown()


@asynccontextmanager
async def pod(folder: Path, containers: Sequence[Container]) -> AsyncIterator[Pod]:
    """All of them started; whether they are well is to be asked. Without root: skips."""
    _require()
    # The network lives as long as this does, which ends with its standard input.
    network = await asyncio.create_subprocess_exec(
        *_WITH_US, "unshare", "--net", "--", "sh", "-c", "ip link set lo up && echo up && exec cat",
        env={"PATH": PATH}, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert network.stdout is not None
        assert await network.stdout.readline() == b"up\n"
        it = Pod(folder, network.pid, [one.name for one in containers])
        try:
            for one in containers:
                await it.start(one)
            yield it
        finally:
            await it.close()
    finally:
        if network.stdin is not None:
            network.stdin.close()
        await network.wait()


def _require() -> None:
    for name in ("unshare", "nsenter", "setpriv", "ip", "pivot_root"):
        tool(name)
    if os.geteuid() != 0:
        pytest.skip("containers' namespaces are made by root alone")
    tried = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true"]
    if subprocess.run(tried, capture_output=True, timeout=20).returncode:
        pytest.skip("this machine lets nobody make namespaces")


def _shown() -> list[str]:
    """Where the programs are that tests run, and this package."""
    places = [ROOT, Path(sys.base_prefix), *map(Path.resolve, (ROOT / ".venv", ROOT / ".tools"))]
    return [str(one) for one in places if one.exists() and not _is_program(one)]


def _is_program(path: Path) -> bool:
    return any(path.is_relative_to(place) for place in container.PROGRAMS)


def _join(pid: int) -> None:
    with open(f"/proc/{pid}/ns/net") as network:
        if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _NETWORK):
            raise OSError(ctypes.get_errno(), "this thread could not enter the pod's network")
