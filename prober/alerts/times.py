"""At what time of the week? Hours of days in a timezone, and which timezones there are."""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, model_validator

from prober.alerts.scope import OneOf
from prober.check import Model

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
WHOLE = (0, 24 * 60)  # a day, in minutes
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)")


def zone(name: str) -> ZoneInfo:
    """Raises ValueError with what would be right."""
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # a folder of timezones is none itself
        close = get_close_matches(name, sorted(available_timezones()), n=1, cutoff=0.6)
        right = f"did you mean {close[0]}?" if close else "write one like Europe/Berlin, or UTC"
        raise ValueError(f"{name!r} is no timezone; {right}") from None


def _known(name: str) -> str:
    zone(name)
    return name


def _clock(text: str) -> str:
    _minutes(text)
    return text


def _days(text: str) -> str:
    _numbers(text)
    return text


Timezone = Annotated[str, AfterValidator(_known)]
_Clock = Annotated[str, AfterValidator(_clock)]
_Days = Annotated[OneOf, AfterValidator(lambda days: tuple(map(_days, days)))]


class Times(Model):
    """From `from` until just before `to`, by the clock on the wall; `days` are those it begins on."""

    days: _Days = ("MON-SUN",)
    from_: Annotated[_Clock, Field(alias="from")] = "00:00"
    to: _Clock = "24:00"
    timezone: Timezone = "UTC"

    @model_validator(mode="after")
    def _some(self) -> Self:
        begin, end = _minutes(self.from_), _minutes(self.to)
        if begin == end or begin == WHOLE[1]:
            raise ValueError(
                f"from {self.from_} to {self.to} is no time; leave both out for the whole day"
            )
        return self

    def have(self, now: float) -> bool:
        """Whether it is one of these times; those over midnight last into the next day."""
        there = datetime.fromtimestamp(now, zone(self.timezone))
        begin, end = _minutes(self.from_), _minutes(self.to)
        minute, day = there.hour * 60 + there.minute, there.weekday()
        days = frozenset().union(*map(_numbers, self.days))
        if begin < end:
            return begin <= minute < end and day in days
        return (minute >= begin and day in days) or (minute < end and (day - 1) % 7 in days)


@lru_cache(maxsize=1000)
def _minutes(text: str) -> int:
    """Since midnight."""
    written = _CLOCK.fullmatch(text)
    minutes = int(written[1]) * 60 + int(written[2]) if written else WHOLE[1] + 1
    if minutes > WHOLE[1]:
        raise ValueError(
            f"{text!r} is no time of day; write 08:00, or 24:00 for the end of the day"
        )
    return minutes


@lru_cache(maxsize=1000)
def _numbers(text: str) -> frozenset[int]:
    """`MON`, `MON-FRI` or `SAT,SUN`: Monday is 0."""
    days: set[int] = set()
    for part in text.upper().split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"{text!r} are no days; write MON-FRI or SAT,SUN")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days.update(day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))
    return frozenset(days)
