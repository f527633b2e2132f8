"""What is seen of a journey from outside: vitals, complaints, and a picture of its failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from prober.clock import SystemClock
from prober.journey import console
from prober.journey.browser import Opened
from prober.journey.console import Console
from prober.journey.either import Browser, Context, Page, done
from prober.journey.engine import Engine, attempt
from prober.journey.events import Kept, Order
from prober.journey.evidence import Photographer
from prober.journey.hooks import Hooks
from prober.journey.report import Report
from prober.journey.vitals import Vitals

STEP = 1.0  # seconds that a page has at the end of a step to say what it measured
SHARE, LEAST = 0.05, 0.5  # of the timeout, seconds: what all of that may take of the journey's time
END = 0.8  # and at the end of the journey
STOP = 0.5  # for a page's endless script to be stopped
PICTURE = 2.0
SLACK = 0.2
PAGES = 3  # that are photographed
SCREENSHOT = "screenshot.png"


class Witness:
    def __init__(
        self, order: Order, engine: Engine, report: Report, clock: SystemClock, is_async: bool
    ) -> None:
        self._folder = Path(order.folder)
        self._engine, self._report, self._clock = engine, report, clock
        self._context: Context | None = None
        self._photographer = Photographer(order.hidden_texts)
        self.ours = 0.0  # seconds that this took of the journey's time
        self._may_take = max(LEAST, SHARE * order.timeout)
        self._silent: set[Page] = set()
        self.vitals = Vitals(report.say)
        self.console = Console(self.vitals, clock, report.clean)
        self.hooks = Hooks(self.pull, is_async=is_async)

    async def attach(self, browser: Browser, context: Context) -> None:
        self._context = context
        self.console.attach(context)
        self.hooks.attach(browser, context)
        await self.vitals.attach(context)

    async def pull(self) -> None:
        """While the journey is under way: fetches the vitals of what is open.

        A page that did not answer once is not asked again, and no more time is
        taken than the deadline can spare: what is missing then is asked for at
        the end.
        """
        if self._context is None or self.ours >= self._may_take:
            return
        began = self._clock.monotonic()
        try:
            pages = [page for page in self._context.pages if page not in self._silent]
            self._silent.update(await self.vitals.pull(pages, min(STEP, self._may_take)))
        finally:
            self.ours += self._clock.monotonic() - began

    async def last_look(self, opened: Opened, left: Callable[[], float]) -> None:
        """Fetches the vitals after the journey."""
        silent = await self._asked(opened.context.pages, left)
        for page in silent:
            await attempt(self._engine, min(STOP, left()), partial(self._stop_script, page))
        if silent:
            await self._asked(silent, left)
        self.vitals.tell()

    async def _asked(self, pages: Sequence[Page], left: Callable[[], float]) -> Sequence[Page]:
        """The pages that do not answer."""
        seconds = min(END, left())
        silent = await attempt(
            self._engine,
            min(len(pages) * seconds + SLACK, left()),
            lambda: self.vitals.pull(pages, seconds),
        )
        return pages if silent is None else silent

    async def keep(self, opened: Opened, left: Callable[[], float]) -> None:
        """The evidence of a failure, as far as there is time for it."""
        others = [page for page in opened.context.pages if page is not opened.page]
        for number, page in enumerate([opened.page, *others][:PAGES], 1):
            if not page.is_closed() and page not in self.hooks.crashed and left() > SLACK:
                await self._keep_picture(page, number, left)
        self.write_console()

    def write_console(self) -> None:
        if self.console.write(self._folder):
            self._report.say(Kept(kind="console", name=console.FILE))

    async def _keep_picture(self, page: Page, number: int, left: Callable[[], float]) -> None:
        await attempt(self._engine, min(STOP, left()), partial(self._stop_loading, page))
        seconds = min(PICTURE, left())
        shot = await attempt(
            self._engine, seconds, lambda: self._photographer.picture(page, seconds)
        )
        if shot is not None and shot.shows_secret:
            self.console.note("no screenshot was kept of a page that may show a secret")
        elif shot is not None:
            name = SCREENSHOT if number == 1 else SCREENSHOT.replace(".", f"-{number}.")
            (self._folder / name).write_bytes(shot.png)
            self._report.say(Kept(kind="screenshot", name=name))

    async def _stop_loading(self, page: Page) -> None:
        """A page that still waits for a server cannot be photographed."""
        if session := self.hooks.sessions.get(page):
            await done(session.send("Page.stopLoading"))

    async def _stop_script(self, page: Page) -> None:
        """Ends a script that runs in a page, for ever as it seems."""
        if session := self.hooks.sessions.get(page):
            await done(session.send("Runtime.terminateExecution"))
