"""A window begins by the clock on the wall and lasts in real time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from prober.alerts.windows import Maintenance, Span, unix

QUARTER = timedelta(minutes=15)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC")


def weekly(**given: JsonValue) -> Maintenance:
    return Maintenance.model_validate(
        {"name": "weekly", "schedule": "0 3 * * SUN", "duration": "2h", **given}
    )


def shown(span: Span | None) -> tuple[str, str] | None:
    if span is None:
        return None
    begin, end = (f"{datetime.fromtimestamp(one, UTC):%m-%d %H:%M}" for one in span)
    return begin, end


@pytest.mark.parametrize(
    ("zone", "schedule", "duration", "asked", "begin", "end"),
    [
        # 02:00 CET becomes 03:00 CEST: 02:30 is not there.
        ("Europe/Berlin", "30 2 * * *", "1h", "2026-03-28T12:00Z", "03-29 01:00", "03-29 02:00"),
        ("Europe/Berlin", "30 1 * * *", "2h", "2026-03-28T12:00Z", "03-29 00:30", "03-29 02:30"),
        ("Europe/Berlin", "0 3 * * SUN", "2h", "2026-03-28T12:00Z", "03-29 01:00", "03-29 03:00"),
        # 03:00 CEST becomes 02:00 CET: 02:30 is there twice.
        ("Europe/Berlin", "30 2 * * *", "1h", "2026-10-24T12:00Z", "10-25 00:30", "10-25 01:30"),
        ("Europe/Berlin", "30 2 * * *", "1h", "2026-10-25T01:29Z", "10-25 00:30", "10-25 01:30"),
        ("Europe/Berlin", "30 2 * * *", "1h", "2026-10-25T01:30Z", "10-26 01:30", "10-26 02:30"),
        ("Europe/Berlin", "30 1 * * *", "2h", "2026-10-24T12:00Z", "10-24 23:30", "10-25 01:30"),
        # 02:00 EST becomes 03:00 EDT, and back.
        ("America/New_York", "0 2 * * *", "1h", "2026-03-07T07:30Z", "03-07 07:00", "03-07 08:00"),
        ("America/New_York", "0 2 * * *", "1h", "2026-03-08T06:59Z", "03-08 07:00", "03-08 08:00"),
        ("America/New_York", "30 1 * * *", "1h", "2026-11-01T05:10Z", "11-01 05:30", "11-01 06:30"),
        ("America/New_York", "30 1 * * *", "1h", "2026-11-01T06:40Z", "11-02 06:30", "11-02 07:30"),
        # Half an hour: 02:00 becomes 02:30 in October, and 01:30 in April.
        ("Australia/Lord_Howe", "15 2 * * *", "1h", "2026-10-03T12:00Z", "10-03 15:30", "10-03 16:30"),
        ("Australia/Lord_Howe", "45 1 * * *", "1h", "2026-04-04T12:00Z", "04-04 14:45", "04-04 15:45"),
        ("Australia/Lord_Howe", "45 1 * * *", "20m", "2026-04-04T15:10Z", "04-05 15:15", "04-05 15:35"),
        # At midnight, on a Friday: the day begins an hour late.
        ("Africa/Cairo", "0 0 * * FRI", "1h", "2026-04-23T12:00Z", "04-23 22:00", "04-23 23:00"),
        # Every hour that passes.
        ("Europe/Berlin", "30 * * * *", "10m", "2026-10-25T00:50Z", "10-25 01:30", "10-25 01:40"),
    ],
)  # fmt: skip
def test_over_both_changes_of_the_clocks(
    zone: str, schedule: str, duration: str, asked: str, begin: str, end: str
) -> None:
    window = weekly(schedule=schedule, duration=duration, timezone=zone)

    assert shown(window.span(unix(asked))) == (begin, end)


@lru_cache
def quarters_of(zone: str) -> list[tuple[int, int, int, int]]:
    """When each quarter of an hour on the wall of 2026 is first there; and which it is."""
    there = ZoneInfo(zone)
    found: list[tuple[int, int, int, int]] = []
    moments = range(int(unix("2025-12-25T00:00Z")), int(unix("2027-01-10T00:00Z")), 900)
    wall = datetime.fromtimestamp(moments[0], there).replace(tzinfo=None)
    for moment in moments:
        shows = datetime.fromtimestamp(moment, there).replace(tzinfo=None)
        while wall <= shows:  # several where the clock is set forward, none where back
            found.append((moment, wall.minute, wall.hour, wall.weekday()))
            wall += QUARTER
    return found


def by_hand(minute: int, hours: set[int], days: set[int], zone: str) -> list[int]:
    return [
        moment
        for moment, its, hour, day in quarters_of(zone)
        if its == minute and hour in hours and day in days
    ]


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from((0, 15, 30, 45)),
    st.sets(st.integers(0, 5) | st.sampled_from((12, 23)), min_size=1, max_size=3),
    st.sets(st.sampled_from(range(7)), min_size=1),
    st.integers(1, 30),
    st.sampled_from(ZONES),
)
def test_a_year_is_as_if_every_quarter_of_an_hour_had_been_looked_at(
    minute: int, hours: set[int], days: set[int], quarters: int, zone: str
) -> None:
    fields = [",".join(str(one) for one in sorted(hours)), "*", "*"]
    cron = f"{minute} {' '.join(fields)} {','.join(str(day + 1) for day in sorted(days))}"
    window = weekly(schedule=cron, duration=f"{quarters * 15}m", timezone=zone)
    starts = frozenset(by_hand(minute, hours, days, zone))
    length = quarters * 900
    inside = {start + step * 900 for start in starts for step in range(quarters)}

    now, year_over = unix("2026-01-01T00:00Z"), unix("2027-01-01T00:00Z")
    while now < year_over and (span := window.span(now)) is not None:
        begin, end = int(span.start), int(span.end)
        assert end - begin == length
        assert begin in starts
        assert not inside.intersection(range(int(now), begin, 900))  # nothing was left out
        assert inside.issuperset(range(begin, end, 900))
        now = span.end


@given(st.floats(unix("2026-01-01T00:00Z"), unix("2027-01-01T00:00Z")), st.sampled_from(ZONES))
@settings(deadline=None)
def test_it_lasts_from_its_start_until_just_before_its_end(now: float, zone: str) -> None:
    window = weekly(schedule="30 2 * * *", duration="90m", timezone=zone)
    span = window.span(now)

    assert span is not None
    assert now < span.end
    assert window.active(now) is (span.start <= now)
    assert window.active(span.start)
    assert not window.active(span.start - 1)
    assert window.active(span.end - 1)
    assert not window.active(span.end)


def test_one_that_begins_again_before_it_is_over_is_never_over() -> None:
    window = weekly(schedule="0 * * * *", duration="90m")
    moments = [unix("2026-05-01T00:00Z") + 60 * minute for minute in range(24 * 60)]

    assert all(map(window.active, moments))


def test_starts_that_a_change_of_the_clocks_makes_one_are_one() -> None:
    window = weekly(schedule="0,15,30 2 * * *", duration="5m", timezone="Europe/Berlin")
    starts = window.starts(unix("2026-03-28T12:00Z"))
    first = [next(starts) for _ in range(4)]

    assert [f"{datetime.fromtimestamp(one, UTC):%d %H:%M}" for one in first] == [
        "29 01:00", "30 00:00", "30 00:15", "30 00:30",
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "asked", ["2026-10-31T05:10Z", "2026-10-25T01:10Z", "2026-11-01T06:10Z", "2026-04-04T15:10Z"]
)
def test_starts_only_go_forward(zone: str, asked: str) -> None:
    window = weekly(schedule="0,30 0-3,22-23 * * *", duration="5m", timezone=zone)
    after = unix(asked)
    starts = window.starts(after)
    found = [after, *(next(starts) for _ in range(100))]

    assert all(sooner < later for sooner, later in pairwise(found))


def test_once_is_from_start_to_end_and_never_again() -> None:
    window = Maintenance.model_validate(
        {"name": "move", "start": "2026-05-01T22:00:00+02:00", "end": "2026-05-02 00:30:00.5Z"}
    )
    span = Span(unix("2026-05-01T20:00Z"), unix("2026-05-02T00:30Z") + 0.5)

    assert window.span(0) == span == window.span(span.start) == window.span(span.end - 0.1)
    assert window.span(span.end) is None
    assert [window.active(now) for now in (span.start - 1, span.start, span.end)] == [
        False,
        True,
        False,
    ]


def test_what_comes_once_in_four_years_is_found() -> None:
    window = weekly(schedule="0 0 29 2 *", duration="1d")

    assert shown(window.span(unix("2026-03-01T00:00Z"))) == ("02-29 00:00", "03-01 00:00")


@pytest.mark.parametrize("tenths", range(1, 30))
def test_parts_of_a_second_are_no_trouble(tenths: int) -> None:
    length = tenths / 10
    window = weekly(schedule="0 3 * * *", duration=length)
    start = unix("2026-05-01T03:00:00Z")
    moments = (start - 0.1, start, start + length - 0.05, start + length)

    assert [window.active(now) for now in moments] == [False, True, True, False]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"duration": None}, "schedule is there without duration"),
        ({"schedule": None}, "duration is there without schedule"),
        ({"schedule": None, "duration": None}, "it does not say when"),
        ({"start": "2026-05-01T00:00Z"}, "keep one of them"),
        ({"schedule": "3 * * SUN"}, "is not the five fields of cron"),
        ({"schedule": "0 0 0 3 * *"}, "is not the five fields"),
        ({"schedule": "@daily"}, "write them like 0 3"),
        ({"schedule": "0 25 * * *"}, "'25' is no hour"),
        ({"schedule": "60 1 * * *"}, "'60' is no minute"),
        ({"schedule": "0 1 31 2 *"}, "'31' is no day-of-month"),
        ({"schedule": "0 1 * 13 *"}, "'13' is no month"),
        ({"schedule": "0 1 * * FOO"}, "'FOO' is no day-of-week"),
        ({"timezone": "Europe/Berlim"}, "did you mean Europe/Berlin?"),
        ({"timezone": "Europe"}, "'Europe' is no timezone"),
        ({"timezone": "../etc/passwd"}, "is no timezone"),
        ({"duration": "2000d"}, "'2000d' is too long; 366d or less"),
        ({"name": "@window"}, "pattern"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed: dict[str, JsonValue], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("?", r"\?")):
        weekly(**changed)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00Z",
        "2026-05-01",
        "2026-05-01T00:00",
        "tomorrow",
        "2026-05-01T25:00Z",
        "2026-W01-1T00:00Z",
    ],
)
def test_a_moment_without_an_offset_or_a_day_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no moment; write it as 2026-03-29T02:00:00Z"):
        unix(text)


def test_the_end_comes_after_the_start() -> None:
    moments = {"start": "2026-05-01T02:00+02:00", "end": "2026-05-01T00:00Z"}

    with pytest.raises(ValidationError, match="is not after start"):
        Maintenance.model_validate({"name": "x", **moments})
    with pytest.raises(ValidationError, match="timezone goes with schedule"):
        Maintenance.model_validate({"name": "x", "timezone": "UTC", **moments})
