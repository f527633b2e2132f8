from __future__ import annotations

from dataclasses import replace

import pytest

from prober.result import Evidence, Finding, Reason, Visit
from prober.web.journey import (
    AT_A_GLANCE,
    MOST_PAGES,
    MOST_STEPS,
    PAGES_AT_A_GLANCE,
    Journey,
    journey,
    told_by_a_step,
)
from prober.web.visits import LimitShown
from tests.export.samples import PAGE, UP, Trip, budget, result, step, visit

WHY = 'order.py:31: in step "pay": no such button'
BROKEN = Finding.down(Reason.STEP, WHY)
SHOT = Evidence("screenshot", "evidence/eu%2Fshop/01JD/screenshot.png")
CONSOLE = Evidence("console", "evidence/eu%2Fshop/01JD/console.txt")


def shown(trip: Trip, finding: Finding = UP) -> Journey:
    found = journey(result(kind="journey", finding=finding, trip=trip))
    assert found is not None
    return found


def rating(**values: float | None) -> dict[str, tuple[str, str]]:
    page = replace(PAGE, **values)  # type: ignore[arg-type]  # vitals alone
    (one,) = shown(Trip(visits=[page])).pages
    return {vital.name: (vital.value, vital.rating) for vital in one.vitals}


def test_a_run_that_saw_nothing_is_not_shown() -> None:
    assert journey(None) is None
    assert journey(result()) is None


def test_steps_stand_in_order_and_the_failed_one_says_why_in_whole() -> None:
    it = shown(Trip([step("sign in", 1.25), step("pay", 5, "no such button")]), BROKEN)

    assert [(one.name, one.ok, one.took, one.message) for one in it.steps] == [
        ("sign in", True, "1.25 s", ""),
        ("pay", False, "5 s", WHY),
    ]
    assert [one.name for one in it.failed] == ["pay"]


def test_a_message_of_a_steps_own_stays() -> None:
    stuck = Finding.down(Reason.TIMEOUT, "no verdict within 60 s")
    trip = Trip([step("pay", 60, "it did not end")])
    it = shown(trip, stuck)

    assert [one.message for one in it.failed] == ["it did not end"]
    assert told_by_a_step(result(finding=stuck, trip=trip)) is None


@pytest.mark.parametrize(
    ("name", "good", "fair", "poor"),
    [
        ("lcp", 2.5, 4.0, 4.01), ("inp", 0.2, 0.5, 0.501), ("cls", 0.1, 0.25, 0.251),
        ("fcp", 1.8, 3.0, 3.01), ("ttfb", 0.8, 1.8, 1.81),
    ],
)  # fmt: skip
def test_vitals_are_judged_by_googles_thresholds(
    name: str, good: float, fair: float, poor: float
) -> None:
    judged = [rating(**{name: value})[name.upper()][1] for value in (0.0, good, fair, poor)]

    assert judged == ["good", "good", "fair", "poor"]
    assert rating(**{name: good + 0.001})[name.upper()][1] == "fair"


def test_what_was_not_reported_is_not_judged() -> None:
    assert rating(lcp=None)["LCP"] == ("", "")


@pytest.mark.parametrize(
    ("score", "text"), [(0.0, "0"), (0.1, "0.1"), (0.1049, "0.105"), (0.00001, "0"), (2.0, "2")]
)
def test_a_layout_shift_is_a_short_number(score: float, text: str) -> None:
    assert rating(cls=score)["CLS"][0] == text


def test_the_last_visit_to_a_page_is_shown_and_the_others_counted() -> None:
    pages = shown(Trip(visits=[visit("/", lcp=9), visit("/pay"), visit("/", lcp=1)])).pages

    assert [(page.name, page.times, page.vitals[0].value) for page in pages] == [
        ("/", 2, "1 s"),
        ("/pay", 1, "800 ms"),
    ]


@pytest.mark.parametrize(
    ("seen", "note"),
    [
        (PAGE, ""),
        (replace(PAGE, js_errors=1), "1 script error"),
        (replace(PAGE, js_errors=2, failed_requests=1), "2 script errors, 1 failed request"),
        (replace(PAGE, quality=("quite_noisy",)), "quite noisy"),
        (replace(PAGE, quality=("no_interaction",)), ""),
        (
            replace(PAGE, js_errors=1, quality=("stopped_by_input",)),
            "1 script error, LCP may be too short: an input came before the page was complete",
        ),
    ],
)
def test_errors_of_a_page_are_noted(seen: Visit, note: str) -> None:
    assert shown(Trip(visits=[seen])).pages[0].note == note


def test_much_is_folded_and_more_is_counted() -> None:
    few = shown(
        Trip(
            [step(f"{number}") for number in range(AT_A_GLANCE)],
            [visit(f"/{number}") for number in range(PAGES_AT_A_GLANCE)],
        )
    )
    many = shown(
        Trip(
            [step(f"{number}", 1, "no" * (number == 54)) for number in range(MOST_STEPS + 5)],
            [visit(f"/{number}", lcp=number) for number in range(MOST_PAGES + 3)],
        )
    )

    assert (few.folded, few.pages_folded) == (False, False)
    assert (many.folded, many.pages_folded) == (True, True)
    assert (len(many.steps), many.further_steps) == (MOST_STEPS, 5)
    assert (len(many.pages), many.further_pages) == (MOST_PAGES, 3)
    assert [one.name for one in many.failed] == ["54"]
    assert many.judgement == "15 poor, 2 fair"
    assert not few.judgement


def test_a_failure_shows_its_picture_and_a_good_run_links_it() -> None:
    failed = shown(Trip(evidence=[SHOT, CONSOLE]), BROKEN).evidence
    good = shown(Trip(evidence=[SHOT])).evidence

    assert [(one.kind, one.picture) for one in failed] == [("screenshot", True), ("console", False)]
    assert [one.picture for one in good] == [False]
    assert failed[0].address == "evidence/eu%252Fshop/01JD/screenshot.png"


def test_budgets_that_broke_are_told_and_those_that_were_kept_are_not() -> None:
    over = [budget("lcp", "/", limit=2.5, actual=4.5), budget("step pay", limit=5, actual=6)]
    it = shown(Trip([step("pay", 6)], budgets=[budget("cls", "/"), *over]))

    assert it.broken == ("lcp of /: 4.5 s, at most 2.5 s", "step pay: 6 s, at most 5 s")
    assert it.further_broken == 0

    many = shown(Trip([step("pay", 6)], budgets=over * AT_A_GLANCE))
    assert (len(many.broken), many.further_broken) == (AT_A_GLANCE, AT_A_GLANCE)


def test_steps_that_were_not_reached_are_named() -> None:
    trip = Trip([step("pay", 5, "no such button")], skipped=["thank", "leave"])

    assert shown(trip, BROKEN).skipped == ("thank", "leave")
    assert shown(Trip(skipped=["look"]), BROKEN).skipped == ("look",)


def test_what_is_held_against_all_is_said_once_and_against_one_at_its_page() -> None:
    visits = [
        replace(PAGE, page="/", quality=("no_interaction", "contended", "throttled")),
        replace(PAGE, page="/pay", quality=("throttled", "remote")),
    ]
    it = shown(Trip(visits=visits))

    assert it.caveats == ("on a throttled network",)
    assert [page.note for page in it.pages] == [
        "another journey ran beside it",
        "in a remote browser",
    ]
    assert shown(Trip([step("pay")])).caveats == ()
    early = replace(PAGE, quality=("stopped_by_input",))
    assert shown(Trip(visits=[early])).caveats == ()


def test_a_page_that_nobody_touched_says_so_where_its_inp_would_be() -> None:
    untouched = replace(PAGE, quality=("no_interaction",))
    vitals = {one.name: one for one in shown(Trip(visits=[untouched])).pages[0].vitals}

    assert (vitals["INP"].rating, vitals["INP"].why) == ("", "no interaction")
    assert vitals["LCP"].why == ""


def test_a_vital_stands_beside_its_budget() -> None:
    budgets = [
        budget("lcp", "/", limit=0.5, actual=0.8),
        budget("cls", "/", limit=0.1, actual=0),
        budget("inp", "/other", limit=0.1, actual=0.2),
        budget("duration", limit=30, actual=31),
    ]
    seen = shown(Trip(visits=[PAGE, visit("/other")], budgets=budgets)).pages

    assert [{one.name: one.limit for one in page.vitals if one.limit} for page in seen] == [
        {"LCP": LimitShown("500 ms", False), "CLS": LimitShown("0.1", True)},
        {"INP": LimitShown("100 ms", False)},
    ]


def test_what_made_the_figures_is_told_as_far_as_it_is_known() -> None:
    whole = replace(
        PAGE,
        long_task=0.12,
        requests=12,
        bytes=348_160,
        attribution={
            "lcp_element": "main > img.hero",
            "lcp_url": "https://shop.example/hero.png",
            "cls_source": "div#basket",
            "inp_target": "button#pay",
            "inp_event": "click",
            "inp_script": "https://shop.example/shop.js (pay)",
            "inp_delay": 0.003,
            "inp_processing": 0.2,
            "inp_presentation": 0.012,
        },
    )
    part = replace(
        PAGE, page="/pay", requests=1, bytes=700,
        attribution={"inp_event": "keydown", "inp_processing": 0.01},
    )  # fmt: skip
    told = [page.made for page in shown(Trip(visits=[whole, part, visit("/none")])).pages]

    assert told == [
        (
            ("LCP", "main > img.hero, https://shop.example/hero.png"),
            ("CLS", "div#basket"),
            (
                "INP",
                "click on button#pay: 3 ms until it was handled, "
                "200 ms in https://shop.example/shop.js (pay), 12 ms until it was shown",
            ),
            ("load", "12 requests, 340 KiB, long tasks 120 ms"),
        ),
        (("INP", "keydown: 10 ms in its handlers"), ("load", "1 request, 700 B")),
        (),
    ]


def test_the_picture_of_the_last_good_run_stands_beside_that_of_the_failure() -> None:
    good = Evidence("screenshot", "evidence/eu%2Fshop/01JD/good.png")
    trace = Evidence("trace", "evidence/eu%2Fshop/01JD/trace.zip")
    failed = shown(Trip(evidence=[SHOT, trace, good]), BROKEN)
    up = shown(Trip(evidence=[good]))

    assert [(one.kind, one.picture, one.good) for one in failed.evidence] == [
        ("screenshot", True, False),
        ("trace", False, False),
        ("screenshot of the last good run", True, True),
    ]
    assert (failed.has_trace, up.has_trace) == (True, False)
    assert [(one.kind, one.picture, one.good) for one in up.evidence] == [
        ("screenshot", False, False)
    ]
