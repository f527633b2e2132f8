"""What did a journey do, action by action, as Playwright's trace viewer shows it?

What is recorded lies in the run's folder line by line, so that something is
left of it even where the process had to be killed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from playwright.async_api import Error

from prober.journey.either import Context, done, driven, settled
from prober.journey.events import Order
from prober.journey.files import RECORDED, TRACE


class Recorder:
    def __init__(self, order: Order, note: Callable[[str], None], *, is_async: bool) -> None:
        self._note, self._is_async = note, is_async
        self._folder = Path(order.folder)
        self._mode = "none" if order.evidence == "never" else order.trace
        self._context: Context | None = None

    async def begin(self, context: Context) -> None:
        """Before there is a page."""
        if self._mode == "none":
            return
        # Without frames of a film: what they show cannot be cleaned.
        await done(
            context.tracing.start(name=RECORDED, snapshots=self._mode == "full", sources=True)
        )
        self._context = context
        self._stand_before(context)

    def _stand_before(self, context: Context) -> None:
        """There is one recording at a time: an author's own goes first."""
        tracing = context.tracing
        original: Callable[..., object] = tracing.start

        @functools.wraps(original)
        async def later(*args: object, **kwargs: object) -> object:
            await self._give_way()
            return await settled(original(*args, **kwargs))

        @functools.wraps(original)
        def now(*args: object, **kwargs: object) -> object:
            return driven(later(*args, **kwargs))

        setattr(tracing, "start", later if self._is_async else now)  # noqa: B010 - not its type

    async def _give_way(self) -> None:
        if self._context is not None:
            context, self._context = self._context, None
            self._note("the script records a trace itself: the agent's ends here")
            await done(context.tracing.stop())

    async def group(self, name: str) -> None:
        """The actions from now on belong together."""
        if self._context is not None:
            with suppress(Error):
                await done(self._context.tracing.group(name))

    async def ungroup(self) -> None:
        if self._context is not None:
            with suppress(Error):
                await done(self._context.tracing.group_end())

    async def save(self) -> bool:
        """Whether there is a file now. Raises Playwright's Error."""
        if self._context is None:
            return False
        context, self._context = self._context, None
        await done(context.tracing.stop(path=self._folder / TRACE))
        return True
