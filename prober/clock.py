"""The only module that asks the operating system what time it is."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Two times and two ways to wait. A test hands in one that it moves by itself."""

    def now(self) -> float:
        """CLOCK_REALTIME in Unix seconds: for stamps, never for differences."""
        ...

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC in seconds, the running loop's own base: for differences and dues."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def sleep_until(self, moment: float) -> None:
        """Returns when `monotonic()` has reached `moment`; at once if it has already."""
        ...


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def sleep_until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - time.monotonic()))
