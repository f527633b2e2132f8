"""The page in a real browser: what the script does, under the policy that the page is served with."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Error, Page, async_playwright, expect

from prober.result import Finding, Reason
from tests import tools
from tests.export.samples import NOON, REFUSED, UP
from tests.web.serve import Agent, serving

SYSTEM = ("chromium-headless-shell", "chromium", "google-chrome")
NOTHING_OUTSIDE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """The system's browser, or Playwright's own; neither is a skip, and in CI a failure."""
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # root has none
    async with async_playwright() as playwright:
        try:
            found = await playwright.chromium.launch(
                executable_path=tools.found(*SYSTEM), args=[NOTHING_OUTSIDE, *sandbox]
            )
        except Error as error:
            tools.missing(f"no browser; scripts/tools gets one ({error})")
        try:
            yield found
        finally:
            await found.close()


async def come_back(page: Page) -> None:
    """What makes a page look for news at once: its tab is chosen again."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_the_page_brings_itself_up_to_date_and_says_when_it_cannot() -> None:
    agent = Agent()
    agent.bench.add("shop")
    agent.bench.run("shop", UP)
    said: list[str] = []
    async with browser() as chromium:
        page = await chromium.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        async with serving(agent) as client:
            await page.goto(str(client.base_url))
            await expect(page.get_by_role("row").nth(1)).to_contain_text("up")
            await page.get_by_role("searchbox").fill("sh")
            agent.bench.run("shop", REFUSED)
            agent.bench.board.alert("shop", "down", "critical", True, NOON)
            await come_back(page)

            await expect(page.get_by_role("row").nth(1)).to_contain_text("connection refused")
            await expect(page).to_have_title("1 down · eu-west-1 · Prober")
            await expect(page.get_by_role("searchbox")).to_have_value("sh")
            await expect(page.get_by_role("alert")).to_be_hidden()
            assert said == []
        await come_back(page)

        await expect(page.get_by_role("alert")).to_contain_text("does not answer")
        await expect(page.get_by_role("row").nth(1)).to_contain_text("connection refused")


OVERFLOWING = """[...document.querySelectorAll("th, td")].filter(cell =>
    cell.scrollWidth > cell.clientWidth + 1 && getComputedStyle(cell).overflow !== "hidden"
).map(cell => cell.className)"""


async def test_the_page_fits_every_width() -> None:
    agent = Agent()
    agent.bench.add("a-long-name/" + "x" * 80, target="https://a.example/" + "y" * 200)
    agent.bench.add("redis", labels={"team": "payments"})
    agent.bench.run("redis", Finding.down(Reason.BODY, "z" * 300))
    for rule in ("down", "slow", "certificate"):
        agent.bench.board.alert("redis", rule, "critical", True, NOON)
    async with browser() as chromium, serving(agent) as client:
        page = await chromium.new_page()
        for width in (320, 768, 1024, 1151, 1281, 1440):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.goto(str(client.base_url))

            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            assert await page.evaluate(OVERFLOWING) == []
            await expect(page.get_by_role("row")).to_have_count(3)
            await expect(page.get_by_role("cell").filter(has_text="body: zzz")).to_be_visible()


async def test_the_page_needs_no_script() -> None:
    agent = Agent()
    agent.bench.add("shop")
    agent.bench.run("shop", REFUSED)
    async with browser() as chromium, serving(agent) as client:
        context = await chromium.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(str(client.base_url))
        await page.get_by_role("searchbox").fill("nothing")
        await page.get_by_role("searchbox").press("Enter")
        await expect(page.get_by_text("No check matches “nothing”.")).to_be_visible()
        await page.get_by_role("link", name="Show all").click()
        await page.get_by_role("link", name="1 down").click()

        await expect(page.get_by_role("row").nth(1)).to_contain_text("connection refused")
