"""How does a journey get to a browser that runs somewhere else?

Two protocols: that of a Playwright server, whose version has to be ours, and
Chromium's own (CDP). Either way what is ours there are our contexts, which go
when the connection does.
"""

from __future__ import annotations

import re
from collections.abc import Coroutine
from urllib.parse import urlsplit

from playwright.async_api import Error

from prober.errors import ProberError
from prober.journey.either import Browser, Playwright
from prober.journey.where import said

_ADDRESS = re.compile(r"\b(?:ws|http)s?://(?:[^/?#\s@]*@)?([^/?#\s]+)\S*")
PATIENCE = 20_000  # milliseconds; less than a journey's process has to get ready


async def connected(playwright: Playwright, address: str, slow_mo: float) -> Browser:
    """Raises ProberError, which shows nothing of the address but host and port."""
    try:
        return await _connection(playwright, address, slow_mo * 1000)
    except Error as error:
        raise ProberError(f"{shown(address)} gives none: {_why(error)}") from None


def speaks_cdp(address: str) -> bool:
    url = urlsplit(address)
    return url.scheme in ("http", "https") or "/devtools/" in url.path


def shown(address: str) -> str:
    """Host and port alone: the whole of an address is a secret."""
    return _ADDRESS.sub(r"\1", address)


async def _connection(playwright: Playwright, address: str, slow_mo: float) -> Browser:
    # Each protocol by itself: the two APIs return classes of their own.
    if speaks_cdp(address):
        browser = playwright.chromium.connect_over_cdp(address, slow_mo=slow_mo, timeout=PATIENCE)
        return await browser if isinstance(browser, Coroutine) else browser
    other = playwright.chromium.connect(address, slow_mo=slow_mo, timeout=PATIENCE)
    return await other if isinstance(other, Coroutine) else other


def _why(error: Error) -> str:
    """What Playwright says; a path or a query of the address may be a token."""
    return shown(said(error))
