"""How is one journey conducted, from the browser's start to the verdict?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from prober.clock import SystemClock
from prober.journey import browser as browsers
from prober.journey.browser import Opened
from prober.journey.cleanup import SECONDS, Cleanups
from prober.journey.engine import Engine
from prober.journey.events import Ended, Order, Ready, Skipped, Tidying
from prober.journey.find import Found
from prober.journey.forgotten import Watch
from prober.journey.given import Gift, Parts, api_of, given
from prober.journey.handlers import Handlers
from prober.journey.interrupt import LAST_WORD, Deadline, Interrupt
from prober.journey.report import Report
from prober.journey.steps import Steps, label
from prober.journey.tidying import Tidy
from prober.journey.totp import Codes
from prober.journey.tried import Tried
from prober.journey.verdict import UP, Verdict, failed, no_browser, timed_out, told
from prober.journey.where import said
from prober.journey.witness import Witness

RESERVE = 0.3  # seconds of these that are left for the last word itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """One run: its parts."""

    order: Order
    found: Found
    engine: Engine
    interrupt: Interrupt
    report: Report
    clock: SystemClock
    due: Callable[[], bool]  # waits until the journey is due; False: it never will be
    leave: Callable[[], NoReturn]  # ends the process

    async def run(self) -> None:
        witness = Witness(self.order, self.engine, self.report, self.clock, self.found.is_async)
        with Tried() as tried:
            opened = await browsers.opened(self.order, self.engine, witness.attach)
            run = _Run(self, opened, witness)
            await run.prepare()
        if tried.error is not None:
            self.conclude(no_browser(self._unstarted(tried.error)))
        self.report.say(Ready(browser=opened.browser.version))
        if self.due():
            await run.journey()
        self.leave()

    def _unstarted(self, error: BaseException) -> str:
        file = browsers.driver_output(self.order)
        lines = file.read_text("utf-8", "replace").split("\n") if file.exists() else []
        last = next((line for line in reversed(lines) if line.strip()), "")
        texts = (said(error) or type(error).__name__, last.strip())
        return f"the browser did not start: {'; '.join(filter(None, texts))}"

    def conclude(self, verdict: Verdict, seconds: float | None = None) -> NoReturn:
        """The last word."""
        self.report.say(
            Ended(
                outcome=verdict.outcome,
                reason=verdict.reason,
                message=verdict.message,
                seconds=seconds,
            )
        )
        self.leave()


class _Run:
    """What becomes of a journey whose browser is there."""

    def __init__(self, conduct: Conduct, opened: Opened, witness: Witness) -> None:
        self._conduct, self._opened, self._witness = conduct, opened, witness
        self._clock, self._engine = conduct.clock, conduct.engine
        self._cleanups = Cleanups()
        self._handlers = Handlers(conduct.found.authors, lambda: conduct.interrupt.is_late)
        self._steps = Steps(
            say=conduct.report.say,
            clock=conduct.clock,
            tell=self._tell,
            seen=witness.vitals.tell,
            url=lambda: opened.page.url,
            own_time=witness.own_time,
            film=witness,
            is_async=conduct.found.is_async,
            has_limits=not conduct.order.debug,
            handlers=self._handlers,
            interrupt=conduct.interrupt,
        )
        self._given: dict[str, object] = {}
        self._is_told = False  # which steps were not reached
        self._began = self._began_own = 0.0
        self._seconds: float | None = None
        self._limit = conduct.order.timeout
        self._until = 0.0
        self._verdict = timed_out(f"not done within {self._limit:g} s")

    async def prepare(self) -> None:
        """What the journey gets, before it is due."""
        order, opened, found = self._conduct.order, self._opened, self._conduct.found
        api = None
        if "api" in found.arguments:
            api = await api_of(self._engine.playwright, order, opened)
        self._given = given(
            Parts(
                order=order,
                opened=opened,
                api=api,
                step=self._steps,
                cleanup=self._cleanups,
                page_name=self._page_name,
                totp=Codes(Gift("secrets", order.secrets), self._clock, self._conduct.report.say),
            )
        )

    def _page_name(self, name: str) -> None:
        self._witness.vitals.name(self._opened.page, label("a page", name))

    async def journey(self) -> None:
        found = self._conduct.found
        function = found.bound(self._given)
        self._forgotten = Watch(found.authors)
        self._handlers.begin()
        self._witness.console.began()
        self._conduct.interrupt.last(self._cut_short)
        self._began, self._began_own = self._clock.monotonic(), self._witness.own_time.seconds
        error = await self._engine.call(function, found.authors, abandon=self._abandoned)
        await self._over(error)

    async def _abandoned(self, error: BaseException) -> None:
        await self._over(error)

    async def _over(self, error: BaseException | None) -> None:
        """The function has ended, or has been given up."""
        now, passed = self._clock.monotonic(), self._conduct.interrupt.passed
        self._seconds = now - self._began
        if self._late is None:
            self._seconds = self._witness.own_time.seconds - self._began_own
            self._until = now + LAST_WORD
            self._conduct.interrupt.last(self._cut_short, LAST_WORD)
        else:
            self._until = (passed or now) + LAST_WORD
            error = error or TimeoutError()
            self._steps.give_up(error)
        self._tell_unreached(error)
        self._verdict = await self._judged(error)
        self._handlers.end()
        await self._tidied()
        self._last_word()

    def _tell_unreached(self, error: BaseException | None) -> None:
        """The steps that a journey which has not come to its end would have had."""
        names = self._steps.unreached(self._conduct.found.asks.steps)
        if error is not None and names and not self._is_told:
            self._is_told = True
            self._conduct.report.say(Skipped(names=names))

    def _last_word(self) -> NoReturn:
        self._conduct.conclude(self._verdict, self._seconds)

    def _cut_short(self) -> NoReturn:
        """From a signal, wherever we are."""
        if self._seconds is None:  # the journey was never over
            self._seconds = self._clock.monotonic() - self._began
            self._tell_unreached(Deadline())
            self._blamed(None)
        self._steps.give_up(Deadline())
        self._last_word()

    def _left(self) -> float:
        """Seconds for what is still to be done before the verdict."""
        return max(0.01, self._until - RESERVE - self._clock.monotonic())

    @property
    def _late(self) -> float | None:
        """The seconds that were not enough, once they were not."""
        return self._limit if self._conduct.interrupt.struck else None

    def _tell(self, error: BaseException, step: str | None) -> str:
        late = self._limit if isinstance(error, Deadline) else self._late
        return told(error, step, self._conduct.found.authors, late=late)

    async def _judged(self, error: BaseException | None) -> Verdict:
        """Says what was seen, and what is to be thought of it."""
        self._handlers.tell(error)
        text = self._blamed(error) or self._blamed(self._forgotten.first())
        if not self._witness.hooks.is_browser_closed:
            return await self._seen(text)
        if text:
            self._witness.write_console()
        return self._verdict if text else UP

    def _blamed(self, error: BaseException | None) -> str:
        """What is said of the first cause, which is the verdict from now on; empty: there is none.

        `error` is what the function ended with: what failed before, and did not end it, goes first.
        """
        raised = self._handlers.first()
        if self._steps.soft is not None:
            self._verdict = self._steps.soft
        elif raised is not None:
            text = told(raised, self._steps.of(raised), self._conduct.found.authors)
            self._verdict = failed(raised, text)
        elif error is not None:
            text = self._tell(error, self._steps.of(error))
            self._verdict = timed_out(text) if self._late is not None else failed(error, text)
        else:
            return ""
        return self._verdict.message

    async def _seen(self, text: str) -> Verdict:
        if text and not await browsers.answers(self._opened, self._engine):
            self._witness.write_console()
            return no_browser(f"the browser does not answer; {text}")
        await self._witness.last_look(self._opened, self._left)
        # So far: a handler may have waited for the browser.
        text = text or self._blamed(None)
        if not text:
            await self._witness.good(self._opened, self._left)
            return UP
        await self._witness.keep(self._opened, self._left)
        if self._witness.hooks.crashed:
            return no_browser(f"a page crashed; {text}")
        return self._verdict

    async def _tidied(self) -> None:
        if not self._cleanups:
            return
        verdict = self._verdict
        self._conduct.report.say(
            Tidying(
                outcome=verdict.outcome,
                reason=verdict.reason,
                message=verdict.message,
                seconds=self._seconds,
            )
        )
        self._conduct.interrupt.last(self._cut_short, SECONDS + RESERVE)
        self._limit = SECONDS
        await Tidy(
            cleanups=self._cleanups,
            steps=self._steps,
            engine=self._engine,
            authors=self._conduct.found.authors,
            opened=self._opened,
            clock=self._clock,
            last_word=self._last_word,
        ).up()
