"""What did the checks do before this life, for the rules that look back?

Read beside everything else, one check after the other, while the agent runs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from prober.settle import Settle
from prober.store import past
from prober.store.database import Store, StoreError

log = logging.getLogger(__name__)

SLICE = 100  # checks without such rules that are passed over before the loop is given back


async def refill(store: Store, settle: Settle, checks: Sequence[str], begun: float) -> None:
    """`begun` is when this life began (Unix seconds). What cannot be read begins anew."""
    try:
        for count, name in enumerate(checks, 1):
            if (back := settle.looks_back(name)) is not None:
                query = partial(
                    past.runs,
                    check=name,
                    since=begun - back.over,
                    before=begun,
                    budgets=back.budgets,
                )
                settle.remember(name, await store.ask(query))
            elif count % SLICE == 0:
                await asyncio.sleep(0)
    except StoreError as error:
        log.warning("rules that look back begin anew, the history cannot be read: %s", error)
    finally:
        settle.wait_no_more()
