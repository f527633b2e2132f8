"""Did an event handler of the author's raise, and does the journey know?

Playwright raises what a handler has raised from whatever is sent to the browser
next. That may be something nobody looks at, such as the answer to a page that
has told its vitals: then the error is gone. But it logs every one of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from playwright.async_api import Error

from prober.journey.where import Authors

_LOGGER = logging.getLogger("playwright")


class Handlers:
    """What was raised there from `begin` to `end`, and has not been told yet.

    Not what came from a journey that was late: its end is what ends them.
    Not Playwright's own errors, which are told where Playwright tells them: most
    often they only say that the page of an event has been left meanwhile.
    """

    def __init__(self, authors: Authors, is_late: Callable[[], bool]) -> None:
        self._authors, self._is_late = authors, is_late
        self._untold: list[Exception] = []

    def begin(self) -> None:
        """After the author's imports, which may have turned logging off."""
        _LOGGER.disabled = False
        if not _LOGGER.isEnabledFor(logging.ERROR):
            _LOGGER.setLevel(logging.ERROR)
        _LOGGER.addFilter(self._note)

    def end(self) -> None:
        _LOGGER.removeFilter(self._note)
        self._untold.clear()

    def first(self) -> Exception | None:
        return self._untold[0] if self._untold else None

    def tell(self, error: BaseException | None) -> None:
        """It is known from now on."""
        self._untold = [one for one in self._untold if one is not error]

    def _note(self, record: logging.LogRecord) -> bool:
        """Sees what is logged, and lets it pass."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception) and self._counts(error):
            self._untold.append(error)
        return True

    def _counts(self, error: Exception) -> bool:
        is_theirs = self._authors.place(error.__traceback__) is not None
        return is_theirs and not isinstance(error, Error) and not self._is_late()
