"""What is seen of a journey from outside: vitals, complaints, and what explains its failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from prober.clock import SystemClock
from prober.journey.browser import Opened
from prober.journey.console import Console
from prober.journey.either import Browser, Context, Page, content_of, done
from prober.journey.engine import Engine, attempt
from prober.journey.events import Kept, Order
from prober.journey.evidence import Photographer
from prober.journey.exchanges import Exchanges
from prober.journey.files import CONSOLE, HAR, TRACE
from prober.journey.hooks import Hooks
from prober.journey.overheard import Overheard
from prober.journey.own_time import OwnTime, Split
from prober.journey.report import Report
from prober.journey.trace import Recorder
from prober.journey.vitals import Vitals, flags_of
from prober.journey.wash import in_json
from prober.journey.where import cut

STEP = 1.0  # seconds that a page has before it is left to say what it measured
SHARE, LEAST = 0.05, 0.5  # of the timeout, seconds: what all of that may take of the journey's time
END = 0.8  # and at the end of the journey
STOP = 0.5  # for a page's endless script to be stopped
PICTURE = 2.0
SLACK = 0.2
GOOD_PICTURE = 1.0
ASKED, CONTENT, SAVED = 0.5, 0.5, 1.0  # for what is learned last, one page's text, the trace
PAGES = 3  # that are photographed
SCREENSHOT, GOOD, DOM = "screenshot.png", "good.png", "dom.html"
LONGEST_DOM = 2 << 20  # characters


class Witness:
    def __init__(
        self, order: Order, engine: Engine, report: Report, clock: SystemClock, is_async: bool
    ) -> None:
        self._folder = Path(order.folder)
        self._engine, self._report, self._clock = engine, report, clock
        self._context: Context | None = None
        self._order = order
        self._exchanges = Exchanges()
        self._overheard = Overheard(report.say)
        self.own_time = OwnTime(clock, engine.is_alone)
        self._asking = Split(clock)  # held while pages are asked before they are left
        self._may_take = max(LEAST, SHARE * order.timeout)
        self._is_async = is_async
        self._pulled: asyncio.Event | None = None  # comes when they have been asked
        self._silent: set[Page] = set()
        self.vitals = Vitals(report.say, flags_of(order))
        self.console = Console(self.vitals, clock, report.clean)
        self._recorder = Recorder(order, self.console.note, is_async=is_async)
        self.hooks = Hooks(self.pull, is_async=is_async, note=self.console.note)

    async def attach(self, browser: Browser, context: Context) -> None:
        self._context = context
        self.console.attach(context)
        self.hooks.attach(browser, context)
        await self._recorder.begin(context)
        if self._order.evidence != "never":
            self._exchanges.attach(context)
        self._overheard.stored(self._order)
        await self._overheard.attach(context)
        await self.vitals.attach(context)

    async def group(self, name: str) -> None:
        """A step begins: in the trace, what is done from now on belongs to it."""
        await self._recorder.group(name)

    async def ungroup(self) -> None:
        await self._recorder.ungroup()

    async def pull(self) -> None:
        """Before the journey leaves a page: fetches the vitals of what is open.

        Once for all the tasks that leave one at the same time. A page that did
        not answer once is not asked again, and no more time is taken, in all,
        than the deadline can spare: what is missing then is asked for at the end.
        """
        if self._context is None or self._spare <= 0:
            return
        if self._pulled is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._spare):
                    await self._pulled.wait()
            return
        pulled = self._pulled = asyncio.Event() if self._is_async else None
        try:
            with self.own_time.waiting(), self._asking:
                await self._ask_before_leaving(self._context)
        finally:
            self._pulled = None
            if pulled is not None:
                pulled.set()

    @property
    def _spare(self) -> float:
        """Seconds that pages may still take before they are left."""
        return self._may_take - self._asking.held

    async def _ask_before_leaving(self, context: Context) -> None:
        for page in [page for page in context.pages if page not in self._silent]:
            if (seconds := min(STEP, self._spare)) <= 0:
                return
            self._silent.update(await self.vitals.pull([page], seconds, leaving=True))

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
        """The evidence of a failure, as far as there is time for it; what explains most goes first."""
        pages = self._alive(opened)
        await attempt(
            self._engine, min(ASKED, left()), lambda: self._overheard.ask(opened.context, pages)
        )
        if self._order.evidence == "never":
            return
        self.write_console()  # as it was, before pages are told to stop waiting
        for number, page in enumerate(pages, 1):
            if left() > SLACK:
                await self._keep_picture(page, _numbered(SCREENSHOT, number), left)
        for number, page in enumerate(pages, 1):
            if left() > SLACK:
                await self._keep_content(page, _numbered(DOM, number), left)
        if await attempt(self._engine, min(SAVED, left()), self._recorder.save):
            self._report.say(Kept(kind="trace", name=TRACE))

    async def good(self, opened: Opened, left: Callable[[], float]) -> None:
        """What is wanted of a run that is up: a picture, or everything."""
        if self._order.evidence == "always":
            await self.keep(opened, left)
        if self._order.portrait and (pages := self._alive(opened)):
            await self._picture(pages[0], min(GOOD_PICTURE, left()), GOOD)

    def write_console(self) -> None:
        """What can be kept without the browser: its complaints, and what was asked for."""
        if self._order.evidence != "never":
            self._write_exchanges()
            self._write_complaints()

    def _write_exchanges(self) -> None:
        if archive := self._exchanges.write(self._folder):
            self._overheard.named(in_json(archive))
            self._report.say(Kept(kind="har", name=HAR))

    def _write_complaints(self) -> None:
        if self.console.write(self._folder):
            self._report.say(Kept(kind="console", name=CONSOLE))

    def _alive(self, opened: Opened) -> list[Page]:
        others = [page for page in opened.context.pages if page is not opened.page]
        return [
            page
            for page in [opened.page, *others][:PAGES]
            if not page.is_closed() and page not in self.hooks.crashed
        ]

    async def _keep_picture(self, page: Page, name: str, left: Callable[[], float]) -> None:
        await attempt(self._engine, min(STOP, left()), partial(self._stop_loading, page))
        await self._picture(page, min(PICTURE, left()), name)

    async def _picture(self, page: Page, seconds: float, name: str) -> None:
        photographer = Photographer([*self._order.hidden_texts, *self._overheard.typed])
        shot = await attempt(self._engine, seconds, lambda: photographer.picture(page, seconds))
        if shot is not None and shot.shows_secret:
            self.console.note("no screenshot was kept of a page that may show a secret")
            self._write_complaints()
        elif shot is not None:
            (self._folder / name).write_bytes(shot.png)
            self._report.say(Kept(kind="screenshot", name=name, good=name == GOOD))
        elif name != GOOD:
            self.console.note("no screenshot could be taken in time")
            self._write_complaints()

    async def _keep_content(self, page: Page, name: str, left: Callable[[], float]) -> None:
        text = await attempt(self._engine, min(CONTENT, left()), partial(content_of, page))
        if text:
            (self._folder / name).write_text(cut(text, LONGEST_DOM), "utf-8", errors="replace")
            self._report.say(Kept(kind="dom", name=name))

    async def _stop_loading(self, page: Page) -> None:
        """A page that still waits for a server cannot be photographed."""
        if session := self.hooks.sessions.get(page):
            await done(session.send("Page.stopLoading"))

    async def _stop_script(self, page: Page) -> None:
        """Ends a script that runs in a page, for ever as it seems."""
        if session := self.hooks.sessions.get(page):
            await done(session.send("Runtime.terminateExecution"))


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else name.replace(".", f"-{number}.")
