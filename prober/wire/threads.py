"""Where blocking calls go: a few daemon threads of our own.

Not a ThreadPoolExecutor, whose threads are joined when the interpreter ends:
a `getaddrinfo` that hangs for half a minute must not hold up a stop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from prober.errors import ProberError
from prober.wire.failure import OwnFault

T = TypeVar("T")
Act = Callable[[], None]


def _unheard() -> None:
    """Nobody asks when it begins."""


class Threads:
    """At most `limit` calls at a time; the others wait their turn, unless nobody waits for them."""

    def __init__(self, limit: int = 4) -> None:
        self._loop = asyncio.get_running_loop()
        self._free = limit
        self._queue: dict[object, Act] = {}

    def call(self, function: Callable[[], T], begins: Act = _unheard) -> asyncio.Future[T]:
        """`function` may raise OSError, ValueError or ProberError; OwnFault where no thread starts.

        `begins` is called when it is its turn, which may be at once.
        """
        future: asyncio.Future[T] = self._loop.create_future()

        def start() -> None:
            if not future.done():
                begins()
                self._begin(function, future)

        self._queue[future] = start
        future.add_done_callback(self._leave)
        self._start()
        return future

    def close(self) -> None:
        """Starts no more; what runs is left to end by itself, unheard."""
        self._queue.clear()
        self._free = 0

    def _leave(self, future: object) -> None:
        self._queue.pop(future, None)

    def _start(self) -> None:
        while self._free and self._queue:
            self._queue.pop(next(iter(self._queue)))()

    def _begin(self, function: Callable[[], T], future: asyncio.Future[T]) -> None:
        run = partial(self._run, function, future)
        try:
            threading.Thread(target=run, name="wire", daemon=True).start()
        except RuntimeError as error:
            future.set_exception(OwnFault(f"no thread can be started: {error}"))
        else:
            self._free -= 1

    def _run(self, function: Callable[[], T], future: asyncio.Future[T]) -> None:
        def settle() -> None:
            future.set_exception(RuntimeError("the call ended without a result"))

        try:
            result = function()
            settle = lambda: future.set_result(result)  # noqa: E731 - what to do, not a name for it
        except (OSError, ValueError, ProberError) as error:
            raised = error
            settle = lambda: future.set_exception(raised)  # noqa: E731
        finally:
            with suppress(RuntimeError):  # the loop has closed
                self._loop.call_soon_threadsafe(self._end, future, settle)

    def _end(self, future: asyncio.Future[T], settle: Act) -> None:
        self._free += 1
        if not future.done():
            settle()
        self._start()
