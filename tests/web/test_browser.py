"""The page in a real browser: what the script does, under the policy that the page is served with."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from playwright.async_api import Browser, Error, Page, async_playwright, expect

from prober.result import Evidence, Finding, Reason
from tests import tools
from tests.export.samples import REFUSED, UP, Trip, budget, step, visit
from tests.fake_clock import NOON
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


def png(width: int, height: int) -> bytes:
    """A black picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes((width + 7) // 8)) * height)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def way(data_dir: Path) -> Agent:
    """A long journey that failed, with its evidence."""
    folder = data_dir / "evidence" / "eu%2Fway" / "01JD"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(png(1280, 720))
    agent = Agent(data_dir=data_dir)
    agent.bench.add("eu/way", kind="journey")
    steps = [step(f"look at page {number} of many", number) for number in range(49)]
    visits = [
        replace(
            visit(f"/a-long-name-of-a-page/{'x' * number}", lcp=number),
            quality=("no_interaction", "throttled", "stopped_by_input"),
            requests=number + 1,
            attribution={"lcp_url": f"https://shop.example/{'y' * 200}"},
        )
        for number in range(20)
    ]
    budgets = [budget("lcp", one.page, limit=2.5, actual=one.lcp or 0) for one in visits]
    shot = Evidence("screenshot", "evidence/eu%2Fway/01JD/a.png")
    trip = Trip(
        [*steps, step("pay", 5, "no such button " * 20)], visits, [shot],
        budgets=budgets, skipped=["leave " * 20],
    )  # fmt: skip
    agent.bench.run("eu/way", Finding.down(Reason.STEP, "order.py:31"), facts={}, trip=trip)
    return agent


async def test_a_journey_is_readable_at_every_width_folded_and_unfolded(tmp_path: Path) -> None:
    async with browser() as chromium, serving(way(tmp_path)) as client:
        page = await chromium.new_page()
        for width in (320, 400, 1151, 1280):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.goto(str(client.base_url))
            failure = page.get_by_text("no such button").first
            await expect(failure).to_be_visible()
            await expect(page.get_by_text("look at page 7 of many")).to_be_hidden()
            for summary in await page.locator("summary").all():
                await summary.click()

            await expect(page.get_by_text("look at page 7 of many")).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            assert await page.evaluate(OVERFLOWING) == []
            assert await page.evaluate("document.querySelector('table').scrollWidth") <= width


async def test_what_is_unfolded_stays_so_and_the_evidence_opens(tmp_path: Path) -> None:
    agent = way(tmp_path)
    said: list[str] = []
    async with browser() as chromium, serving(agent) as client:
        page = await chromium.new_page()
        page.on("console", lambda message: said.append(message.text))
        await page.goto(str(client.base_url))
        await page.get_by_text("50 steps").click()
        agent.bench.add("new")
        await come_back(page)
        await expect(page.get_by_text("2 checks")).to_be_visible()

        await expect(page.get_by_text("look at page 7 of many")).to_be_visible()
        assert await page.evaluate("document.activeElement.localName") == "summary"
        assert await page.locator("details[open]").count() == 1
        picture = page.get_by_role("img", name="What the browser showed when eu/way failed")
        await picture.scroll_into_view_if_needed()
        await expect(picture).to_have_js_property("naturalWidth", 1280)
        assert said == []
        async with page.expect_navigation() as opened:
            await picture.click()
        answer = await (await opened.value).header_value("content-type")
        assert answer == "image/png"
