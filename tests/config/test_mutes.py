"""Windows of maintenance load, and what is odd about one is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.alerts.windows import Maintenance, unix
from prober.config.difference import difference
from prober.config.mutes import oddities
from tests.config.loading import loaded, warned

NOW = unix("2026-01-15T12:00Z")
HEAD = "agent: {region: eu, notify: never}\nregions: [eu, us]\n"
CHECK = 'checks: [{name: a, tcp: "h:1", labels: {team: x}}]\n'
WEEKLY = '{name: weekly, schedule: "0 3 * * *", duration: 2h'


def odd(schedule: str, duration: str = "1h", timezone: str = "UTC") -> list[tuple[str, str]]:
    given = {"name": "x", "schedule": schedule, "duration": duration, "timezone": timezone}
    return list(oddities(Maintenance.model_validate(given), NOW))


def test_windows_are_in_the_config_in_their_order(tmp_path: Path) -> None:
    text = """
notifiers: {mail: {webhook: {url: "https://hooks.example/"}}}
maintenance:
  - {name: weekly, schedule: "0 3 * * SUN", duration: 2h, timezone: Africa/Johannesburg, match: {labels: {team: payments}}, probe: true, notify: [mail]}
  - {name: move, start: "2030-05-04T22:00:00+02:00", end: "2030-05-05T06:00:00+02:00", probe: false}
"""
    weekly, move = loaded(tmp_path, text).config.maintenance

    assert (weekly.name, weekly.duration, weekly.probe, weekly.notify) == (
        "weekly",
        7200.0,
        True,
        ("mail",),
    )
    assert weekly.match.labels == {"team": ("payments",)}
    assert (move.name, move.probe, move.notify) == ("move", False, ())
    assert move.span(0) == (unix("2030-05-04T20:00Z"), unix("2030-05-05T04:00Z"))


@pytest.mark.parametrize("empty", ["", "maintenance:", "maintenance: []"])
def test_without_any_there_are_none(tmp_path: Path, empty: str) -> None:
    assert loaded(tmp_path, empty).config.maintenance == ()


async def test_a_changed_window_touches_no_check(tmp_path: Path) -> None:
    old = loaded(tmp_path, HEAD + CHECK + f"maintenance: [{WEEKLY}}}]").config
    new = loaded(tmp_path, HEAD + CHECK + f"maintenance: [{WEEKLY}, probe: false}}]").config

    found = await difference(old, new)

    assert (found.changed, found.others) == ((), ("maintenance",))


@pytest.mark.parametrize(
    ("match", "warning"),
    [
        ("{checks: gone}", "maintenance[0].match.checks: 'gone' can never match; there is none"),
        ("{kinds: gopher}", "maintenance[0].match.kinds: 'gopher' can never match; there is none"),
        ("{labels: {team: y}}", "maintenance[0].match: no check has all of this; it never covers any"),
        ("{checks: a, kinds: http}", "maintenance[0].match: no check has all of this; it never covers any"),
    ],
)  # fmt: skip
def test_a_window_of_no_check_is_a_warning(tmp_path: Path, match: str, warning: str) -> None:
    text = HEAD + CHECK + f"maintenance: [{WEEKLY}, match: {match}}}]"

    assert warned(tmp_path, text) == [f"config.yaml:4: {warning}"]


@pytest.mark.parametrize(
    "match",
    [
        "{}",
        "{checks: [a, gone]}",
        "{kinds: agent}",
        "{regions: us}",
        "{labels: {team: [x, y]}, kinds: tcp}",
    ],
)
def test_a_window_of_any_check_is_none(tmp_path: Path, match: str) -> None:
    assert warned(tmp_path, HEAD + CHECK + f"maintenance: [{WEEKLY}, match: {match}}}]") == []


def test_one_that_has_passed_is_a_warning(tmp_path: Path) -> None:
    once = '{name: move, start: "2020-05-04T22:00:00Z", end: "2020-05-05T06:00:00Z"}'

    assert warned(tmp_path, f"maintenance: [{once}]") == [
        "config.yaml:1: maintenance[0].end: 2020-05-05T06:00:00Z has passed; leave the window out"
    ]


@pytest.mark.parametrize(
    ("schedule", "duration", "said"),
    [
        ("0 3 * * *", "24h", "it lasts 1 d and begins again 1 d after a start, so that one goes on in the next"),
        ("*/10 * * * *", "15m", "it lasts 15 m and begins again 10 m after a start, so that one goes on in the next"),
        ("0 3 1,2 * *", "30h", "it lasts 1 d 6 h and begins again 1 d after a start, so that one goes on in the next"),
    ],
)  # fmt: skip
def test_one_that_begins_again_before_it_is_over_is_a_warning(
    schedule: str, duration: str, said: str
) -> None:
    assert odd(schedule, duration) == [("duration", said)]


def test_one_that_does_not_come_within_a_year_is_a_warning() -> None:
    said = "'0 0 29 2 *' does not come before 2028-02-29; is that what is meant?"

    assert odd("0 0 29 2 *") == [("schedule", said)]
    assert odd("0 0 14 1 *") == []


@pytest.mark.parametrize(
    ("schedule", "timezone", "said"),
    [
        (
            "30 2 * * *",
            "Europe/Berlin",
            [
                "02:30 on 2026-03-29 does not exist in Europe/Berlin; it begins at 03:00 then",
                "02:30 on 2026-10-25 is there twice in Europe/Berlin; it begins the first time",
            ],
        ),
        (
            "0 2 * * *",
            "America/New_York",
            ["02:00 on 2026-03-08 does not exist in America/New_York; it begins at 03:00 then"],
        ),
        (
            "45 1 * * SUN",
            "Australia/Lord_Howe",
            ["01:45 on 2026-04-05 is there twice in Australia/Lord_Howe; it begins the first time"],
        ),
        (
            "0 0 * * FRI",
            "Africa/Cairo",
            ["00:00 on 2026-04-24 does not exist in Africa/Cairo; it begins at 01:00 then"],
        ),
        ("0 3 * * *", "Europe/Berlin", []),
        ("30 2 * * MON", "Europe/Berlin", []),
        ("30 * * * *", "Europe/Berlin", []),
        ("30 2 * * *", "UTC", []),
    ],
)
def test_a_start_at_which_the_clocks_change_is_a_warning(
    schedule: str, timezone: str, said: list[str]
) -> None:
    assert odd(schedule, "10m", timezone) == [("schedule", one) for one in said]


@pytest.mark.parametrize("agent", ["notify: never", "notify: auto"])
def test_a_window_that_nobody_announces_is_a_warning(tmp_path: Path, agent: str) -> None:
    head = HEAD.replace("notify: never", agent) + 'notifiers: {h: {webhook: {url: "http://h/"}}}\n'
    text = (
        head + CHECK + f"maintenance: [{WEEKLY}, notify: [h]}}, {WEEKLY.replace('weekly', 'b')}}}]"
    )

    said = [one for one in warned(tmp_path, text) if "maintenance" in one]

    assert said == [
        "config.yaml:5: maintenance[0].notify: nobody is told of it: this agent does not notify;"
        " set agent.notify: always to have it told"
    ]


ROUTED = """
agent: {region: eu}
notifiers: {h: {webhook: {url: "http://h/"}}}
checks: [{name: a, tcp: "h:1"}]
routes:
  - {notify: h, match: {times: [%s]}}
"""


def test_hours_at_which_nobody_is_told_are_a_warning(tmp_path: Path) -> None:
    office = "{days: MON-FRI, from: 08:00, to: 18:00, timezone: Europe/Berlin}"
    when = "at 18:00 on a Monday in Europe/Berlin; add one, with notify: [] to tell nobody"
    whose = ("down (critical) of a", "ProberAgentFault (critical) of the agent itself")

    assert warned(tmp_path, ROUTED % office) == [
        f"config.yaml:5: routes: none takes the alert {one} {when}" for one in whose
    ]


@pytest.mark.parametrize(
    "times",
    [
        "{days: MON-SUN}",
        "{from: 08:00, to: 18:00}, {from: 18:00, to: 08:00}",
        "{days: MON-FRI}, {days: 'SAT,SUN'}",
    ],
)
def test_hours_that_make_a_week_are_none(tmp_path: Path, times: str) -> None:
    assert warned(tmp_path, ROUTED % times) == []
