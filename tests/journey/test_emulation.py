from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import JsonValue

from prober.errors import ProberError
from prober.journey.emulation import NETWORKS, options
from prober.journey.events import Order
from prober.result import Outcome, Reason
from tests.journey.running import OFFLINE, run
from tests.servers.pages import Page, site

DEVICES = {
    "Phone": {
        "user_agent": "Phone/1",
        "viewport": {"width": 400, "height": 800},
        "has_touch": True,
        "default_browser_type": "webkit",
    }
}
HEAVY = Page("x" * (100 << 10), type="text/plain")
SECONDS = 0.45  # of the half one that it takes at slow-4g
LIGHT = Page(
    "<!doctype html><meta name=viewport content='width=device-width'><a href=/popup target=_blank>p</a>"
)
LOOK = """
from time import perf_counter
from prober.journey import journey

FETCHED = '''() => {
    const began = performance.now()
    const answer = fetch('/heavy?' + began).then((one) => one.text())
    return answer.then(() => (performance.now() - began) / 1000)
}'''
SEEN = '''[innerWidth, devicePixelRatio, navigator.maxTouchPoints, navigator.userAgent,
    navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone]'''

@journey
async def look(page, context, params):
    began = perf_counter()
    await page.goto("/heavy")
    assert perf_counter() - began >= params["seconds"], "the first page"
    other = await context.new_page()
    began = perf_counter()
    await other.goto("/heavy")
    assert perf_counter() - began >= params["seconds"], "another page"
    await page.goto("/light")
    width, ratio, touch, agent, language, zone = await page.evaluate(SEEN)
    assert (width, ratio, touch) == (412, 2.625, 1)
    assert "Pixel 7" in agent and agent.endswith(" prober-synthetic")
    assert (language, zone) == ("de-CH", "Asia/Tokyo")
    async with page.expect_popup() as popup:
        await page.get_by_role("link").click()
    second = await popup.value
    await second.reload()  # its first document may come before anything can be told of it
    assert await second.evaluate(FETCHED) >= params["seconds"], "a popup"
"""
PACED = """
from prober.journey import journey

@journey
def look(page):
    page.goto("/light")
    page.mouse.move(1, 1)
    page.mouse.move(2, 2)
"""
SYNC = (
    LOOK.replace("(await popup.value)", "popup.value").replace("await ", "").replace("async ", "")
)


def order(**more: JsonValue) -> Order:
    told: dict[str, JsonValue] = {
        "check": "shop",
        "script": "/x.py",
        "run_id": "r",
        "timeout": 9,
        "folder": "/",
    }
    return Order.model_validate(told | more)


def test_a_desktop_is_what_nobody_says_otherwise() -> None:
    assert options(order(base_url="http://a/"), DEVICES, "Own/1") == {
        "base_url": "http://a/",
        "user_agent": "Own/1 prober-synthetic",
        "viewport": {"width": 1280, "height": 720},
    }


def test_context_comes_before_the_device_and_that_before_the_desktop() -> None:
    phone = options(order(device="Phone"), DEVICES, "Own/1")
    assert phone == {
        "user_agent": "Phone/1 prober-synthetic",
        "viewport": {"width": 400, "height": 800},
        "has_touch": True,
    }

    context: JsonValue = {"user_agent": "Mine/1", "has_touch": False, "locale": "de-CH"}
    mine = options(order(device="Phone", context=context), DEVICES, "Own/1")
    assert mine == {
        "user_agent": "Mine/1 prober-synthetic",
        "viewport": {"width": 400, "height": 800},
        "has_touch": False,
        "locale": "de-CH",
    }


def test_without_a_viewport_there_is_none_of_ours() -> None:
    given = options(order(device="Phone", context={"no_viewport": True}), DEVICES, "Own/1")

    assert "viewport" not in given
    assert given["no_viewport"] is True


def test_a_device_that_this_playwright_does_not_know_is_said() -> None:
    with pytest.raises(ProberError, match="'Tablet' is no device that Playwright knows"):
        options(order(device="Tablet"), DEVICES, "Own/1")


def test_each_network_is_quicker_than_the_one_before() -> None:
    listed = list(NETWORKS.values())

    assert listed == sorted(listed, key=lambda one: (one.down, -one.latency))
    assert NETWORKS["slow-4g"].down == 1600


@pytest.mark.parametrize("source", [LOOK, SYNC], ids=["async", "sync"])
def test_a_journey_sees_a_device_a_place_and_a_slow_network_on_every_page(
    tmp_path: Path, source: str
) -> None:
    with site({"/heavy": HEAVY, "/light": LIGHT, "/popup": LIGHT}) as it:
        seen = run(
            tmp_path,
            source,
            base_url=it.url,
            params={"seconds": SECONDS},
            device="Pixel 7",
            network="slow-4g",
            context={"locale": "de-CH", "timezone_id": "Asia/Tokyo"},
        )

    assert (seen.ended.outcome, seen.ended.message) == (Outcome.UP, "")


@pytest.mark.parametrize(
    ("headless", "debug", "is_shown"),
    [(True, False, False), (False, False, True), (True, True, True)],
)
def test_a_browser_is_started_with_a_window_only_for_who_looks_on(
    tmp_path: Path, headless: bool, debug: bool, is_shown: bool
) -> None:
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/switches\n')
    program.chmod(0o700)

    seen = run(tmp_path, SYNC, executable=str(program), headless=headless, debug=debug)

    assert seen.ended.reason is Reason.BROWSER
    switches = (tmp_path / "switches").read_text()
    assert ("--headless" not in switches) is is_shown
    assert OFFLINE in switches


def test_actions_are_as_slow_as_whoever_looks_on_wants(tmp_path: Path) -> None:
    with site({"/light": LIGHT}) as it:
        seen = run(tmp_path, PACED, base_url=it.url, slow_mo=0.2)

    assert (seen.ended.outcome, seen.ended.message) == (Outcome.UP, "")
    assert seen.ended.seconds is not None
    assert seen.ended.seconds >= 0.6
