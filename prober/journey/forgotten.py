"""Did a call of the author's do nothing?

What nobody awaits or iterates over never runs, and whatever it was to find out
is not found out. Python only warns of it, if at all; a journey that did so is
not up.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import AsyncContextDecorator, ContextDecorator
from dataclasses import dataclass
from types import CodeType
from typing import TextIO

from prober.journey.defs import place_of
from prober.journey.where import Authors, Place

_SAID = re.compile(r"coroutine '([^']+)' was never awaited")
_ORIGIN = re.compile(r'File "([^"]+)", line (\d+)')
_DEPTH = 8  # calls between an author's line and what was called there
_SHOW = warnings.showwarning


class NeverRan(Exception):
    """What was called in an author's line, to no effect; `place` is that line."""

    def __init__(self, what: str, place: Place | None) -> None:
        self.place = place
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the author's with its arguments."""

    function: Callable[[], object]
    name: str
    place: Place | None  # of its definition

    def __call__(self) -> object:
        return self.function()

    def ran(self, value: object, authors: Authors) -> None:
        """Takes what came of it in the end. Raises NeverRan where that would only have to be run."""
        made = value
        if isinstance(value, ContextDecorator | AsyncContextDecorator):
            made = getattr(value, "gen", value)  # of a contextlib.contextmanager
        if inspect.isgenerator(made) and made.gi_frame is not None:
            raise self._lazy("a generator", made.gi_code, authors)
        if inspect.isasyncgen(made) and made.ag_frame is not None:
            raise self._lazy("an async generator", made.ag_code, authors)
        if inspect.iscoroutine(value):
            calls = [Place(file, line) for file, line, _ in value.cr_origin or ()]
            value.close()  # or Python warns of it as well
            place = _theirs(calls, authors) or self.place
            raise NeverRan(_unawaited(value.__qualname__), place)
        if isinstance(value, asyncio.Future) and value.done():
            value.result()
        elif inspect.isawaitable(value):
            what = f"{self.name} returned a {type(value).__name__} that nobody awaited"
            raise NeverRan(f"{what}; write await before it", self.place)

    def _lazy(self, kind: str, code: CodeType, authors: Authors) -> NeverRan:
        place = place_of(code) if authors.wrote(code.co_filename) else self.place
        instead = "write a plain function or async def, without yield"
        return NeverRan(f"{self.name} returned {kind}, whose lines never ran; {instead}", place)


class Watch:
    """From its making on. Only the author's own lines count."""

    def __init__(self, authors: Authors) -> None:
        self._authors = authors
        self._found: list[NeverRan] = []
        sys.set_coroutine_origin_tracking_depth(_DEPTH)
        warnings.filterwarnings("always", ".*was never awaited", RuntimeWarning)
        warnings.showwarning = self._note

    def first(self) -> NeverRan | None:
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
        place = _theirs([*reversed(calls), Place(filename, lineno)], self._authors)
        if place is not None:
            self._found.append(NeverRan(_unawaited(said[1]), place))


def _theirs(calls: Iterable[Place], authors: Authors) -> Place | None:
    """The innermost line of the author's; the last call comes first."""
    return next((place for place in calls if authors.wrote(place.file)), None)


def _unawaited(name: str) -> str:
    return f"{name} was never awaited; write await before it"
