"""A report says what was, in lines that fit wherever it is read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.alerts.figures import EDGES, Figures
from prober.alerts.notice import Event
from prober.alerts.periods import Period
from prober.alerts.records import Record
from prober.alerts.report import MOST_CHECKS, WIDTH, Facts, available, notice, summary, text
from prober.alerts.windows import unix

SINCE, UNTIL = unix("2026-11-09T07:00Z"), unix("2026-11-16T07:00Z")
DAY = 86400.0


def took(seconds: float, runs: int) -> list[int]:
    durations = [0] * (len(EDGES) + 1)
    at = sum(edge < seconds for edge in EDGES)
    durations[at] = runs
    return durations


def incident(check: str, begun: str, over: str | None, rule: str = "down") -> Record:
    at = unix(begun)
    return Record(
        key=f"eu/{check}/{rule}/{begun}",
        check=check,
        rule=rule,
        severity="critical",
        since=at,
        fired_at=at + 60,
        resolved_at=unix(over) if over else None,
    )


WEEK = Facts(
    region="eu",
    period=Period(SINCE, UNTIL),
    at=UNTIL + 60,
    name="weekly",
    timezone="Europe/Berlin",
    checks={
        "homepage": Figures(
            up=9995, down=5, unknown=2, maintenance=80, seconds=1000.0, durations=took(0.1, 10_000)
        ),
        "checkout": Figures(
            up=300,
            down=20,
            degraded=12,
            seconds=960.0,
            durations=took(4.0, 320),
            budgets={"lcp of cart": 12},
        ),
        "new": Figures(),
        "silent": Figures(unknown=7),
    },
    incidents=(
        incident("homepage", "2026-11-10T02:00Z", "2026-11-10T03:05Z"),
        incident("", "2026-11-12T02:00Z", "2026-11-12T02:10Z", "offline"),
        incident("checkout", "2026-11-16T06:00Z", None),
    ),
    certificates={
        "homepage": UNTIL + 60 + 12 * DAY,
        "checkout": UNTIL + 60 - DAY,
        "new": UNTIL + 40 * DAY,
    },
)

SAID = """\
2026-11-09 08:00 to 2026-11-16 08:00 Europe/Berlin

4 checks: 99.75 % of 10320 runs up

Check                       Available       Up    Down Degraded Unknown Maint.
checkout                      93.75 %      300      20       12       0      0
homepage                      99.95 %     9995       5        0       2     80
new                           no runs        0       0        0       0      0
silent                        no runs        0       0        0       7      0

Incidents: 3
2026-11-10 03:00  1 h 5 m            homepage: down (critical)
2026-11-12 03:00  10 m               the agent: offline (critical)
2026-11-16 07:00  1 h 1 m so far     checkout: down (critical)

Slowest: 95 % of the runs took
checkout                   at most 5 s      on average 3 s
homepage                   at most 100 ms   on average 100 ms

Broken budgets
checkout                   lcp of cart                    12 of 320 runs

Certificates that end within 30 d
checkout                   2026-11-15 08:01  1 d ago
homepage                   2026-11-28 08:01  in 12 d"""


def test_a_report_in_full() -> None:
    assert text(WEEK) == SAID


def test_a_line_of_it_is_enough_for_a_phone() -> None:
    assert summary(WEEK) == (
        "weekly, 7 d in eu: 4 checks, 99.75 % available, 3 incidents, the longest 1 h 5 m"
    )
    nothing = Facts(region="eu", period=Period(SINCE, UNTIL), at=UNTIL)
    assert summary(nothing) == "7 d in eu: 0 checks, no runs, no incidents"


def test_maintenance_and_what_is_our_own_fault_are_no_part_of_availability() -> None:
    assert available(Figures(up=9, down=1, unknown=500, maintenance=500)) == "90.00 %"
    assert available(Figures(unknown=500, maintenance=500)) == "no runs"


@pytest.mark.parametrize(
    ("up", "down", "shown"),
    [(1, 0, "100 %"), (99_999, 1, "99.99 %"), (0, 3, "0.00 %"), (2, 1, "66.66 %")],
)
def test_it_is_never_rounded_up(up: int, down: int, shown: str) -> None:
    assert available(Figures(up=up, down=down)) == shown


def test_it_is_said_that_there_were_no_runs() -> None:
    said = text(replace(WEEK, checks={"new": Figures()}, incidents=(), certificates={}))

    assert "1 check: no runs with a verdict" in said
    assert "Incidents: none" in said
    assert "Slowest" not in said
    assert "Certificates" not in said


def test_of_very_many_checks_the_worst_are_named_and_the_others_counted() -> None:
    well = {f"check-{at:03}": Figures(up=10) for at in range(100)}
    said = text(replace(WEEK, checks=well | {"z": Figures(up=9, down=1)}))

    lines = said.splitlines()
    assert lines[5].startswith("z ")
    assert sum(line.startswith("check-") for line in lines) == MOST_CHECKS - 1
    assert "and 61 more: 100 % of 610 runs up" in lines


def test_of_very_many_incidents_the_longest_are_named() -> None:
    short = [
        incident(f"c{at}", f"2026-11-10T{at // 60:02}:{at % 60:02}Z", "2026-11-10T12:00Z")
        for at in range(100)
    ]
    said = text(replace(WEEK, incidents=[*reversed(short)]))

    assert "c0: down" in said
    assert "c19: down" in said
    assert "c20: down" not in said
    assert said.index("c0: down") < said.index("c1: down")
    assert "and 80 more, none of them longer" in said


def test_what_took_longer_than_any_edge_is_the_slowest() -> None:
    slow = Figures(up=5, seconds=700.0, durations=took(140.0, 5))
    said = text(replace(WEEK, checks={**WEEK.checks, "slow": slow}))

    lines = said.splitlines()
    first = lines[lines.index("Slowest: 95 % of the runs took") + 1]
    assert first.split("  ")[0] == "slow"
    assert "longer than 2 m" in first


@pytest.mark.parametrize("at", [-62135596800.0, 0.0, UNTIL])
def test_a_certificate_of_any_year_can_be_named(at: float) -> None:
    facts = replace(WEEK, timezone="America/New_York", certificates={"homepage": at})

    assert "homepage" in text(facts).partition("Certificates")[2]


@given(st.text(max_size=100), st.text(max_size=100), st.integers(0, 10**9))
def test_no_line_is_too_long(name: str, budget: str, runs: int) -> None:
    flat = " ".join(name.split()) or "x"
    figures = Figures(
        up=runs, down=runs, seconds=1.0, durations=took(1.0, 1), budgets={"y" * 90: runs}
    )
    facts = replace(
        WEEK,
        checks={flat: figures},
        incidents=[incident(flat, "2026-11-10T02:00Z", None, " ".join(budget.split()))],
        certificates={flat: UNTIL},
    )

    assert max(map(len, text(facts).split("\n"))) <= WIDTH


def test_the_notice_is_about_no_incident_and_the_same_however_often_it_is_made() -> None:
    one = notice(replace(WEEK, labels={"env": "prod"}, external_url="https://p.example/"), "weekly")

    assert one.event is Event.REPORT
    assert one.key == "eu//report weekly/2026-11-16T07:00:00.000Z"
    assert (one.starts_at, one.ends_at, one.at) == (SINCE, UNTIL, UNTIL + 60)
    assert one.labels == {
        "env": "prod",
        "alertname": "ProberReport",
        "alert": "report",
        "kind": "agent",
        "region": "eu",
        "report": "weekly",
    }
    assert one.url == "https://p.example/"
    later = notice(replace(WEEK, at=UNTIL + 900), "weekly")
    assert later.key == one.key
