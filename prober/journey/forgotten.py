"""Did the author forget an `await`?

A call that nobody awaits does nothing, and whatever it was to find out is not
found out. Python only warns of it; a journey that did so is not up.
"""

from __future__ import annotations

import gc
import re
import sys
import warnings
from typing import TextIO

from prober.journey.where import Authors, Place

_SAID = re.compile(r"coroutine '([^']+)' was never awaited")
_ORIGIN = re.compile(r'File "([^"]+)", line (\d+)')
_DEPTH = 8  # calls between an author's line and what was called there
_SHOW = warnings.showwarning


class NotAwaited(Exception):
    """What was called in an author's line, to no effect."""


class Watch:
    """From its making on. Only the author's own lines count."""

    def __init__(self, authors: Authors) -> None:
        self._authors = authors
        self._found: list[NotAwaited] = []
        sys.set_coroutine_origin_tracking_depth(_DEPTH)
        warnings.filterwarnings("always", ".*was never awaited", RuntimeWarning)
        warnings.showwarning = self._note

    def first(self) -> NotAwaited | None:
        """The first one so far."""
        gc.collect()  # what hangs in a cycle has not been warned of
        return self._found[0] if self._found else None

    def _note(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = str(message)
        said = _SAID.search(text)
        if said is None:
            _SHOW(message, category, filename, lineno, file, line)
            return
        calls = [Place(name, int(number)) for name, number in _ORIGIN.findall(text)]
        for place in (*reversed(calls), Place(filename, lineno)):
            if self._authors.wrote(place.file):
                where = self._authors.short(place)
                mistake = f"{where}: {said[1]} was never awaited; write await before it"
                self._found.append(NotAwaited(mistake))
                return
