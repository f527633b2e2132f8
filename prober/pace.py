"""How many go on in one turn of the loop, when very many could?

A thousand checks that fail together open a thousand incidents, of which three
thousand notices go out: each takes a fraction of a millisecond, and all at once
they would keep every probe waiting for a second. A few in each turn of the loop
take as long, and whatever else is due has its turn in between.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Pace:
    """While nobody is in line and few come, `turn` returns at once."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._left = at_once  # in this turn of the loop
        self._line: deque[asyncio.Future[None]] = deque()
        self._is_watched = False

    async def turn(self) -> None:
        """Returns in a turn of the loop that has room for one more; first come, first served."""
        if self._line or not self._left:
            waiter = asyncio.get_running_loop().create_future()
            self._line.append(waiter)
            await waiter
        else:
            self._left -= 1
            self._watch()

    def _watch(self) -> None:
        if not self._is_watched:
            self._is_watched = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """A new turn of the loop has begun."""
        self._is_watched = False
        self._left = self._at_once
        while self._line and self._left:
            waiter = self._line.popleft()
            if not waiter.done():  # nobody has cancelled it meanwhile
                waiter.set_result(None)
                self._left -= 1
        if self._left < self._at_once:
            self._watch()
