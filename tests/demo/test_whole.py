"""`prober demo` as its user types it, and the Ctrl-C that ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from prober.demo.shop import listen, url_of

CONFIG = Path(__file__).parent.parent.parent / "config.yaml"


@asynccontextmanager
async def demo(folder: Path, shop_url: str) -> AsyncIterator[Process]:
    """In a folder of its own, on ports of its own."""
    (folder / "config.yaml").write_bytes(CONFIG.read_bytes())
    own = {"SHOP_URL": shop_url, "SHOP_ADDRESS": shop_url.removeprefix("http://")}
    none = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "prober", "--log-level", "warning", "demo"),
        stdout=PIPE,
        stderr=STDOUT,
        cwd=folder,
        env={**os.environ, **own, **none, "PROBER_LISTEN": "127.0.0.1:0"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line_with(process: Process, text: str) -> str:
    assert process.stdout is not None
    said = list[str]()
    async with asyncio.timeout(30):
        while line := (await process.stdout.readline()).decode():
            said.append(line)
            if text in line:
                return line
    raise AssertionError("".join(said))


async def up(metrics_url: str, count: int) -> None:
    """Returns when at least `count` checks are up."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            async with session.get(metrics_url) as answer:
                text = await answer.text()
            lines = [line for line in text.splitlines() if line.startswith("probe_success{")]
            if sum(line.endswith("} 1") for line in lines) >= count:
                return
            await asyncio.sleep(0.1)


def free_url() -> str:
    with listen("127.0.0.1", 0, otherwise="") as sock:
        return url_of(sock)


async def test_the_shop_is_watched_until_ctrl_c(tmp_path: Path) -> None:
    shop_url = free_url()
    async with demo(tmp_path, shop_url) as process:
        metrics_url = (await line_with(process, "  metrics")).split()[1]
        await up(metrics_url, 3)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        left = (await asyncio.wait_for(process.stdout.read(), 15)).decode()
        code = await process.wait()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{shop_url}/health")

    assert code == 0
    assert "Traceback" not in left


async def test_a_busy_port_is_one_clear_line_and_exit_2(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0, otherwise="") as taken:
        async with demo(tmp_path, url_of(taken)) as process:
            assert process.stdout is not None
            said = (await asyncio.wait_for(process.stdout.read(), 20)).decode()
            code = await process.wait()

    assert code == 2
    assert said.count("\n") == 1
    assert "address already in use; end what listens there, or choose another by SHOP_URL" in said
