"""What is said of a call that failed is what stood in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Error, Locator, Page, async_playwright

from prober.journey.where import said
from tests.journey.running import OFFLINE
from tests.tools import browser

HEAD = """Locator.click: Timeout 1000ms exceeded.
Call log:
  - waiting for get_by_role("button", name="Pay")
    - locator resolved to <button>Pay</button>
"""
AGAIN = """  - attempting click action
    2 \u00d7 waiting for element to be visible, enabled and stable
      - {}
    - retrying click action
      - waiting 500ms
"""
COVERED = """  - attempting click action
    - waiting for element to be visible, enabled and stable
    - element is visible, enabled and stable
    - scrolling into view if needed
    - done scrolling
    - {} intercepts pointer events
"""
CLICKED = """    - performing click action
    - click action done
"""
FINISHING = "    - waiting for scheduled navigations to finish\n"
WAITS = 'Locator.click: Timeout 1000ms exceeded (waiting for get_by_role("button", name="Pay")'
NOT_ENABLED = "element is not enabled"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + AGAIN.format(NOT_ENABLED), f"{WAITS}: element is not enabled)"),
        (HEAD + COVERED.format("<div>Hi</div>"), f"{WAITS}: <div>Hi</div> intercepts pointer events)"),
        (HEAD + COVERED.format("x" * 200), f"{WAITS}: {'x' * 73}… intercepts pointer events)"),
        (HEAD + AGAIN.format(NOT_ENABLED) + AGAIN.format("element is inert"), f"{WAITS}: element is inert)"),
        (HEAD + AGAIN.format("the moon is full"), f"{WAITS}: the moon is full)"),
        (HEAD + AGAIN.format("y" * 200), f"{WAITS}: {'y' * 99}…)"),
        (HEAD + AGAIN.format(NOT_ENABLED) + CLICKED, f"{WAITS}: resolved to <button>Pay</button>)"),
        (HEAD + AGAIN.format(NOT_ENABLED) + CLICKED + FINISHING,
         f"{WAITS}: waiting for scheduled navigations to finish)"),
        (HEAD + '    - fill("first\nsecond")\n' + AGAIN.format(NOT_ENABLED), f"{WAITS}: {NOT_ENABLED})"),
        (HEAD.partition("    - loc")[0] + '    - fill("first\nsecond")\n', f"{WAITS})"),
        ("Locator.wait_for: Timeout 9ms exceeded.\nCall log:\n  - waiting for locator(\"p\") to be visible"
         "\n    11 \u00d7 locator resolved to hidden <p>x</p>\n",
         'Locator.wait_for: Timeout 9ms exceeded (waiting for locator("p") to be visible: '
         "resolved to hidden <p>x</p>)"),
        ("Locator.fill: Error: Element is not an <input>\nCall log:\n  - waiting for locator(\"p\")\n"
         "    - locator resolved to <p>x</p>\n",
         'Locator.fill: Error: Element is not an <input> (waiting for locator("p"))'),
        ("Locator expected to be 'a'\nActual value: - b\nCall log:\n  - Expect \"to_match\" locator(\"p\")\n"
         "  - waiting for locator(\"p\")\n    2 \u00d7 locator resolved to <p>x</p>\n"
         '       - unexpected value "- b\n- c"\n\nAria snapshot:\n- heading "all of it"\n',
         "Locator expected to be 'a'; Actual value: - b (waiting for locator(\"p\"))"),
        ("Page.wait_for_url: Timeout 9ms exceeded.\n=========================== logs ====================\n"
         "waiting for navigation to \"**/done\" until \"load\"\n  navigated to \"http://x/login\"\n"
         "  \"load\" event fired\n======================================",
         'Page.wait_for_url: Timeout 9ms exceeded (waiting for navigation to "**/done" until "load": '
         'navigated to "http://x/login")'),
        ("Page.goto: Timeout 9ms exceeded.\nCall log:\n  - navigating to \"http://x/\", waiting until "
         "\"load\"\n", 'Page.goto: Timeout 9ms exceeded (navigating to "http://x/", waiting until "load")'),
        ("Locator.scroll: Timeout 9ms exceeded.\nCall log:\n  - attempting scroll into view action\n"
         "    - element is not visible\n", "Locator.scroll: Timeout 9ms exceeded (element is not visible)"),
        ("APIRequestContext.get: connect ECONNREFUSED\nCall log:\n  - → GET http://x/\n"
         "    - authorization: Bearer abc\n", "APIRequestContext.get: connect ECONNREFUSED"),
        ("Page.evaluate: ReferenceError: nix is not defined\n    at eval (eval at evaluate (:370:30), "
         "<anonymous>:1:1)\n    at eval (<anonymous>)\n",
         "Page.evaluate: ReferenceError: nix is not defined"),
        (HEAD.replace("<button>Pay</button>", '<input type="password" value="open"/>'),
         f'{WAITS}: resolved to <input type="password" value="***"/>)'),
    ],
    ids=["an obstacle", "what covers it", "much that covers it", "the last", "unforeseen", "a long one",
         "overcome", "overcome, and then", "what was typed", "nothing but what was typed",
         "a wait", "no timeout", "an expectation", "a URL", "a navigation", "no locator", "a request",
         "a script's stack", "a password field"],
)  # fmt: skip
def test_of_a_log_the_last_obstacle_is_told(text: str, message: str) -> None:
    assert said(Error(text)) == message


def test_a_long_locator_leaves_room_for_the_obstacle() -> None:
    text = HEAD.replace("Pay", "P" * 500) + AGAIN.format(NOT_ENABLED)

    message = said(Error(text))

    assert len(message) < 200
    assert message.endswith("PPP…: element is not enabled)")


LONG = 4000.0  # milliseconds
COVERED_BY = '<div id="banner">We use cookies</div> intercepts pointer events'
OBSTACLES = """<h1>Shop</h1><div id=banner style="position: fixed; inset: 0">We use cookies</div>
<button>Pay</button><button disabled>Save</button><button style="display: none">Hide</button>
<label>Card <input readonly></label><select aria-label=Size><option>S</select>
<label>Agree <input type=checkbox disabled></label>"""
REAL: dict[str, tuple[Callable[[Page], Awaitable[object]], str]] = {
    "click": (lambda page: button(page, "Pay").click(timeout=LONG), COVERED_BY),
    "hover": (lambda page: button(page, "Pay").hover(timeout=LONG), COVERED_BY),
    "disabled": (lambda page: button(page, "Save").click(timeout=LONG), NOT_ENABLED),
    "hidden": (lambda page: page.get_by_text("Hide").click(timeout=LONG), "element is not visible"),
    "check": (lambda page: page.get_by_label("Agree").check(timeout=LONG), NOT_ENABLED),
    "fill": (
        lambda page: page.get_by_label("Card").fill("x", timeout=LONG),
        "element is not editable",
    ),
    "select": (
        lambda page: page.get_by_label("Size").select_option("XL", timeout=LONG),
        "did not find some options",
    ),
    "wait": (
        lambda page: page.get_by_text("Hide").wait_for(timeout=LONG),
        "resolved to hidden <button>Hide</button>",
    ),
}


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name)


async def test_what_this_playwright_says_is_understood() -> None:
    """All at once: each has its time, in which a busy machine looks at the page at least once."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=browser(), args=[OFFLINE])
        pages = [await opened.new_page() for _ in REAL]
        for page in pages:
            await page.set_content(OBSTACLES)
        calls = [call(page) for (call, _), page in zip(REAL.values(), pages, strict=True)]
        errors = await asyncio.gather(*calls, return_exceptions=True)
        await opened.close()

    messages = [said(error) for error in errors if isinstance(error, Error)]
    obstacles = [message.rpartition(": ")[2].removesuffix(")") for message in messages]
    assert obstacles == [obstacle for _, obstacle in REAL.values()]
