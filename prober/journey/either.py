"""How is one piece of code written for both of Playwright's APIs?

As a coroutine that awaits `settled(what a call returned)`. The objects of the
sync API return values, so that with them a coroutine never waits, and `driven`
runs it to its end in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from playwright import async_api, sync_api
from playwright.async_api import Cookie

from prober.errors import ProberError
from prober.journey.events import Order
from prober.journey.files import RECORDED

ApiRequest: TypeAlias = sync_api.APIRequestContext | async_api.APIRequestContext
Browser: TypeAlias = sync_api.Browser | async_api.Browser
CDPSession: TypeAlias = sync_api.CDPSession | async_api.CDPSession
Context: TypeAlias = sync_api.BrowserContext | async_api.BrowserContext
ConsoleMessage: TypeAlias = sync_api.ConsoleMessage | async_api.ConsoleMessage
Frame: TypeAlias = sync_api.Frame | async_api.Frame
Page: TypeAlias = sync_api.Page | async_api.Page
Playwright: TypeAlias = sync_api.Playwright | async_api.Playwright
Request: TypeAlias = sync_api.Request | async_api.Request
Response: TypeAlias = sync_api.Response | async_api.Response
WebError: TypeAlias = sync_api.WebError | async_api.WebError

_Value = TypeVar("_Value")


async def settled(value: Coroutine[object, None, _Value] | _Value) -> _Value:
    """What a call of either API returned, or what that stands for."""
    return await value if isinstance(value, Coroutine) else value


async def done(value: object) -> None:
    """Waits for what a call of either API began; its result is of no interest."""
    if isinstance(value, Coroutine):
        await value


def driven(coroutine: Coroutine[object, None, _Value]) -> _Value:
    """What a coroutine returns that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: _Value = end.value
        return value
    coroutine.close()
    raise ProberError("an async call was made in a sync journey")


# Where the two return classes of their own, type checkers need to see both ways.


async def launched(playwright: Playwright, order: Order) -> Browser:
    browser = playwright.chromium.launch(
        executable_path=order.executable,
        channel=order.channel,
        headless=order.headless and not order.debug,
        slow_mo=order.slow_mo * 1000,
        chromium_sandbox=order.sandbox,
        args=list(order.arguments),
        traces_dir=str(Path(order.folder) / RECORDED),  # where they outlive the driver
        handle_sigint=False,
        handle_sigterm=False,
        handle_sighup=False,
    )
    return await browser if isinstance(browser, Coroutine) else browser


async def new_context(browser: Browser, options: Mapping[str, object]) -> Context:
    make: Callable[..., object] = browser.new_context  # whose options come out of a config
    context = await settled(make(**options))
    if isinstance(context, sync_api.BrowserContext | async_api.BrowserContext):
        return context
    raise ProberError("the browser gave no context")


async def new_page(context: Context) -> Page:
    page = context.new_page()
    return await page if isinstance(page, Coroutine) else page


async def session_of_browser(browser: Browser) -> CDPSession:
    session = browser.new_browser_cdp_session()
    return await session if isinstance(session, Coroutine) else session


async def session_of(page: Page) -> CDPSession:
    if isinstance(page, sync_api.Page):
        return page.context.new_cdp_session(page)
    return await page.context.new_cdp_session(page)


async def session_of_frame(frame: Frame) -> CDPSession:
    """Raises Playwright's Error where the frame shares the session of its parent."""
    if isinstance(frame, sync_api.Frame):
        return frame.page.context.new_cdp_session(frame)
    return await frame.page.context.new_cdp_session(frame)


async def cookies_of(context: Context) -> Sequence[Cookie]:
    if isinstance(context, sync_api.BrowserContext):
        return context.cookies()
    return await context.cookies()


async def content_of(page: Page) -> str:
    if isinstance(page, sync_api.Page):
        return page.content()
    return await page.content()
