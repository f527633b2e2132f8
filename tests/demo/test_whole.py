"""`prober demo` as its user types it, and the Ctrl-C that ends it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from prober.config import load
from prober.demo.run import watched
from prober.demo.shop import listen, url_of
from prober.probes import chromium
from tests.tools import missing

ROOT = Path(__file__).parent.parent.parent
NOTHING_OUTSIDE = "--host-resolver-rules='MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'"


@asynccontextmanager
async def demo(folder: Path, shop_url: str) -> AsyncIterator[Process]:
    """In a folder of its own, on ports of its own."""
    shutil.copy(ROOT / "config.yaml", folder)
    shutil.copytree(ROOT / "journeys", folder / "journeys")
    own = {"SHOP_URL": shop_url, "SHOP_ADDRESS": shop_url.removeprefix("http://")}
    none = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "PROBER_CHROMIUM_ARGS": NOTHING_OUTSIDE}
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


async def up(metrics_url: str, names: Collection[str]) -> str:
    """The metrics, once all these checks are up."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(45):
        while True:
            async with session.get(metrics_url) as answer:
                text = await answer.text()
            found = re.findall(r'^probe_success\{check="(.*?)",.*\} 1$', text, re.MULTILINE)
            if {*names} <= {*found}:
                return text
            await asyncio.sleep(0.1)


def free_url() -> str:
    with listen("127.0.0.1", 0, otherwise="") as sock:
        return url_of(sock)


async def test_the_shop_is_watched_until_ctrl_c(tmp_path: Path) -> None:
    shop_url = free_url()
    async with demo(tmp_path, shop_url) as process:
        metrics_url = (await line_with(process, "  metrics")).split()[1]
        text = await up(metrics_url, watched(load(ROOT / "config.yaml", {}).config, os.environ))
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        left = (await asyncio.wait_for(process.stdout.read(), 15)).decode()
        code = await process.wait()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{shop_url}/health")

    assert code == 0
    assert "Traceback" not in left
    assert os.listdir(tmp_path / "data" / "runs") == []
    try:
        chromium.find(os.environ)
    except chromium.NoBrowser as error:
        missing(str(error))
    for name, page in (("login", "/login"), ("order", "confirmation"), ("browse", "home")):
        labels = f'{{check="{name}",region="demo",page="{page}"}}'
        assert f"probe_web_vital_lcp_seconds{labels} " in text
        assert f"probe_web_vital_cls{labels} " in text
    assert 'probe_web_vital_inp_seconds{check="browse",region="demo",page="product"} ' in text
    assert (
        'probe_web_vital_inp_seconds{check="order",region="demo",page="confirmation"} ' not in text
    )


async def test_a_busy_port_is_one_clear_line_and_exit_2(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0, otherwise="") as taken:
        async with demo(tmp_path, url_of(taken)) as process:
            assert process.stdout is not None
            said = (await asyncio.wait_for(process.stdout.read(), 45)).decode()
            code = await process.wait()

    assert code == 2
    assert said.count("\n") == 1
    assert "address already in use; end what listens there, or choose another by SHOP_URL" in said
