"""The shop alone, as `python -m prober.demo.shop` runs it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from prober.demo.data import EMAIL
from prober.demo.shop import listen, main, url_of
from prober.errors import StartError


async def start(*options: str, **env: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "prober.demo.shop", *options),
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, **env},
    )


@dataclass(frozen=True)
class Refusal:
    """What the command says when it cannot start."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *options: str) -> tuple[int, str]:
        self.monkeypatch.setattr(sys, "argv", ["shop", *options])
        code = main()
        return code, self.capsys.readouterr().err


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refusal:
    return Refusal(monkeypatch, capsys)


async def test_it_serves_with_the_faults_password_and_file_it_is_given(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    process = await start(
        *("--port", "0", "--database", str(file)),
        DEMO_SHOP_FAULTS="health",
        DEMO_SHOP_PASSWORD="another one",
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    url = line.removeprefix("shop at ").strip()
    account = {"email": EMAIL, "password": "another one"}
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/health") as health:
            pass
        async with session.post(f"{url}/api/login", json=account) as login:
            pass
    process.send_signal(signal.SIGTERM)
    left, said = await asyncio.wait_for(process.communicate(), 10)

    assert (health.status, login.status) == (503, 200)
    assert process.returncode == 0
    assert (left, said) == (b"", b"")
    assert file.exists()


def test_a_busy_port_is_one_clear_line_and_exit_2(refusal: Refusal) -> None:
    with listen("127.0.0.1", 0, otherwise="") as taken:
        port = str(taken.getsockname()[1])
        said = refusal("--port", port)

    assert said == (
        2,
        f"the shop cannot listen on 127.0.0.1:{port}: address already in use;"
        " end what listens there, or choose another by --port\n",
    )


def test_a_file_that_cannot_be_opened_is_one_clear_line(refusal: Refusal, tmp_path: Path) -> None:
    code, said = refusal("--port", "0", "--database", str(tmp_path / "no" / "shop.db"))

    assert code == 2
    assert said.startswith("the shop cannot open ")
    assert said.count("\n") == 1


def test_an_unknown_fault_is_one_clear_line(
    refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_SHOP_FAULTS", "health,fire")
    code, said = refusal("--port", "0")

    assert code == 2
    assert said.startswith("'fire' is not a fault of the shop; there are health, ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("port", [70000, -1])
def test_a_port_that_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(StartError, match=f"cannot listen on port {port}; write 0 to 65535"):
        listen("127.0.0.1", port, otherwise="")


def test_an_address_with_colons_gets_its_brackets() -> None:
    try:
        sock = listen("::1", 0, otherwise="")
    except StartError:
        pytest.skip("no IPv6 here")
    with sock:
        assert url_of(sock).startswith("http://[::1]:")
