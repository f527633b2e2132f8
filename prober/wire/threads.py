"""Where blocking calls go: a few daemon threads of our own.

Not a ThreadPoolExecutor, whose threads are joined when the interpreter ends:
a `getaddrinfo` that hangs for half a minute must not hold up a stop.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from prober.errors import ProberError

T = TypeVar("T")


class Threads:
    """At most `limit` calls at a time; the others wait their turn."""

    def __init__(self, limit: int = 4) -> None:
        self._loop = asyncio.get_running_loop()
        self._free = limit
        self._queue: deque[Callable[[], None]] = deque()

    def call(self, function: Callable[[], T]) -> asyncio.Future[T]:
        """`function` may raise OSError, ValueError or ProberError."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.append(lambda: self._run(function, future))
        self._start()
        return future

    def close(self) -> None:
        """Starts no more; what runs is left to end by itself, unheard."""
        self._queue.clear()
        self._free = 0

    def _start(self) -> None:
        if self._free and self._queue:
            self._free -= 1
            threading.Thread(target=self._queue.popleft(), name="wire", daemon=True).start()

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

    def _end(self, future: asyncio.Future[T], settle: Callable[[], None]) -> None:
        self._free += 1
        if not future.done():
            settle()
        self._start()
