"""What a journey's budgets are, and what of a run keeps to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from prober.probes.journey_budgets import Budgets, PageBudgets, judged
from prober.result import Budget, Step, Visit
from tests.export.samples import step, visit

CONTRACT: dict[str, JsonValue] = {
    "lcp": "2.5s", "cls": 0.1, "inp": "200ms", "fcp": "1.8s", "ttfb": "800ms",
    "js_errors": 0, "failed_requests": 0, "duration": "30s",
    "pages": {"checkout": {"lcp": "4s"}}, "steps": {"pay": "5s"},
}  # fmt: skip


def budgets(settings: Mapping[str, JsonValue]) -> Budgets:
    return Budgets.model_validate(settings)


def kept(
    settings: Mapping[str, JsonValue],
    visits: list[Visit] | None = None,
    steps: list[Step] | None = None,
    seconds: float | None = 1.0,
) -> dict[tuple[str, str | None], tuple[float, bool]]:
    """The actual value, and whether it is within, by budget and page."""
    found = judged(budgets(settings), visits or [], steps or [], seconds)
    by_name = {(one.budget, one.page): (one.actual, one.ok) for one in found}
    assert len(by_name) == len(found), "a budget is there twice"
    return by_name


def test_a_page_that_is_named_has_its_own_limit_and_else_the_general_ones() -> None:
    subject = budgets(CONTRACT)
    general = {
        "lcp": 2.5, "inp": 0.2, "cls": 0.1, "fcp": 1.8, "ttfb": 0.8,
        "js_errors": 0, "failed_requests": 0,
    }  # fmt: skip

    assert subject.of("/") == general
    assert subject.of("checkout") == {**general, "lcp": 4.0}
    assert list(subject.of("checkout")) == list(general)


def test_a_page_is_let_off_a_general_limit_by_null() -> None:
    subject = budgets({"lcp": 1, "cls": 0.1, "pages": {"slow": {"lcp": None}}})

    assert subject.of("slow") == {"cls": 0.1}


def test_a_whole_run_beside_its_limits_page_by_page_then_step_by_step() -> None:
    page = Visit(
        page="checkout", url="u", lcp=3.9, inp=0.25, cls=0.1, fcp=1.8, ttfb=0.9,
        js_errors=1, failed_requests=0,
    )  # fmt: skip
    found = judged(budgets(CONTRACT), [visit("/"), page], [step("pay", 6)], 12.5)

    assert [(one.budget, one.page, one.limit, one.actual, one.ok) for one in found] == [
        ("lcp", "/", 2.5, 0.8, True),
        ("cls", "/", 0.1, 0.0, True),
        ("fcp", "/", 1.8, 0.5, True),
        ("ttfb", "/", 0.8, 0.1, True),
        ("js_errors", "/", 0, 0, True),
        ("failed_requests", "/", 0, 0, True),
        ("lcp", "checkout", 4.0, 3.9, True),
        ("inp", "checkout", 0.2, 0.25, False),
        ("cls", "checkout", 0.1, 0.1, True),
        ("fcp", "checkout", 1.8, 1.8, True),
        ("ttfb", "checkout", 0.8, 0.9, False),
        ("js_errors", "checkout", 0, 1, False),
        ("failed_requests", "checkout", 0, 0, True),
        ("duration", None, 30.0, 12.5, True),
        ("step pay", None, 5.0, 6.0, False),
    ]


def test_the_worst_of_several_visits_counts_wherever_it_stands() -> None:
    for times in ([0.5, 3.0, None], [3.0, 0.5], [None, 3.0]):
        visits = [visit("/", lcp=lcp) for lcp in times]

        assert kept({"lcp": 2}, visits) == {("lcp", "/"): (3.0, False)}


def test_what_was_not_measured_is_not_judged() -> None:
    blank = Visit(page="/", url="u")

    assert kept({"lcp": 1, "inp": 1, "cls": 0, "fcp": 1, "ttfb": 1}, [blank]) == {}
    assert kept({"steps": {"pay": 5}}, steps=[step("sign in")]) == {}
    assert kept({"pages": {"checkout": {"js_errors": 0}}}, [blank]) == {}
    assert kept({"duration": 5}, seconds=None) == {}


def test_without_budgets_nothing_is_judged() -> None:
    assert judged(Budgets(), [visit("/", inp=9)], [step("pay", 99)], 99) == ()


def test_times_that_another_journey_stretched_are_not_judged_and_all_else_is() -> None:
    bad = Visit(
        page="/", url="u", lcp=9, inp=9, fcp=9, ttfb=9, cls=0.4, js_errors=1, failed_requests=2,
        quality=("unverified", "contended"),
    )  # fmt: skip
    page = {name: limit for name, limit in CONTRACT.items() if name not in ("steps", "duration")}

    assert kept(page, [bad]) == {
        ("cls", "/"): (0.4, False),
        ("js_errors", "/"): (1, False),
        ("failed_requests", "/"): (2, False),
    }


@pytest.mark.parametrize("flag", ["no_interaction", "remote", "throttled", "unverified"])
def test_other_flags_let_nothing_off(flag: str) -> None:
    slow = replace(visit("/", lcp=9), quality=(flag,))

    assert kept({"lcp": 2}, [slow]) == {("lcp", "/"): (9, False)}


def test_a_step_taken_again_is_judged_by_its_longest_time() -> None:
    found = kept({"steps": {"add": "2s"}}, steps=[step("add", 1), step("add", 3), step("add", 1)])

    assert found == {("step add", None): (3, False)}


def test_a_step_that_failed_has_kept_to_no_limit_but_may_have_broken_it() -> None:
    limit: Mapping[str, JsonValue] = {"steps": {"pay": "5s"}}

    assert kept(limit, steps=[step("pay", 0.1, "no such button")]) == {}
    assert kept(limit, steps=[step("pay", 0.1), step("pay", 0.2, "no such button")]) == {}
    assert kept(limit, steps=[step("pay", 7, "no such button")]) == {("step pay", None): (7, False)}


@given(st.floats(0.001, 100), st.floats(0, 100))
def test_a_limit_is_kept_up_to_itself(limit: float, actual: float) -> None:
    (one,) = judged(Budgets(lcp=limit), [visit("/", lcp=actual)], [], None)

    assert one.ok is (actual <= limit)


@pytest.mark.parametrize(
    "settings",
    [
        {"lcp": 0}, {"cls": True}, {"cls": "inf"}, {"js_errors": -1}, {"js_errors": True},
        {"pages": {"": {"lcp": 1}}}, {"pages": {"a": {"duration": 1}}}, {"steps": {"": 1}},
        {"steps": {"a": 0}},
    ],
)  # fmt: skip
def test_a_limit_that_means_nothing_is_refused(settings: dict[str, JsonValue]) -> None:
    with pytest.raises(ValidationError):
        budgets(settings)

    assert budgets({"cls": "0.1", "js_errors": "3"}) == Budgets(cls=0.1, js_errors=3)


def test_budgets_are_compared_by_value() -> None:
    """A reload restarts only the checks that differ."""
    assert budgets(CONTRACT) == budgets(CONTRACT)
    assert budgets(CONTRACT) != budgets({**CONTRACT, "pages": {"checkout": {"lcp": "3s"}}})
    assert Budgets() == Budgets(pages={}, steps={}) != Budgets(pages={"a": PageBudgets(cls=0)})


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (("lcp", "checkout", 4.0, 4.2), "lcp of checkout: 4.2 s, at most 4 s"),
        (("inp", "/", 0.2, 0.048), "inp of /: 48 ms, at most 200 ms"),
        (("cls", "/", 0.1, 0.25), "cls of /: 0.25, at most 0.1"),
        (("js_errors", "/", 0, 1200), "js_errors of /: 1200, at most 0"),
        (("duration", None, 30, 95), "duration: 1 m 35 s, at most 30 s"),
        (("step pay", None, 5, 5.0004), "step pay: 5.0004 s, at most 5 s"),
        (("cls", "/", 0.1, 0.10004), "cls of /: 0.10004, at most 0.1"),
        (("lcp", "/", 2.5, 2.5), "lcp of /: 2.5 s, at most 2.5 s"),
    ],
)
def test_a_budget_is_told_with_its_units(
    one: tuple[str, str | None, float, float], said: str
) -> None:
    budget, page, limit, actual = one
    subject = Budget(budget=budget, page=page, limit=limit, actual=actual, ok=actual <= limit)

    assert str(subject) == said
