"""What an author's event handler raises fails the journey, wherever Playwright puts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.result import Outcome, Reason
from tests.journey.running import run
from tests.servers.pages import Page, site

HEAD = """
import asyncio, logging.config
from contextlib import suppress
from playwright.sync_api import Error
from prober.journey import journey
logging.config.dictConfig({"version": 1})  # turns off every logger there is
logging.getLogger().setLevel(logging.CRITICAL)

def check(response):
    assert response.status < 400, response.url

@journey
"""
SHOP = {
    "/": Page("<h1>shop</h1><img src=/none.png>"),
    "/first": Page("<script>fetch('/none.png').then(() => { location = '/next' })</script>"),
    "/next": Page("<h1>next</h1>"),
}
LEAVING = "page.goto('/first'); page.wait_for_url('**/next'); print('got there')"
ASYNC = """
async def later(response):
    await asyncio.sleep(0.02)
    check(response)

@journey
async def look(page, step):
    page.on("response", later)
    async with step("outer"):
        async with step("open"):
            await page.goto("/")
            await page.wait_for_timeout(200)
"""
LATE = """
async def later(message):
    await message.page.title()
    check(missed)

@journey
async def look(page):
    global missed
    missed = await page.goto("/none.png")
    await page.goto("/next")
    page.on("console", later)
    await page.evaluate("() => console.log(1)")
"""


def sync(body: str) -> str:
    return f"{HEAD}def look(page, step):\n    page.on('response', check)\n    {body}\n"


@pytest.mark.parametrize(
    "source",
    [
        sync("page.goto('/')"),
        sync(f"{LEAVING}; 1 / 0"),
        sync("with suppress(Exception): page.goto('/'); page.title()"),
        HEAD.removesuffix("@journey\n") + LATE,
    ],
    ids=["before no other call", "before another failure", "swallowed", "after the function's end"],
)
def test_a_failed_assertion_in_a_handler_fails_the_journey(tmp_path: Path, source: str) -> None:
    with site(SHOP) as it:
        seen = run(tmp_path, source, base_url=it.url)

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.STEP)
    assert seen.ended.message == f"journey.py:10: {it.url}/none.png"
    assert "screenshot.png" in seen.kept


def test_what_a_handler_raised_in_a_step_ends_that_step(tmp_path: Path) -> None:
    source = sync(f"with step('soft', soft=True): {LEAVING}\n    with step('hard'): {LEAVING}")
    with site(SHOP) as it:
        seen = run(tmp_path, source, base_url=it.url)

    soft, hard = (f"journey.py:10: step {n!r}: {it.url}/none.png" for n in ("soft", "hard"))
    assert {n: (one.ok, one.message) for n, one in seen.steps.items()} == {
        "soft": (False, soft),
        "hard": (False, hard),
    }
    assert seen.ended.message == soft
    assert seen.output.count("got there") == 2, "the error came through a call of the author's"


@pytest.mark.parametrize(
    "source",
    [
        sync("with step('outer'):\n        with step('open'): page.goto('/')"),
        HEAD.removesuffix("@journey\n") + ASYNC,
    ],
    ids=["sync", "async"],
)
def test_what_comes_through_at_the_end_of_a_step_is_told_of_it(tmp_path: Path, source: str) -> None:
    with site(SHOP) as it:
        seen = run(tmp_path, source, base_url=it.url)

    message = f"journey.py:10: step 'open': {it.url}/none.png"
    assert [(n, one.ok, one.message) for n, one in seen.steps.items()] == [
        ("open", False, message),
        ("outer", False, message),
    ]
    assert (seen.ended.reason, seen.ended.message) == (Reason.STEP, message)


def test_what_playwright_says_to_a_handler_is_told_by_playwright(tmp_path: Path) -> None:
    source = sync(f"page.on('response', gone); {LEAVING}").replace("status < 400", "status < 500")
    source += "\ndef gone(response):\n    print('asked')\n    raise Error('the page was left')\n"
    with site(SHOP) as it:
        seen = run(tmp_path, source, base_url=it.url)

    assert "asked" in seen.output
    assert seen.ended.outcome is Outcome.UP
