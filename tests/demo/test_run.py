"""The demo as a whole, with somebody in the agent's place who does what a test needs."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Mapping

import aiohttp
import pytest

from prober.agent import OnReady
from prober.demo import run
from prober.demo.run import Demo, beside, has_display, shop_place, welcome
from prober.demo.shop import listen
from prober.demo.tour import STOPS, Pace
from prober.errors import StartError

HERE = ("127.0.0.1", 0)


class Said(list[str]):
    """Lines, and a way to wait for one."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def say(self, line: str) -> None:
        self.append(line)
        self._more.set()

    async def until(self, text: str) -> str:
        async with asyncio.timeout(20):
            while not (found := [line for line in self if text in line]):
                self._more.clear()
                await self._more.wait()
        return found[0]


async def test_the_shop_is_there_for_the_agent_and_gone_after_it() -> None:
    said = Said()

    async def watch(on_ready: OnReady) -> None:
        on_ready("http://127.0.0.1:9620")
        line = await said.until("the shop ")
        said.append(line.split()[2])
        async with aiohttp.ClientSession() as session, session.get(f"{said[-1]}health") as answer:
            assert answer.status == 200

    await beside(watch, HERE, Demo(say=said.say, open_page=False))

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(said[-1])


async def test_breaking_goes_through_its_stops_beside_the_agent() -> None:
    said = Said()
    pace = Pace(before=0.01, unseen=0.01, between=0.01)

    async def watch(on_ready: OnReady) -> None:
        on_ready("http://127.0.0.1:9620/")
        await said.until("That was it")

    await beside(watch, HERE, Demo(break_it=True, say=said.say, open_page=False, pace=pace))

    assert sum("broken: " in line for line in said) == len(STOPS)
    assert sum("healed: " in line for line in said) == len(STOPS)


async def test_what_keeps_the_agent_from_starting_is_raised_as_it_is() -> None:
    async def watch(on_ready: OnReady) -> None:
        raise StartError("127.0.0.1:9620 is in use")

    with pytest.raises(StartError, match=r"127\.0\.0\.1:9620 is in use"):
        await beside(watch, HERE, Demo(open_page=False))


async def test_a_busy_port_keeps_the_demo_from_starting() -> None:
    started = False

    async def watch(on_ready: OnReady) -> None:
        nonlocal started
        started = True

    with (
        listen("127.0.0.1", 0, otherwise="") as taken,
        pytest.raises(StartError, match="address already in use; end what listens there, or"),
    ):
        await beside(watch, taken.getsockname(), Demo(open_page=False))

    assert not started


async def test_the_page_opens_where_there_is_a_display_and_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened, closed = list[str](), threading.Event()

    def open_slowly(url: str) -> bool:
        opened.append(url)
        return closed.wait(20)

    async def watch(on_ready: OnReady) -> None:
        on_ready("http://127.0.0.1:9620")
        await said.until("pager")
        await asyncio.sleep(0)

    monkeypatch.setattr("webbrowser.open", open_slowly)
    monkeypatch.setenv("DISPLAY", ":0")
    said = Said()
    await beside(watch, HERE, Demo(say=said.say))
    closed.set()

    assert opened == ["http://127.0.0.1:9620/"]


@pytest.mark.parametrize(
    ("env", "there"),
    [
        ({}, False),
        ({"DISPLAY": ""}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "w"}, True),
    ],
)
def test_a_display_is_recognized(
    env: Mapping[str, str], there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")

    assert has_display(env) is there


def test_a_browser_that_will_not_open_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(url: str) -> bool:
        raise OSError("no browser")

    monkeypatch.setattr("webbrowser.open", broken)
    run._open("http://127.0.0.1:9620/")

    assert capsys.readouterr().out == "No browser would open http://127.0.0.1:9620/\n"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("", ("127.0.0.1", 9630)),
        ("http://127.0.0.1:9700", ("127.0.0.1", 9700)),
        ("http://127.0.0.2:9700/", ("127.0.0.2", 9700)),
        ("http://[::1]:9700", ("::1", 9700)),
    ],
)
def test_the_shop_starts_where_the_config_looks_for_it(url: str, place: tuple[str, int]) -> None:
    assert shop_place({"SHOP_URL": url}) == place


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:9630",
        "http://shop.example:9630",
        "http://192.0.2.1:9630",
        "http://127.0.0.1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:9630/shop",
        "nonsense",
    ],
)
def test_a_shop_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(StartError, match="where the demo cannot start its shop"):
        shop_place({"SHOP_URL": url})


def test_a_password_of_ones_own_is_not_printed() -> None:
    usual = "\n".join(welcome("http://a", "http://s", {}))
    own = "\n".join(welcome("http://a", "http://s", {"DEMO_SHOP_PASSWORD": "hush-hush"}))

    assert "password open-sesame-42" in usual
    assert "http://a/metrics" in usual
    assert "http://s/pager" in usual
    assert "hush-hush" not in own
