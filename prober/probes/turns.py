"""Whose turn is it, where only so many may at a time?"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """At most so many at a time, who may become more or fewer meanwhile; the others in a row."""

    def __init__(self) -> None:
        self._allowed = 0
        self._taken = 0
        self._row: deque[asyncio.Future[None]] = deque()

    def allow(self, number: int) -> None:
        self._allowed = number
        self._call()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        turn = asyncio.get_running_loop().create_future()
        self._row.append(turn)
        self._call()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()  # called, and gone already
            raise
        try:
            yield
        finally:
            self._give_back()

    def _give_back(self) -> None:
        self._taken -= 1
        self._call()

    def _call(self) -> None:
        while self._row and self._taken < self._allowed:
            turn = self._row.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
