"""How is what an author has left for the end done, within its own time?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from playwright.async_api import Error

from prober.clock import SystemClock
from prober.journey.browser import Opened
from prober.journey.cleanup import SECONDS, Cleanups
from prober.journey.either import Page, new_page
from prober.journey.engine import Engine, TooLong, attempt
from prober.journey.steps import Steps
from prober.journey.where import Authors

NEW_PAGE = 2.0  # seconds
FILMED = 0.3  # for a step to be noted in the trace, where there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidy:
    cleanups: Cleanups
    steps: Steps
    engine: Engine
    authors: Authors
    opened: Opened
    clock: SystemClock
    last_word: Callable[[], None]

    async def up(self) -> None:
        """All of it, the last first; each is a step of the result."""
        until = self.clock.monotonic() + SECONDS
        page = await self._living_page()
        while task := self.cleanups.take():
            name = f"cleanup: {task.name}"
            await attempt(self.engine, FILMED, partial(self.steps.film.group, name))
            running = self.steps.begin(name)
            error = await self.engine.call(
                task.bound(self.opened.page, page),
                self.authors,
                abandon=self._given_up,
                within=max(0.01, until - self.clock.monotonic()),
            )
            self.steps.end(running, error)
            await attempt(self.engine, FILMED, self.steps.film.ungroup)

    async def _given_up(self, error: BaseException) -> None:
        self.steps.give_up(error)
        self.last_word()

    async def _living_page(self) -> Page:
        """The journey's page; a fresh one where that one is dead."""
        page, context = self.opened.page, self.opened.context
        if not page.is_closed():
            return page
        try:
            return await self.engine.bounded(NEW_PAGE, lambda: new_page(context))
        except (Error, TooLong):
            return page
