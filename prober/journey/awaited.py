"""Which failed requests have to wait for the document that they count for?

One for a page's own document counts for the page that it shows, which is not
there yet; so do those of a window that has not been announced yet.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from playwright.async_api import Error

from prober.journey.either import Page, Request

MOST = 200  # that wait: some of them are never shown


class Awaited:
    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=MOST)

    def add(self, request: Request) -> bool:
        """Whether it has to wait."""
        waits = page_of(request) is None or is_for_a_page(request)
        if waits:
            self._requests.append(request)
        return waits

    def drop(self, request: Request) -> None:
        """It will not be shown: what came was a download, or another page was wanted meanwhile."""
        with suppress(ValueError):
            self._requests.remove(request)

    def begun(self, page: Page) -> int:
        """How many of them count for the document that has now begun in `page`."""
        mine = [request for request in self._requests if page_of(request) is page]
        for request in mine:
            self._requests.remove(request)
        return len(mine)


def page_of(request: Request) -> Page | None:
    with suppress(Error):  # a service worker's request has none, that of a new window not yet
        return request.frame.page
    return None


def is_for_a_page(request: Request) -> bool:
    """Not for what a frame in it shows."""
    if not request.is_navigation_request():
        return False
    with suppress(Error):
        return request.frame.parent_frame is None
    return True  # of a window that is not announced yet
