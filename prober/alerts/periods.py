"""When is a report due, and which time is it about?"""

from __future__ import annotations

from datetime import datetime
from itertools import islice, takewhile
from typing import Annotated, NamedTuple

from cronsim import CronSim
from pydantic import Field

from prober.alerts.faults import AGENT
from prober.alerts.scope import OneOf, Scope
from prober.alerts.state import Key
from prober.alerts.times import Timezone, zone
from prober.alerts.windows import Schedule, starts
from prober.check import Model

HOUR = 3600.0
LATER = 60.0  # seconds after its moment that a report is made: runs under way then are in it
TRIES = 3  # moments backwards, of which one is right whatever the clocks were set to
REPORT = "@report "  # before its name, where an alert has its rule


class Period(NamedTuple):
    """From `since` until just before `until`, in Unix seconds."""

    since: float
    until: float


class Report(Model):
    """At each moment of `schedule` it tells what has been since the one before."""

    schedule: Schedule
    timezone: Timezone | None = None  # of the schedule and of the times in the report; UTC
    notify: Annotated[OneOf, Field(min_length=1)]
    match: Scope = Scope()
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=60)] | None = None

    @property
    def called(self) -> str:
        return self.name or self.schedule

    @property
    def key(self) -> Key:
        """Under which it is kept until when it was told last."""
        return (AGENT, REPORT + self.called)

    def next(self, after: float) -> float | None:
        return next(starts(self.schedule, self.timezone, after), None)

    def last(self, until: float) -> float | None:
        """Its latest moment that is not after `until`."""
        there = datetime.fromtimestamp(until // 1 + 1, zone(self.timezone or "UTC"))
        backwards = CronSim(self.schedule, there, reverse=True)
        # Only a guess: where clocks are set back, `starts` finds a later one.
        for guess in islice(backwards, TRIES):
            near = starts(self.schedule, self.timezone, guess.timestamp() - 1.0)
            if found := list(takewhile(lambda moment: moment <= until, near)):
                return found[-1]
        return None

    def due(self, told: float, now: float) -> float | None:
        """The moment of which it is to tell now, where it has told of `told` and what was before.

        Of several that were missed it is the latest.
        """
        latest = self.last(now - LATER)
        return latest if latest is not None and latest > told else None

    def period(self, moment: float) -> Period:
        """Which time the report of that moment is about, in whole hours of UTC.

        Where there is none in between it is the one that has just begun.
        """
        before = self.last(moment - 1.0)
        since = (moment - 24 * HOUR if before is None else before) // HOUR * HOUR
        return Period(since, max(moment // HOUR * HOUR, since + HOUR))
