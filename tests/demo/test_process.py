"""The shop as a child: it starts, it speaks, and it ends with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from prober.demo import process, shop
from prober.errors import StartError

PARENT = """
import asyncio
from prober.demo import process, shop

async def main():
    async with process.shop(shop.listen("127.0.0.1", 0, otherwise="")) as child:
        print(child.process.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def ended(pid: int) -> None:
    """Returns when the process with this id, whosever child it is, has ended."""
    fd = os.pidfd_open(pid)
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(fd, over.set)
    try:
        await asyncio.wait_for(over.wait(), 10)
    finally:
        asyncio.get_running_loop().remove_reader(fd)
        os.close(fd)


async def test_the_shop_answers_once_it_is_there_and_not_afterwards() -> None:
    async with aiohttp.ClientSession() as session:
        async with (
            process.shop(shop.listen("127.0.0.1", 0, otherwise="")) as child,
            session.get(f"{child.url}/health") as answer,
        ):
            status = answer.status
            group = os.getpgid(child.process.pid)
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{child.url}/health")

    assert status == 200
    assert group != os.getpgid(0)  # Ctrl-C in the terminal is not for the shop
    assert child.process.returncode == 0


async def test_what_the_shop_says_is_passed_on_and_so_is_its_end() -> None:
    said: list[str] = []
    message = {
        "version": "4",
        "alerts": [{"status": "firing", "labels": {"check": "x"}, "startsAt": "2026-01-02T10:00Z"}],
    }
    async with (
        process.shop(shop.listen("127.0.0.1", 0, otherwise="")) as child,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(f"{child.url}/pager", json=message) as answer:
            assert answer.status == 200
        child.process.send_signal(signal.SIGKILL)
        await asyncio.wait_for(child.forward(said.append), 10)

    assert said == ["  ALERT     x is down", "The shop has ended, with exit code -9"]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a process by pidfd")
async def test_the_shop_ends_with_its_parent_however_that_ends() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 20))

    waiting = asyncio.create_task(ended(pid))
    await asyncio.sleep(0)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()

    await waiting


async def test_a_shop_that_cannot_start_is_said_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(StartError, match=r"the demo's shop did not start \(exit code 1\)"):
        async with process.shop(shop.listen("127.0.0.1", 0, otherwise="")):
            pass


async def test_a_shop_that_hangs_at_its_start_is_given_up_and_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(silent))
    monkeypatch.setattr(process, "START_SECONDS", 0.05)
    monkeypatch.setattr(process, "STOP_SECONDS", 0.05)

    with pytest.raises(StartError, match=r"did not start within 0\.05 s"):
        async with process.shop(shop.listen("127.0.0.1", 0, otherwise="")):
            pass
