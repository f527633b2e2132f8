"""The demo: the shop as a child process, the agent watching it from this one, and what is said of both."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import webbrowser
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import aiohttp

from prober import agent
from prober.clock import Clock, SystemClock
from prober.config.model import Config
from prober.demo import data, process, shop
from prober.demo.process import Child
from prober.demo.tour import Guide, Pace, tour
from prober.errors import ProberError, StartError
from prober.probes import chromium

Watch: TypeAlias = Callable[[agent.OnReady], Awaitable[None]]


def say(line: str) -> None:
    print(line, flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What a demo is to do besides watching, and how it speaks."""

    break_it: bool = False
    watched: Collection[str] = ()  # the checks that can notice anything
    open_page: bool = True
    say: Callable[[str], None] = say
    pace: Pace = field(default_factory=Pace)
    clock: Clock = field(default_factory=SystemClock)


async def run(
    config: Config, path: Path, *, break_it: bool, on_config: agent.OnConfig = agent.ignore
) -> None:
    """Until SIGTERM or SIGINT. Raises StartError where the shop or the agent cannot listen."""
    await beside(
        lambda on_ready: agent.run(config, path, on_config=on_config, on_ready=on_ready),
        shop_place(os.environ),
        Demo(break_it=break_it, watched=watched(config, os.environ)),
    )


async def beside(watch: Watch, place: tuple[str, int], demo: Demo) -> None:
    """The shop lives as long as `watch` does."""
    sock = shop.listen(*place, otherwise="choose another by SHOP_URL and SHOP_ADDRESS")
    async with process.shop(sock) as child:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        failure: ProberError | None = None
        async with asyncio.TaskGroup() as group:
            company = (
                group.create_task(child.forward(demo.say)),
                group.create_task(_guide(child, ready, demo)),
            )
            try:
                await watch(ready.set_result)
            except ProberError as error:
                failure = error  # raised outside, so that no group is wrapped around it
            finally:
                for task in company:
                    task.cancel()
        if failure is not None:
            raise failure


async def _guide(child: Child, ready: asyncio.Future[str], demo: Demo) -> None:
    agent_url = (await ready).rstrip("/")
    for line in welcome(agent_url, child.url, os.environ):
        demo.say(line)
    if demo.open_page and has_display(os.environ):
        open_in_browser(f"{agent_url}/")
    if not demo.break_it:
        return
    try:
        guide = Guide(say=demo.say, clock=demo.clock, pace=demo.pace, watched=demo.watched)
        await tour(child.url, guide)
    except (aiohttp.ClientError, TimeoutError) as error:
        demo.say(f"The tour is over early, the shop does not answer: {error}")


def watched(config: Config, env: Mapping[str, str]) -> frozenset[str]:
    """The checks that can notice a fault: journeys only where there is a browser."""
    try:
        chromium.find(env)
        blind = ""
    except chromium.NoBrowser:
        blind = "journey"
    return frozenset(check.name for check in config.checks if check.kind != blind)


def welcome(agent_url: str, shop_url: str, env: Mapping[str, str]) -> tuple[str, ...]:
    own = env.get("DEMO_SHOP_PASSWORD")
    password = "that of DEMO_SHOP_PASSWORD" if own else data.PASSWORD
    return (
        "",
        "A small shop, and the agent that watches it. Ctrl-C ends both.",
        "",
        f"  status page  {agent_url}/",
        f"  metrics      {agent_url}/metrics",
        f"  the shop     {shop_url}/  (sign in: {data.EMAIL}, password {password})",
        f"  its pager    {shop_url}/pager  (where alerts arrive, and things can be broken)",
        "",
    )


def shop_place(env: Mapping[str, str]) -> tuple[str, int]:
    """Where the config expects the shop: a port of this machine's, or nothing a demo can start."""
    url = env.get("SHOP_URL") or f"http://{shop.HOST}:{shop.PORT}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        here = ip_address(host).is_loopback
    except ValueError:
        here, host, port = False, "", None
    if not here or not port or parts.scheme != "http" or parts.path not in ("", "/"):
        raise StartError(
            f"SHOP_URL is {url!r}, where the demo cannot start its shop;"
            f" unset it, or write an address of this machine, like http://{shop.HOST}:{shop.PORT}"
        )
    return host, port


def has_display(env: Mapping[str, str]) -> bool:
    return sys.platform == "darwin" or bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"))


def open_in_browser(url: str) -> None:
    """In a thread that nobody waits for: some browsers only return when they are closed."""
    threading.Thread(target=_open, args=(url,), daemon=True, name="open-page").start()


def _open(url: str) -> None:
    try:
        webbrowser.open(url)
    except (webbrowser.Error, OSError):
        say(f"No browser would open {url}")
