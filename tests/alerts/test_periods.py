"""A report is due at the moments of its schedule, each once, and is about the time in between."""

from __future__ import annotations

from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from prober.alerts.periods import HOUR, LATER, Report
from prober.alerts.windows import unix
from tests.alerts.test_windows import ZONES

DAY = 24 * HOUR
MONDAY = unix("2026-11-16T08:00Z")
SCHEDULES = ("0 8 * * MON", "0 0 1 * *", "30 2 * * *", "*/20 * * * *", "15 1 * * SUN", "0 * * * *")


def report(schedule: str = "0 8 * * MON", **given: JsonValue) -> Report:
    return Report.model_validate({"schedule": schedule, "notify": "mail", **given})


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SCHEDULES),
    st.sampled_from(ZONES),
    st.integers(min_value=0, max_value=366 * 24 * 12).map(lambda fives: MONDAY + fives * 300),
)
def test_the_last_moment_is_the_one_that_going_forward_finds(
    schedule: str, zone: str, now: float
) -> None:
    """Whatever the clocks on the wall do."""
    one = report(schedule, timezone=zone)

    moments = [now - 2 * DAY if "*/20" in schedule or "0 * *" in schedule else now - 33 * DAY]
    while (following := one.next(moments[-1])) is not None and following <= now:
        moments.append(following)

    assert one.last(now) == (moments[-1] if len(moments) > 1 else None)


@pytest.mark.parametrize(
    ("zone", "turn"),
    [
        ("Europe/Berlin", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "2026-10-25T01:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
        ("Africa/Cairo", "2026-04-23T22:00Z"),
    ],
)
@pytest.mark.parametrize("schedule", ["30 2 * * *", "0 3 * * *", "0 0 * * *", "15 2 * * *"])
def test_also_while_the_clocks_are_set(zone: str, turn: str, schedule: str) -> None:
    one, begin = report(schedule, timezone=zone), unix(turn) - 2 * DAY
    moments = [at for at in _following(one, begin, 5) if at is not None]

    for now in range(int(unix(turn) - 4 * HOUR), int(unix(turn) + 8 * HOUR), 900):
        assert one.last(now) == max(at for at in moments if at <= now)


def test_it_is_due_a_minute_after_its_moment_and_only_once() -> None:
    one, told = report(), MONDAY - 7 * DAY

    assert one.due(told, MONDAY) is None
    assert one.due(told, MONDAY + LATER - 1) is None
    assert one.due(told, MONDAY + LATER) == MONDAY
    assert one.due(MONDAY, MONDAY + LATER) is None
    assert one.due(MONDAY, MONDAY + 6 * DAY) is None


def test_of_several_that_were_missed_the_latest_is_told() -> None:
    assert report().due(MONDAY, MONDAY + 22 * DAY) == MONDAY + 21 * DAY


@pytest.mark.parametrize(
    ("schedule", "moment", "since", "until"),
    [
        ("0 8 * * MON", "2026-11-16T08:00Z", "2026-11-09T08:00Z", "2026-11-16T08:00Z"),
        ("30 8 * * *", "2026-11-16T08:30Z", "2026-11-15T08:00Z", "2026-11-16T08:00Z"),
        ("0 0 1 * *", "2026-03-01T00:00Z", "2026-02-01T00:00Z", "2026-03-01T00:00Z"),
        ("*/20 * * * *", "2026-11-16T08:20Z", "2026-11-16T08:00Z", "2026-11-16T09:00Z"),
        ("*/20 * * * *", "2026-11-16T09:00Z", "2026-11-16T08:00Z", "2026-11-16T09:00Z"),
    ],
)
def test_a_period_is_made_of_whole_hours(
    schedule: str, moment: str, since: str, until: str
) -> None:
    assert report(schedule).period(unix(moment)) == (unix(since), unix(until))


def test_a_week_in_which_the_clocks_are_set_back_has_an_hour_more() -> None:
    one = report(timezone="Europe/Berlin")
    autumn = one.period(unix("2026-10-26T07:00Z"))

    assert autumn.until - autumn.since == 169 * HOUR


def test_periods_follow_one_another_without_gap_or_overlap() -> None:
    one = report("30 8 * * *", timezone="Europe/Berlin")
    moments = takewhile(lambda at: at is not None, _following(one, MONDAY, 300))
    periods = [one.period(moment) for moment in moments if moment is not None]

    assert [one.since for one in periods[1:]] == [one.until for one in periods[:-1]]


def test_what_has_no_name_is_called_by_its_schedule() -> None:
    assert report().called == "0 8 * * MON"
    assert report(name="weekly").called == "weekly"
    assert report(name="weekly").key == ("", "@report weekly")


@pytest.mark.parametrize(
    "given",
    [
        {"schedule": "0 8 * * MON"},
        {"schedule": "0 8 * * MON", "notify": []},
        {"schedule": "@weekly", "notify": "mail"},
        {"notify": "mail"},
    ],
)
def test_it_says_when_and_to_whom(given: dict[str, JsonValue]) -> None:
    with pytest.raises(ValidationError):
        Report.model_validate(given)


def _following(one: Report, after: float, count: int) -> list[float | None]:
    moments: list[float | None] = []
    at: float | None = after
    for _ in range(count):
        at = one.next(at) if at is not None else None
        moments.append(at)
    return moments
