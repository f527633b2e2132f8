"""What does the doctor's own journey do? It visits a page whose every delay is known.

Its step is called after the browser's version: nothing else of the browser
comes out of a journey.
"""

from __future__ import annotations

from playwright.sync_api import Browser, Page

from prober.journey import PageName, Step, journey


@journey
def known(page: Page, browser: Browser, step: Step, page_name: PageName) -> None:
    with step(f"Chromium {browser.version}"):
        page.goto("/")
        page_name("known")
        page.wait_for_function("() => window.settled")
        page.get_by_role("button").click()
