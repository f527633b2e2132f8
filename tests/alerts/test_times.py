"""Hours of days, by the clock on the wall."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from prober.alerts.times import DAYS, Times

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {"days": "MON-FRI", "from": "08:00", "to": "18:00", "timezone": "Europe/Berlin"}


def times(**given: JsonValue) -> Times:
    return Times.model_validate({**OFFICE, **given})


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("moment", "is_one"),
    [
        ("2026-11-20 08:00", True),  # a Friday
        ("2026-11-20 07:59:59", False),
        ("2026-11-20 17:59:59", True),
        ("2026-11-20 18:00", False),
        ("2026-11-21 12:00", False),
        ("2026-11-22 12:00", False),
        ("2026-11-23 12:00", True),
        ("2026-07-20 08:00", True),  # summer time
        ("2026-07-20 07:59", False),
    ],
)
def test_from_is_in_and_to_is_not(moment: str, is_one: bool) -> None:
    assert times().have(at(moment)) is is_one


@pytest.mark.parametrize(
    ("moment", "is_one"),
    [
        ("2026-11-20 22:00", True),  # a Friday
        ("2026-11-21 05:59", True),
        ("2026-11-21 06:00", False),
        ("2026-11-21 22:00", False),
        ("2026-11-20 05:59", False),  # the night began on a Thursday
    ],
)
def test_over_midnight_the_day_is_the_one_it_begins_on(moment: str, is_one: bool) -> None:
    nights = times(**{"days": "FRI", "from": "22:00", "to": "06:00"})

    assert nights.have(at(moment)) is is_one


def test_the_night_of_a_sunday_lasts_into_monday() -> None:
    assert times(**{"days": "SUN", "from": "22:00", "to": "06:00"}).have(at("2026-11-23 05:00"))


@pytest.mark.parametrize(
    ("days", "meant"),
    [
        ("MON", "MON"),
        ("mon-wed", "MON TUE WED"),
        ("SAT,SUN", "SAT SUN"),
        (["SAT", "SUN"], "SAT SUN"),
        ("FRI-MON", "MON FRI SAT SUN"),
        ("MON-SUN", "MON TUE WED THU FRI SAT SUN"),
        (["MON - TUE", "THU"], "MON TUE THU"),
    ],
)
def test_days_are_a_list_of_days_and_of_ranges(days: JsonValue, meant: str) -> None:
    noon = times(days=days)
    week = [at(f"2026-11-{16 + day} 12:00") for day in range(7)]

    assert [DAYS[day] for day in range(7) if noon.have(week[day])] == meant.split()


def test_days_alone_are_whole_days_in_utc() -> None:
    sundays = Times.model_validate({"days": "SUN"})
    utc = ZoneInfo("UTC")

    assert [sundays.have(at(one, utc)) for one in ("2026-11-21 23:59", "2026-11-22 00:00")] == [
        False,
        True,
    ]
    assert [sundays.have(at(one, utc)) for one in ("2026-11-22 23:59", "2026-11-23 00:00")] == [
        True,
        False,
    ]


@given(st.integers(0, 1439), st.integers(0, 1440), st.integers(0, 10**9))
def test_a_time_and_its_other_half_make_the_day(begin: int, end: int, now: int) -> None:
    shown = [f"{minute // 60:02}:{minute % 60:02}" for minute in (begin, end)]
    if begin == end % 1440:
        return
    one = Times.model_validate({"from": shown[0], "to": shown[1], "timezone": "Africa/Cairo"})
    if end == 1440:
        shown[1] = "00:00"
    other = Times.model_validate({"from": shown[1], "to": shown[0], "timezone": "Africa/Cairo"})

    assert one.have(now) is not other.have(now)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"days": "MON-"}, "'MON-' are no days; write MON-FRI or SAT,SUN"),
        ({"days": "workdays"}, "'workdays' are no days"),
        ({"days": ["MON", "FOO"]}, "'FOO' are no days"),
        ({"days": []}, "at least 1 item"),
        ({"from": "8"}, "'8' is no time of day; write 08:00"),
        ({"to": "24:01"}, "'24:01' is no time of day"),
        ({"to": "12:60"}, "'12:60' is no time of day"),
        ({"to": "08:00"}, "from 08:00 to 08:00 is no time"),
        ({"from": "24:00"}, "from 24:00 to 18:00 is no time"),
        ({"timezone": "Berlin"}, "'Berlin' is no timezone"),
    ],
)
def test_what_cannot_be_meant_is_refused(changed: dict[str, JsonValue], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        times(**changed)
