"""When is maintenance, and is that what was meant? The windows of a config, and what is odd about them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim

from prober.alerts.scope import Scope, labels_of
from prober.alerts.times import zone
from prober.alerts.windows import Maintenance, unix
from prober.config.desk import Desk
from prober.config.model import Config
from prober.config.named import Names, refuse_unknown
from prober.config.routes import warn_of_scope
from prober.config.tree import Path
from prober.units import show_duration

DAY = 86400.0
YEAR = 366 * DAY
STARTS = 60  # of a schedule that are compared with how long it lasts


def read_maintenance(desk: Desk) -> Iterator[Maintenance]:
    """Every window that is right."""
    names = Names(desk, "maintenance")
    for index, raw in enumerate(desk.list(("maintenance",), desk.section("maintenance"))):
        place: Path = ("maintenance", index)
        window = desk.validated(Maintenance, raw, place)
        refuse_unknown(desk, place)
        names.note(index)
        if window is not None:
            yield window


def warn_of_windows(desk: Desk, config: Config, now: float) -> None:
    """What is legal and probably not meant; `now` is in Unix seconds."""
    for index, window in enumerate(config.maintenance):
        place: Path = ("maintenance", index)
        if window.notify and not config.notifies:
            said = (
                "nobody is told of it: this agent does not notify;"
                " set agent.notify: always to have it told"
            )
            desk.report.warn((*place, "notify"), said)
        if not warn_of_scope(desk, config, window.match, (*place, "match")):
            _warn_of_nothing(desk, config, window.match, place)
        for key, said in oddities(window, now):
            desk.report.warn((*place, key), said)


def _warn_of_nothing(desk: Desk, config: Config, scope: Scope, place: Path) -> None:
    """Other regions may run this config too: their checks count as well."""
    if config.checks and not any(map(scope.covers, _all_labels(config))):
        desk.report.warn((*place, "match"), "no check has all of this; it never covers any")


def _all_labels(config: Config) -> Iterator[Mapping[str, str]]:
    for region in dict.fromkeys((config.agent.region, *config.regions)):
        yield labels_of(region, "", "agent", config.agent.labels)
        for check in config.checks:
            yield labels_of(region, check.name, check.kind, check.labels)


def oddities(window: Maintenance, now: float) -> Iterator[tuple[str, str]]:
    """By the key that each is about."""
    if window.schedule is None:
        if window.end and unix(window.end) <= now:
            yield "end", f"{window.end} has passed; leave the window out"
        return
    starts = list(islice(window.starts(now), STARTS))
    there = zone(window.timezone or "UTC")
    if not starts or starts[0] > now + YEAR:
        moment = datetime.fromtimestamp(starts[0], there) if starts else None
        when = f"before {moment:%Y-%m-%d}" if moment else "any more"
        yield "schedule", f"{window.schedule!r} does not come {when}; is that what is meant?"
    apart = min((later - sooner for sooner, later in pairwise(starts)), default=math.inf)
    if window.duration and window.duration >= apart:
        lasts, gap = show_duration(window.duration), show_duration(apart)
        said = f"it lasts {lasts} and begins again {gap} after a start, so that one goes on in the next"
        yield "duration", said
    if window.by_wall:
        for said in _turned(window.schedule, there, now):
            yield "schedule", said


class _Turn(NamedTuple):
    """A moment from which on the clock on the wall shows another time than it would."""

    at: datetime  # in UTC
    before: timedelta
    after: timedelta


def _turned(schedule: str, there: ZoneInfo, now: float) -> Iterator[str]:
    """Starts of the coming year at which the clock is set forward or back."""
    for turn in _turns(there, now):
        shown = [(turn.at + offset).replace(tzinfo=None) for offset in (turn.before, turn.after)]
        begin, end = sorted(shown)
        wall = next(CronSim(schedule, begin - timedelta(seconds=1)), None)
        if wall is None or wall >= end:
            continue
        if turn.after > turn.before:
            yield (
                f"{wall:%H:%M} on {wall:%Y-%m-%d} does not exist in {there};"
                f" it begins at {end:%H:%M} then"
            )
        else:
            yield (
                f"{wall:%H:%M} on {wall:%Y-%m-%d} is there twice in {there};"
                " it begins the first time"
            )


def _turns(there: ZoneInfo, now: float) -> Iterator[_Turn]:
    """Within a year; none of them less than a day after another."""
    for day in range(int(YEAR // DAY)):
        low, high = math.floor(now + day * DAY), math.floor(now + (day + 1) * DAY)
        before, after = _offset(there, low), _offset(there, high)
        while before != after and high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(there, middle) == before else (low, middle)
        if before != after:
            yield _Turn(datetime.fromtimestamp(high, UTC), before, after)


def _offset(there: ZoneInfo, moment: float) -> timedelta:
    return datetime.fromtimestamp(moment, there).utcoffset() or timedelta()
