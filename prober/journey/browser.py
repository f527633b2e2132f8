"""How is the browser of a journey started, and is it still there?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from playwright.async_api import BrowserContext as AsyncContext

from prober.journey import emulation
from prober.journey.either import (
    Browser,
    CDPSession,
    Context,
    Page,
    launched,
    new_context,
    new_page,
    session_of_browser,
    settled,
)
from prober.journey.emulation import NETWORKS, Throttle
from prober.journey.engine import Engine, attempt
from prober.journey.events import Order
from prober.journey.firstparty import FirstParty
from prober.journey.remote import connected

ROUND_TRIP = 2.0  # seconds for driver and browser to answer
LONGEST_WAIT = 30.0  # seconds that one action of Playwright's waits unless the author says more


@dataclass(frozen=True, slots=True)
class Opened:
    """A browser with one context and one empty page."""

    browser: Browser
    context: Context
    page: Page
    pulse: CDPSession  # to the browser itself: answers whatever its pages do
    first_party: FirstParty | None


async def opened(
    order: Order, engine: Engine, prepare: Callable[[Browser, Context], Awaitable[None]]
) -> Opened:
    """Raises whatever Playwright does where there is no browser to be had.

    `prepare` gets the context before it has a page.
    """
    with _stderr_for(order):
        playwright = await engine.start()
    if order.connect is not None:
        browser = await connected(playwright, order.connect, order.slow_mo)
    else:
        browser = await launched(playwright, order)
    pulse = await session_of_browser(browser)
    given = emulation.options(order, playwright.devices, await _version(pulse))
    context = await new_context(browser, given)
    wait = 0 if order.debug else min(order.timeout, LONGEST_WAIT) * 1000  # 0: for ever
    context.set_default_timeout(wait)
    context.set_default_navigation_timeout(wait)
    is_async = isinstance(context, AsyncContext)
    if order.network is not None:
        Throttle(NETWORKS[order.network], is_async=is_async).attach(context)
    first_party = FirstParty(order, is_async=is_async) if order.traceparent else None
    if first_party is not None:
        await first_party.attach(browser, context)
    await prepare(browser, context)
    page = await new_page(context)
    return Opened(browser, context, page, pulse, first_party)


@contextmanager
def _stderr_for(order: Order) -> Iterator[None]:
    """What a driver that is started here writes to.

    Were it our own, the driver would make it non-blocking, and an author's
    print() fail.
    """
    with open(driver_output(order), "w", encoding="utf-8") as file, redirect_stderr(file):
        yield


def driver_output(order: Order) -> Path:
    """The file that has what the driver had to say of itself."""
    return Path(order.folder) / "driver.txt"


async def answers(opened: Opened, engine: Engine) -> bool:
    """Whether driver and browser make a round trip in time."""
    call = partial(_version, opened.pulse)
    return await attempt(engine, ROUND_TRIP, call) is not None


async def _version(pulse: CDPSession) -> str:
    version = await settled(pulse.send("Browser.getVersion"))
    return str(version["userAgent"])
