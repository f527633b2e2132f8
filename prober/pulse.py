"""Was the agent itself on time?

A beat every 50 ms on the loop that probes. What a beat comes late is what any
probe may have been kept waiting: while the process was stopped, the machine
starved, or something of ours hogged the loop. The runner asks before it
believes a failure that time alone could have made.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from prober.clock import Clock

PERIOD = 0.05  # seconds between beats
NOTABLE = 0.02  # seconds; a smaller lag is kept in the histogram only
KEPT = 256  # notable lags remembered: far more than one run can see


class Pulse:
    def __init__(self, clock: Clock, observe: Callable[[float], None]) -> None:
        self._clock = clock
        self._observe = observe
        self._due = clock.monotonic() + PERIOD
        self._lags: deque[tuple[float, float]] = deque(maxlen=KEPT)  # (when it ended, seconds)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._due = self._clock.monotonic() + PERIOD
            await self._clock.sleep_until(self._due)
            now = self._clock.monotonic()
            lag = max(0.0, now - self._due)
            self._observe(lag)
            if lag > NOTABLE:
                self._lags.append((now, lag))

    def lag_since(self, moment: float) -> float:
        """The longest that the loop came late, in seconds, in any lag that ended after `moment`.

        A lag that has not been noted yet counts too: a coroutine may run
        before the beat does when a stopped process goes on.
        """
        current = self._clock.monotonic() - self._due
        worst = max(0.0, current)
        for ended, lag in reversed(self._lags):
            if ended < moment:
                break
            worst = max(worst, lag)
        return worst
