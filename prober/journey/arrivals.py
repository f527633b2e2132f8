"""What is done with each page of a context before its author can use it?

It is told in a session of the page's own. A popup's first document is on its way
before anybody knows of the popup, and a frame of another site may have a process
of its own: neither is reached.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextlib import suppress

from playwright import async_api
from playwright.async_api import Error

from prober.journey.either import CDPSession, Context, Page, done, driven, session_of, settled

_AT_ONCE = ("goto", "reload", "set_content")  # what an author may do first with a page


class Arrivals:
    """`prepare` gets the session; what it does there, it may do twice."""

    def __init__(self, prepare: Callable[[CDPSession], Awaitable[None]], *, is_async: bool) -> None:
        self._prepare = prepare
        self._is_async = is_async
        self._sessions: dict[Page, CDPSession] = {}
        self._ready: set[Page] = set()

    def attach(self, context: Context) -> None:
        """Before the context has a page."""
        if isinstance(context, async_api.BrowserContext):
            context.on("page", self._on_page)
        else:
            context.on("page", lambda page: driven(self._on_page(page)))

    async def _on_page(self, page: Page) -> None:
        for name in _AT_ONCE:
            self._stand_before(page, name)
        with suppress(Error):  # it is closed already
            await self._made_ready(page)

    async def _made_ready(self, page: Page) -> None:
        """The event of its coming and its author's first call may both be at it: one session."""
        if page in self._ready:
            return
        session = await session_of(page)
        first = self._sessions.setdefault(page, session)
        if first is not session:
            with suppress(Error):
                await done(session.detach())
        await self._prepare(first)
        self._ready.add(page)

    def _stand_before(self, page: Page, name: str) -> None:
        """Its author may be quicker than the event of its coming."""
        original: Callable[..., object] = getattr(page, name)

        @functools.wraps(original)
        async def later(*args: object, **kwargs: object) -> object:
            with suppress(Error):
                await self._made_ready(page)
            return await settled(original(*args, **kwargs))

        @functools.wraps(original)
        def now(*args: object, **kwargs: object) -> object:
            return driven(later(*args, **kwargs))

        setattr(page, name, later if self._is_async else now)
