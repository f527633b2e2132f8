"""How does our own coroutine run beside an author's function, sync or async?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Protocol, TypeVar

from playwright.async_api import Error, async_playwright
from playwright.sync_api import sync_playwright

from prober.journey.either import Playwright, driven
from prober.journey.forgotten import Call
from prober.journey.interrupt import Deadline, Elapsed, Interrupt, raised_at
from prober.journey.tasks import Tasks
from prober.journey.tried import Tried
from prober.journey.where import Authors

_Value = TypeVar("_Value")
LISTENERS = 3  # whose errors one call of ours outlives
_LOOK = 0.25  # seconds between two looks at whether a function is to be abandoned


class TooLong(Exception):
    """A bounded call did not return."""


class Engine(Protocol):
    playwright: Playwright | None  # once it has been started

    def is_alone(self) -> bool:
        """Whether nothing of the author's goes on but what asks."""
        ...

    def run(self, main: Coroutine[object, None, None]) -> None:
        """Runs our coroutine to its end."""
        ...

    async def start(self) -> Playwright: ...

    async def bounded(
        self, seconds: float, call: Callable[[], Coroutine[object, None, _Value]]
    ) -> _Value:
        """What the call returns. Raises TooLong.

        While a sync function of the author's is under way its deadline is the bound.
        """
        ...

    async def call(
        self,
        function: Call,
        authors: Authors,
        *,
        abandon: Callable[[BaseException], Coroutine[object, None, None]],
        within: float | None = None,
    ) -> BaseException | None:
        """What the author's function raised, if anything.

        At the deadline, or after `within`, it is ended. If it does not let
        itself be ended, `abandon` runs instead, and this never returns.
        """
        ...


async def attempt(
    engine: Engine, seconds: float, call: Callable[[], Coroutine[object, None, _Value]]
) -> _Value | None:
    """What the call returns; None if it fails, or takes too long.

    What an author's event handler raised, Playwright raises from the next
    call, which may be one of ours: then it is made again.
    """
    for _ in range(LISTENERS):
        with Tried() as tried:
            return await engine.bounded(seconds, call)
        if isinstance(tried.error, Error | TooLong):
            return None
    return None


class SyncEngine:
    def __init__(self, interrupt: Interrupt) -> None:
        self._interrupt = interrupt
        self.playwright: Playwright | None = None

    def is_alone(self) -> bool:
        return True

    def run(self, main: Coroutine[object, None, None]) -> None:
        driven(main)

    async def start(self) -> Playwright:
        self.playwright = sync_playwright().start()
        return self.playwright

    async def bounded(
        self, seconds: float, call: Callable[[], Coroutine[object, None, _Value]]
    ) -> _Value:
        if self._interrupt.under_way:
            return await call()
        try:
            self._interrupt.bound(seconds)
            value = await call()
            self._interrupt.end()
        except Elapsed:
            raise TooLong from None
        finally:
            self._interrupt.end()
        return value

    async def call(
        self,
        function: Call,
        authors: Authors,
        *,
        abandon: Callable[[BaseException], Coroutine[object, None, None]],
        within: float | None = None,
    ) -> BaseException | None:
        # Twice, since a strike may land between the function's end and ours.
        with Tried() as outer:
            with Tried() as inner:
                self._interrupt.begin(
                    authors, abandon=lambda error: driven(abandon(error)), within=within
                )
                function.ran(function(), authors)
            self._interrupt.end()
        self._interrupt.end()
        return inner.error or outer.error


class AsyncEngine:
    def __init__(self, interrupt: Interrupt) -> None:
        self._interrupt = interrupt
        self._loop = asyncio.SelectorEventLoop()
        self._tasks = Tasks(self._loop)
        self.playwright: Playwright | None = None

    def is_alone(self) -> bool:
        return self._tasks.is_alone()

    def run(self, main: Coroutine[object, None, None]) -> None:
        asyncio.set_event_loop(self._loop)
        task = self._loop.create_task(main)
        while not task.done():
            # A strike in a task of the author's ends that task, and comes through the loop too.
            with suppress(Deadline):
                self._loop.run_until_complete(task)
        task.result()

    async def start(self) -> Playwright:
        self.playwright = await async_playwright().start()
        return self.playwright

    async def bounded(
        self, seconds: float, call: Callable[[], Coroutine[object, None, _Value]]
    ) -> _Value:
        try:
            async with asyncio.timeout(seconds):
                return await call()
        except TimeoutError:
            raise TooLong from None

    async def call(
        self,
        function: Call,
        authors: Authors,
        *,
        abandon: Callable[[BaseException], Coroutine[object, None, None]],
        within: float | None = None,
    ) -> BaseException | None:
        task = self._loop.create_task(_called(function, authors))
        self._tasks.follow(task)
        self._interrupt.begin(
            authors, wake=lambda: _cancelled_soon(self._loop, task), within=within
        )
        while not task.done() and not self._interrupt.exhausted:
            await asyncio.wait({task}, timeout=_LOOK)
        self._interrupt.end()
        if not task.done():
            stack = task.get_stack()
            await abandon(raised_at(stack[-1] if stack else None))
        with Tried() as tried:
            return task.result()
        return tried.error


def _cancelled_soon(
    loop: asyncio.AbstractEventLoop, task: asyncio.Task[BaseException | None]
) -> None:
    loop.call_soon_threadsafe(task.cancel)  # a signal handler has to wake the loop


async def _called(function: Call, authors: Authors) -> BaseException | None:
    with Tried() as tried:
        value = function()
        if isinstance(value, Awaitable):
            value = await value
        function.ran(value, authors)
    return tried.error
