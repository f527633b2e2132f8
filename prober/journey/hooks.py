"""What has to be done before an author leaves or closes a page?

Its vitals have to be fetched: what it measured goes with it.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextlib import suppress

from playwright import async_api
from playwright.async_api import Error

from prober.journey.either import Browser, CDPSession, Context, Page, driven, session_of, settled

_LEAVING = ("goto", "reload", "go_back", "go_forward", "close")


class Hooks:
    """Stands before the methods of an author's objects by which documents end."""

    def __init__(self, before: Callable[[], Awaitable[None]], *, is_async: bool) -> None:
        self._before, self._is_async = before, is_async
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
        for name in _LEAVING:
            self._stand_before(page, name)
        page.on("crash", self._on_crash)
        with suppress(Error):  # it is closed already
            self.sessions[page] = await session_of(page)

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
