"""What did the checks do before this life, for the rules that look back?

What fires comes first, before anything runs: of that the first run is to say whether
it is over. The rest is read beside everything else, one check after the other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Iterable
from functools import partial

from prober.clock import Clock
from prober.settle import Settle
from prober.store import past
from prober.store.database import Store, StoreError

log = logging.getLogger(__name__)

SLICE = 100  # checks without such rules that are passed over before the loop is given back
FIRST = 2.0  # seconds for which a start waits for what fires


class Refill:
    """`begun` is when this life began (Unix seconds). What cannot be read begins anew."""

    def __init__(self, store: Store, settle: Settle, clock: Clock, begun: float) -> None:
        self._store, self._settle, self._clock = store, settle, clock
        self._begun = begun
        self._done: set[str] = set()

    async def first(self, up: Container[str]) -> None:
        """Of the checks for which something fires; `up` are those that were when they were last seen."""
        until = self._clock.monotonic() + FIRST
        burning = {check for (check, _), state in self._settle.states.items() if state.firing}
        try:
            for name in burning:
                await self._remember(name, was_up=name in up)
                self._done.add(name)
                if self._clock.monotonic() > until:
                    break
        except StoreError:
            pass  # said by the rest, which will meet it too

    async def rest(self, checks: Iterable[str]) -> None:
        try:
            for count, name in enumerate(checks, 1):
                if name not in self._done:
                    await self._remember(name)
                if count % SLICE == 0:
                    await asyncio.sleep(0)
        except StoreError as error:
            log.warning("rules that look back begin anew, the history cannot be read: %s", error)
        finally:
            self._done.clear()
            self._settle.wait_no_more()

    async def _remember(self, name: str, *, was_up: bool = False) -> None:
        if (back := self._settle.looks_back(name)) is not None:
            query = partial(
                past.runs,
                check=name,
                since=self._begun - back.over,
                before=self._begun,
                budgets=back.budgets,
            )
            self._settle.remember(name, await self._store.ask(query), was_up=was_up)
