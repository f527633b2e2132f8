from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from prober import printed
from prober.medians import medians
from prober.result import Evidence, Finding, Reason, Result, Visit
from prober.secret import Scrubber
from tests.export.samples import Trip, budget, result, step, visit

DATA = Path("/var/lib/prober")


def shown(trip: Trip, finding: Finding = Finding.up()) -> list[str]:  # noqa: B008  # immutable
    return printed.report(ran(trip, finding), "buy.py", DATA).splitlines()[1:]


def ran(trip: Trip, finding: Finding) -> Result:
    return result("buy", finding, kind="journey", trip=trip)._replace(phases={})


def test_a_run_that_broke_a_budget_is_up_and_says_degraded() -> None:
    broken = Trip(budgets=[budget("lcp", "cart", limit=2.5, actual=3.0), budget("duration")])
    lines = printed.report(ran(broken, Finding.up()), "buy.py", DATA).splitlines()

    assert lines[0] == "up      buy  134 ms  degraded  buy.py"
    assert lines[1:] == [
        "  FAIL budget lcp of cart: 3 s, at most 2.5 s",
        "  ok   budget duration: 1 s, at most 1 s",
    ]
    kept = ran(Trip(budgets=[budget("duration")]), Finding.up())
    assert "degraded" not in printed.head(kept, "buy.py")


def test_steps_that_were_not_reached_are_named_after_the_one_that_failed() -> None:
    trip = Trip(steps=[step("sign in"), step("pay", message="no button")], skipped=["a", "b"])

    assert shown(trip, Finding.down(Reason.STEP, "no button")) == [
        "  step: no button",
        "  ok   sign in  400 ms",
        "  FAIL pay  400 ms: no button",
        "       not reached: a, b",
    ]


def test_a_page_shows_what_was_measured_and_what_is_to_be_held_against_it() -> None:
    page = Visit(
        page="cart", url="https://shop/", inp=0.0, js_errors=2, failed_requests=1,
        quality=("no_interaction", "throttled", "a_new_one"),
    )  # fmt: skip

    assert shown(Trip(visits=[page, replace(page, inp=None, quality=(), js_errors=0)])) == [
        "       cart: INP 0 ms · 2 JS errors · 1 failed request"
        "  (nothing was clicked or typed; a slowed network; a_new_one)",
        "       cart: no vitals · 1 failed request",
    ]


WHY: dict[str, str | float] = {
    "lcp_element": "img.hero",
    "lcp_url": "/hero.png",
    "cls_source": "div#gap",
    "inp_event": "click",
    "inp_target": "button",
    "inp_delay": 0.01,
}


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (visit("cart", lcp=2.5, inp=0.2), []),
        (visit("cart", lcp=2.6), ["         LCP: img.hero · /hero.png"]),
        (visit("cart", inp=0.21), ["         INP: click · button"]),
        (replace(visit("cart"), cls=0.11), ["         CLS: div#gap"]),
        (replace(visit("cart"), lcp=None, cls=None), []),
    ],
)
def test_what_is_worse_than_good_says_what_made_it(page: Visit, said: list[str]) -> None:
    assert shown(Trip(visits=[replace(page, attribution=WHY)]))[1:] == said
    assert shown(Trip(visits=[page]))[1:] == []  # where nothing is known of it


def test_so_does_what_broke_its_budget_on_that_page_alone() -> None:
    cart, home = (replace(visit(name), attribution=WHY) for name in ("cart", "home"))
    trip = Trip(visits=[cart, home], budgets=[budget("lcp", "home", limit=0.5, actual=0.8)])

    assert [line for line in shown(trip) if "img.hero" in line] == [shown(trip)[2]]


def test_a_trace_comes_with_the_command_that_opens_it_also_where_its_path_has_a_blank() -> None:
    trip = Trip(evidence=[Evidence("trace", "evidence/a b/trace.zip"), Evidence("dom", "x.html")])

    assert shown(trip) == [
        "  trace: /var/lib/prober/evidence/a b/trace.zip",
        f"         open it: {sys.executable} -m playwright show-trace"
        " '/var/lib/prober/evidence/a b/trace.zip'",
        "  dom: /var/lib/prober/x.html",
    ]


def test_the_table_of_medians_says_of_how_many_runs_and_from_where_to_where() -> None:
    runs = [
        ran(Trip(budgets=[budget("lcp", "cart", limit=1.0, actual=one)]), Finding.up())
        for one in (0.9, 2.25, 1.5)
    ]
    once = ran(Trip(budgets=[budget("cls", "cart", limit=0.1, actual=0.05)]), Finding.up())

    assert printed.table("buy", medians([*runs, once])) == (
        "medians of buy\n"
        "  FAIL lcp of cart: 1.5 s, at most 1 s  (3 runs, 0.9 to 2.25)\n"
        "  ok   cls of cart: 0.05, at most 0.1  (1 run)"
    )
    assert printed.table("buy", []).endswith("\n  nothing was measured that has a budget")


def test_what_a_script_prints_comes_line_by_line_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    echo = printed.Echo(Scrubber(["hunter22"]))
    echo(b"hello hun")
    assert capsys.readouterr().err == ""
    echo(b"ter22\nsecond \xff\nrest")
    assert capsys.readouterr().err == "hello ***\nsecond \N{REPLACEMENT CHARACTER}\n"
    echo.end()
    echo.end()
    assert capsys.readouterr() == ("", "rest\n")


def test_a_line_without_end_is_shown_in_pieces(capsys: pytest.CaptureFixture[str]) -> None:
    printed.Echo(Scrubber())(b"x" * (printed.LONGEST + 1))

    assert len(capsys.readouterr().err) == printed.LONGEST + 2
