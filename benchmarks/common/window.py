"""Between which two moments was something measured, and what did it cost meanwhile?"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.common.bench import CLOCK, sleep_until
from benchmarks.common.process import Process
from benchmarks.common.web import scrape

SCRAPE_EVERY = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds; the warm-up is after a start: by then each check should have run."""

    seconds: float
    warm_up: float

    @property
    def whole(self) -> float:
        """What a driver has to go on for, so that it does not end before we do."""
        return self.warm_up + self.seconds + 0.5


@dataclass(frozen=True, slots=True)
class Window:
    """Monotonic seconds, and how far Unix time was ahead; CPU seconds of a process and of one beside it."""

    began: float
    ended: float
    cpu: float
    ahead: float
    beside: float = 0.0

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def wall(self) -> tuple[float, float]:
        """In Unix seconds."""
        return self.began + self.ahead, self.ended + self.ahead

    def holds(self, moment: float) -> bool:
        return self.began <= moment < self.ended


def observe(
    process: Process, pace: Pace, *, scraped: int = 0, beside: Process | None = None
) -> Window:
    """After the warm-up; the metrics at a port, if one is given, are scraped meanwhile."""
    sleep_until(CLOCK.monotonic() + pace.warm_up)
    ahead = CLOCK.now() - CLOCK.monotonic()
    began, cpu = CLOCK.monotonic(), process.cpu()
    other = beside.cpu() if beside else 0.0
    due, end = began + min(0.5, pace.seconds / 4), began + pace.seconds
    while scraped and due < end:
        sleep_until(due)
        scrape(scraped)
        due += SCRAPE_EVERY
    sleep_until(end)
    cpu, ended = process.cpu() - cpu, CLOCK.monotonic()
    return Window(began, ended, cpu, ahead, beside.cpu() - other if beside else 0.0)
