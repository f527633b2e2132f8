"""What has to be done before an author leaves or closes a page?

Its vitals have to be fetched: what it measured goes with it.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextlib import suppress

from playwright import async_api
from playwright.async_api import Error

from prober.journey.either import (
    Browser,
    CDPSession,
    Context,
    Page,
    done,
    driven,
    session_of,
    settled,
)

MOST = 30  # pages that a journey has open at a time
_LEAVING = ("goto", "reload", "go_back", "go_forward", "close")


class Hooks:
    """Stands before the methods of an author's objects by which documents end."""

    def __init__(
        self,
        before: Callable[[], Awaitable[None]],
        *,
        is_async: bool,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._before, self._is_async, self._note = before, is_async, note
        self._open: set[Page] = set()
        self._has_closed_one = False
        self.is_browser_closed = False  # by the author: no fault of ours
        self.crashed: set[Page] = set()
        # Opened with the page: one that is opened later does not get through to a busy page.
        self.sessions: dict[Page, CDPSession] = {}

    def attach(self, browser: Browser, context: Context) -> None:
        self._stand_before(browser, "close", self._closes_browser)
        self._stand_before(context, "close")
        if isinstance(context, async_api.BrowserContext):
            context.on("page", self._on_page_later)
        else:
            context.on("page", self._on_page_now)

    def _on_page_now(self, page: Page) -> None:
        driven(self._on_page_later(page))

    async def _on_page_later(self, page: Page) -> None:
        if len(self._open) >= MOST:
            await self._close(page)
            return
        self._open.add(page)
        page.on("close", self._on_close)
        for name in _LEAVING:
            self._stand_before(page, name)
        page.on("crash", self._on_crash)
        with suppress(Error):  # it is closed already
            self.sessions[page] = await session_of(page)

    async def _close(self, page: Page) -> None:
        """One too many: a site that opens windows without end would use up the machine."""
        if not self._has_closed_one:
            self._has_closed_one = True
            self._note(f"over {MOST} pages were open: those that came then were closed")
        with suppress(Error):
            await done(page.close())

    def _on_close(self, page: Page) -> None:
        self._open.discard(page)

    def _on_crash(self, page: Page) -> None:
        self.crashed.add(page)

    def _closes_browser(self) -> None:
        self.is_browser_closed = True

    def _stand_before(
        self, owner: object, name: str, note: Callable[[], None] = lambda: None
    ) -> None:
        original: Callable[..., object] = getattr(owner, name)

        @functools.wraps(original)
        async def later(*args: object, **kwargs: object) -> object:
            await self._before()
            note()
            return await settled(original(*args, **kwargs))

        @functools.wraps(original)
        def now(*args: object, **kwargs: object) -> object:
            return driven(later(*args, **kwargs))

        setattr(owner, name, later if self._is_async else now)
