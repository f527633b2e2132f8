"""Reports load, and what is odd about one is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.config.difference import difference
from prober.config.schema import schema
from tests.config.loading import loaded, warned

HOOK = '{webhook: {url: "https://hooks.example/"}}'
HEAD = f"agent: {{region: eu}}\nnotifiers: {{mail: {HOOK}, ops: {HOOK}}}\n"
CHECK = 'checks: [{name: a, tcp: "h:1", labels: {team: x}}]\n'
WEEKLY = '{schedule: "0 8 * * MON", notify: [mail]'


def test_reports_are_in_the_config_in_their_order(tmp_path: Path) -> None:
    text = f"""{HEAD}
reports:
  - {WEEKLY}, match: {{}}}}
  - {{schedule: "30 6 1 * *", timezone: Europe/Berlin, notify: ops, match: {{labels: {{team: x}}}}, name: monthly}}
"""
    weekly, monthly = loaded(tmp_path, text).config.reports

    assert (weekly.called, weekly.name, weekly.timezone) == ("0 8 * * MON", None, None)
    assert weekly.notify == ("mail",)
    assert (monthly.called, monthly.timezone, monthly.notify) == (
        "monthly",
        "Europe/Berlin",
        ("ops",),
    )
    assert monthly.match.labels == {"team": ("x",)}


@pytest.mark.parametrize("empty", ["", "reports:", "reports: []"])
def test_without_any_there_are_none(tmp_path: Path, empty: str) -> None:
    assert loaded(tmp_path, empty).config.reports == ()


async def test_a_changed_report_touches_no_check(tmp_path: Path) -> None:
    old = loaded(tmp_path, HEAD + CHECK + f"reports: [{WEEKLY}}}]").config
    new = loaded(tmp_path, HEAD + CHECK + f"reports: [{WEEKLY}, name: weekly}}]").config

    found = await difference(old, new)

    assert (found.changed, found.others) == ((), ("reports",))


@pytest.mark.parametrize(
    ("more", "warning"),
    [
        ("match: {checks: gone}", "reports[0].match.checks: 'gone' can never match; there is none"),
        ("match: {labels: {team: y}}", "reports[0].match: no check has all of this; the report is empty"),
    ],
)  # fmt: skip
def test_a_report_of_no_check_is_a_warning(tmp_path: Path, more: str, warning: str) -> None:
    text = HEAD + CHECK + f"reports: [{WEEKLY}, {more}}}]"

    assert [one.partition(": ")[2] for one in warned(tmp_path, text)] == [warning]


def test_a_schedule_that_does_not_come_is_a_warning(tmp_path: Path) -> None:
    text = HEAD + CHECK + 'reports: [{schedule: "0 8 30 2 MON#5", notify: mail}]'

    [said] = warned(tmp_path, text)

    assert said.endswith(
        "reports[0].schedule: '0 8 30 2 MON#5' does not come within a year; is that what is meant?"
    )


def test_an_agent_that_tells_nobody_sends_no_reports_and_says_so(tmp_path: Path) -> None:
    text = HEAD.replace("eu", "eu, notify: never") + CHECK + f"reports: [{WEEKLY}}}]"

    [said] = warned(tmp_path, text)

    assert "reports: they are not sent" in said


def test_an_editor_knows_them() -> None:
    definitions = schema()["$defs"]
    assert isinstance(definitions, dict)

    report = definitions["Report"]

    assert sorted(report["required"]) == ["notify", "schedule"]
    assert all(one.get("description") for one in report["properties"].values())
