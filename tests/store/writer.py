"""Runs as a child: commits one alert after another and says so once each is committed."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from prober.clock import SystemClock
from prober.store.batch import Batch
from prober.store.database import Store
from tests.alerts.samples import DOWN, result
from tests.store.test_outbox import fired, firing

MOST = 100_000  # the parent kills it long before


async def main(data_dir: Path) -> None:
    store = Store.open(data_dir, SystemClock())
    for number in range(MOST):
        state = fired("api", f"run{number}")
        state = replace(state, reminders=number)
        batch = Batch(
            results=[result(DOWN, run_id=f"run{number}")],
            states={("api", "down"): state},
            deliveries=[firing(state)],
        )
        await store.commit(batch)
        print(number, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
