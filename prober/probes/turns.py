"""Whose turn is it, where only so many may at a time?"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Turn:
    """One who has it now; `is_shared` once somebody else had a turn at the same time."""

    is_shared: bool = False


class Turns:
    """At most so many at a time, who may become more or fewer meanwhile; the others in a row."""

    def __init__(self) -> None:
        self._allowed = 0
        self._taken = 0
        self._holders: set[Turn] = set()
        self._row: deque[asyncio.Future[None]] = deque()

    def allow(self, number: int) -> None:
        self._allowed = number
        self._call()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Turn]:
        called = asyncio.get_running_loop().create_future()
        self._row.append(called)
        self._call()
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self._give_back()  # called, and gone already
            raise
        turn = Turn()
        self._holders.add(turn)
        if len(self._holders) > 1:
            for one in self._holders:
                one.is_shared = True
        try:
            yield turn
        finally:
            self._holders.discard(turn)
            self._give_back()

    def _give_back(self) -> None:
        self._taken -= 1
        self._call()

    def _call(self) -> None:
        while self._row and self._taken < self._allowed:
            called = self._row.popleft()
            if not called.done():
                self._taken += 1
                called.set_result(None)
