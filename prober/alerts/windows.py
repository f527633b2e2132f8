"""When is maintenance? Windows by a schedule or once, answered from the time alone.

A window begins when its schedule says so, by the clock on the wall of its
timezone, and lasts for its duration in real time: neither summer time nor a
restart moves its end. Where the clock is set forward over a start it begins as
soon as that hour is over; where it is set back over one it begins the first time.
Schedules whose minute or hour begins with * mean every hour that really passes:
one that is there twice counts twice, one that is left out does not count.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Annotated, NamedTuple, Self

from cronsim import CronSim, CronSimError
from pydantic import (
    AfterValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from prober.alerts.scope import Names, Scope
from prober.alerts.times import Timezone, zone
from prober.check import Model
from prober.units import Duration

LONGEST = 366 * 86400.0  # seconds of a window
_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
_RFC3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:\d{2})"
)


def _cron(text: str) -> str:
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"{text!r} is not the five fields of cron; write them like 0 3 * * SUN")
    try:
        CronSim(text, datetime(2000, 1, 1))  # noqa: DTZ001 - no moment, only to have it looked at
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        at = _FIELDS.index(field)
        raise ValueError(
            f"{text!r} never comes: {parts[at]!r} is no {field};"
            " write the five fields of cron, like 0 3 * * SUN"
        ) from None
    return text


def _short_enough(value: object, seconds: ValidatorFunctionWrapHandler) -> float:
    parsed = float(seconds(value))
    if parsed > LONGEST:
        raise ValueError(f"{value!r} is too long; 366d or less")
    return parsed


def _moment(text: str) -> str:
    unix(text)
    return text


Schedule = Annotated[str, AfterValidator(_cron)]


class Span(NamedTuple):
    """From `start` until just before `end`, in Unix seconds."""

    start: float
    end: float


class Maintenance(Model):
    """Either `schedule` and `duration`, or once from `start` to `end`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=60)]
    schedule: Schedule | None = None
    duration: Annotated[Duration, Field(gt=0), WrapValidator(_short_enough)] | None = None
    timezone: Timezone | None = None  # of the schedule; UTC
    start: Annotated[str, AfterValidator(_moment)] | None = None
    end: Annotated[str, AfterValidator(_moment)] | None = None
    match: Scope = Scope()
    probe: bool = True
    notify: Names = ()

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        again = (self.schedule, self.duration)
        once = (self.start, self.end)
        if self.timezone is not None and self.schedule is None:
            raise ValueError("timezone goes with schedule; start and end say theirs themselves")
        if any(again) and any(once):
            raise ValueError("schedule and duration, or start and end; keep one of them")
        if not (all(again) or all(once)):
            raise ValueError(f"{self._missing()}; write schedule and duration, or start and end")
        if self.start and self.end and unix(self.end) <= unix(self.start):
            raise ValueError(f"end {self.end} is not after start {self.start}")
        return self

    def _missing(self) -> str:
        for has, misses in (("schedule", "duration"), ("start", "end")):
            for one, other in ((has, misses), (misses, has)):
                if getattr(self, one) is not None:
                    return f"{one} is there without {other}"
        return "it does not say when"

    @property
    def by_wall(self) -> bool:
        """Whether its starts are times on the wall, and not every hour or so many minutes."""
        minute, hour = (self.schedule or "* *").split()[:2]
        return not minute.startswith("*") and not hour.startswith("*")

    def span(self, now: float) -> Span | None:
        """The one that is, else the next; None if there is none any more."""
        if self.schedule is None:
            once = Span(unix(self.start or ""), unix(self.end or ""))
            return once if now < once.end else None
        length = self.duration or 0.0
        # The first that has not ended: every start before it is its length ago, or more.
        start = next(self.starts(now - length), None)
        return None if start is None else Span(start, start + length)

    def starts(self, after: float) -> Iterator[float]:
        """By its schedule, later than `after`, one after the other."""
        return starts(self.schedule or "", self.timezone, after)

    def active(self, now: float) -> bool:
        span = self.span(now)
        return span is not None and span.start <= now


def starts(schedule: str, timezone: str | None, after: float) -> Iterator[float]:
    """The moments of a schedule that are later than `after`, one after the other."""
    there = datetime.fromtimestamp(math.floor(after), zone(timezone or "UTC"))
    for one in CronSim(schedule, there):
        # In an hour that is there for the second time it begins with those of the first.
        if (start := one.timestamp()) > after:
            yield start


@lru_cache(maxsize=1000)
def unix(text: str) -> float:
    """RFC 3339 in Unix seconds. Raises ValueError with what would be right."""
    try:
        if _RFC3339.fullmatch(text):
            return datetime.fromisoformat(text.upper()).timestamp()
    except (ValueError, OverflowError):
        pass  # such as the 30th of February
    raise ValueError(f"{text!r} is no moment; write it as 2026-03-29T02:00:00Z or with +01:00")
