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
KEPT = 3600.0  # seconds that a lag is remembered: longer than a run may take
NOTABLE = 0.02  # seconds; a smaller lag is kept in the histogram only


class Pulse:
    def __init__(self, clock: Clock, observe: Callable[[float], None]) -> None:
        self._clock = clock
        self._observe = observe
        self._due = clock.monotonic() + PERIOD
        # (when it ended, seconds), each longer than all that came after it: what is left of a lag
        # once a longer one has followed is of interest to nobody.
        self._lags: deque[tuple[float, float]] = deque()

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self._due = self._clock.monotonic() + PERIOD
            await self._clock.sleep_until(self._due)
            now = self._clock.monotonic()
            lag = max(0.0, now - self._due)
            self._observe(lag)
            if lag > NOTABLE:
                self._note(now, lag)

    def lag_since(self, moment: float) -> float:
        """The longest that the loop came late, in seconds, in any lag that ended after `moment`.

        A lag that has not been noted yet counts too: a coroutine may run
        before the beat does when a stopped process goes on.
        """
        current = max(0.0, self._clock.monotonic() - self._due)
        noted = next((lag for ended, lag in self._lags if ended >= moment), 0.0)
        return max(current, noted)

    def _note(self, now: float, lag: float) -> None:
        while self._lags and self._lags[-1][1] <= lag:
            self._lags.pop()
        self._lags.append((now, lag))
        while self._lags[0][0] < now - KEPT:
            self._lags.popleft()
