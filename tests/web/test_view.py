from __future__ import annotations

import pytest

from prober.export.board import AT_LEAST
from prober.result import Finding, Reason
from prober.web.stream import Turns
from prober.web.view import MOST, Asked, Line, Overview, line, moment, overview
from tests.export.samples import OURS, REFUSED, UP, Bench, Trip, step
from tests.fake_clock import NOON

ALL = Asked("", "")
SEVERITIES = ("critical", "high")


async def seen(bench: Bench, asked: Asked = ALL) -> Overview:
    rows = bench.board.rows.values()
    return await overview(rows, asked, SEVERITIES, bench.clock.now(), Turns(bench.clock))


async def names(bench: Bench, asked: Asked = ALL) -> list[str]:
    return [line.name for line in (await seen(bench, asked)).lines]


def shown(bench: Bench, name: str = "shop") -> Line:
    return line(bench.board.rows[name], bench.clock.now())


def mixed() -> Bench:
    """One check in each state, the best first."""
    bench = Bench()
    for name in ("up", "waiting", "blind", "recovering", "blind-firing", "down"):
        bench.add(name)
    for name in ("up", "recovering"):
        bench.run(name, UP)
    for name in ("blind", "blind-firing"):
        bench.run(name, OURS)
    bench.run("down", REFUSED)
    bench.board.alert("recovering", "down", "critical", True, NOON)
    bench.board.alert("blind-firing", "down", "critical", True, NOON)
    return bench


async def test_the_worst_come_first() -> None:
    assert await names(mixed()) == [
        "down", "recovering", "blind-firing", "blind", "waiting", "up",
    ]  # fmt: skip


async def test_within_a_state_severity_counts_and_then_the_config() -> None:
    bench = Bench()
    for name, severity in (("z", "low"), ("b", "high"), ("a", "critical"), ("c", "high")):
        bench.add(name, severity=severity)

    assert await names(bench) == ["a", "b", "c", "z"]


async def test_every_state_is_counted_whatever_is_asked_for() -> None:
    overview = await seen(mixed(), Asked("down", ""))

    assert dict(overview.counts) == {
        "down": 1, "recovering": 1, "unknown": 2, "waiting": 1, "up": 1,
    }  # fmt: skip
    assert (overview.total, overview.found) == (6, 1)
    assert [line.name for line in overview.lines] == ["down"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("SHOP", ["shop-1"]), ("db.example", ["redis"]), ("team=pay", ["redis"]), ("nothing", [])],
)
async def test_a_text_is_found_in_name_target_or_label(text: str, found: list[str]) -> None:
    bench = Bench()
    bench.add("shop-1", target="https://a.example/")
    bench.add("redis", target="db.example:6379", labels={"team": "payments"})

    assert await names(bench, Asked("", text)) == found


async def test_at_most_so_many_are_shown_and_those_are_the_worst() -> None:
    bench = Bench()
    for number in range(MOST + 20):
        bench.add(f"c{number}")
        bench.run(f"c{number}", UP)
    bench.run(f"c{MOST + 19}", REFUSED)
    overview = await seen(bench)

    assert len(overview.lines) == MOST
    assert overview.found == MOST + 20
    assert [line.name for line in overview.lines[:2]] == [f"c{MOST + 19}", "c0"]


def test_a_check_that_is_down_says_why_and_since_when() -> None:
    bench = Bench()
    bench.add()
    bench.run("shop", Finding.down(Reason.TIMEOUT, "no answer within 10 s"), seconds=10)
    bench.board.alert("shop", "down", "critical", True, NOON + 60)
    bench.clock.move(192)
    it = shown(bench)

    assert (it.state, it.said.reason, it.said.message) == (
        "down", "timeout", "no answer within 10 s",
    )  # fmt: skip
    assert it.latency == "10 s"
    assert it.since is not None
    assert (it.since.utc, it.since.ago) == ("22:13:10", "3 m 22 s ago")
    assert [(alert.rule, alert.severity, alert.ago) for alert in it.alerts] == [
        ("down", "critical", "2 m 12 s")
    ]


def test_a_run_of_ours_that_failed_stands_beside_the_verdict() -> None:
    bench = Bench()
    bench.add()
    bench.run("shop", REFUSED)
    bench.clock.move(60)
    bench.run("shop", OURS)
    bench.clock.move(5)
    it = shown(bench)

    assert (it.state, it.said.message) == ("down", "connection refused")
    assert it.last_run is not None
    assert it.last_run.ago == "1 m 5 s ago"
    assert it.said.note == "the last run, 5 s ago, was unknown: the agent was late"


def test_a_verdict_that_is_out_of_date_is_no_longer_the_state() -> None:
    bench = Bench()
    bench.add()
    bench.run("shop", REFUSED, seconds=0)
    bench.clock.move(AT_LEAST + 1)
    it = shown(bench)

    assert (it.state, it.said.message, it.latency) == ("unknown", "no result since", "")
    assert it.said.note == "down 5 m 1 s ago, connect: connection refused"
    bench.run("shop", OURS)
    it = shown(bench)
    assert (it.state, it.said.reason, it.said.message) == (
        "unknown",
        "internal",
        "the agent was late",
    )


def test_up_says_as_much_as_is_known() -> None:
    bench = Bench()
    bench.add()
    bench.run("shop", UP)
    assert shown(bench).said.message == "status 200"
    bench.run("shop", UP, facts={})

    assert shown(bench).said.message == "ok"


def test_a_check_that_has_not_run_says_nothing() -> None:
    bench = Bench()
    bench.add()
    it = shown(bench)

    assert (it.state, it.since, it.last_run, it.latency) == ("waiting", None, None, "")


@pytest.mark.parametrize(
    ("ago", "utc", "text"),
    [
        (0, "22:13:20", "just now"),
        (0.9, "22:13:19", "just now"),
        (5.4, "22:13:14", "5 s ago"),
        (3600, "21:13:20", "1 h ago"),
        (90000, "2023-11-13 21:13", "1 d 1 h ago"),
        (-5, "22:13:25", "just now"),
    ],
)
def test_a_moment_is_told_in_utc_and_as_how_long_ago(ago: float, utc: str, text: str) -> None:
    it = moment(NOON - ago, NOON)

    assert it is not None
    assert (it.utc, it.ago) == (utc, text)


def test_a_journey_is_shown_as_its_last_verdict_saw_it() -> None:
    bench = Bench()
    bench.add("way", kind="journey", interval=300)
    trip = Trip([step("sign in"), step("pay", 5, "no such button")])
    bench.run("way", Finding.down(Reason.STEP, "order.py:31: no such button"), facts={}, trip=trip)
    bench.run("way", Finding.unknown("it crashed", Reason.BROWSER), trip=Trip([step("sign in")]))
    it = shown(bench, "way")

    assert (it.state, it.said.reason, it.said.message) == ("down", "step", "in “pay”")
    assert it.journey is not None
    assert [one.message for one in it.journey.steps] == ["", "order.py:31: no such button"]


def test_a_journey_that_is_unknown_shows_how_far_it_came_and_nothing_old() -> None:
    bench = Bench()
    bench.add("way", kind="journey", interval=60)
    bench.run("way", UP, seconds=0, trip=Trip([step("old")]))
    bench.clock.move(AT_LEAST + 1)
    assert shown(bench, "way").journey is None
    bench.run("way", Finding.unknown("it crashed", Reason.BROWSER), trip=Trip([step("sign in")]))
    it = shown(bench, "way")

    assert (it.said.reason, it.said.message) == ("browser", "it crashed")
    assert it.journey is not None
    assert [one.name for one in it.journey.steps] == ["sign in"]


def test_other_kinds_have_no_journey() -> None:
    bench = Bench()
    bench.add()
    bench.run("shop", UP)

    assert shown(bench).journey is None
