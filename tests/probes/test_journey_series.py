from __future__ import annotations

from dataclasses import replace

from prober.probes.journey_budgets import Budgets, judged
from prober.probes.journey_series import REASONS, series
from prober.result import Reason, Result
from prober.series import MOST_PAGES, MOST_STEPS
from tests.export.samples import Trip, budget, result, step, visit


def read(trip: Trip) -> dict[str, float]:
    seen: Result = result(kind="journey", trip=trip)
    pairs = [
        (f"{one.name}{{{labels}}}", value) for one in series() for labels, value in one.read(seen)
    ]
    assert len(dict(pairs)) == len(pairs), "a series is there twice"
    return dict(pairs)


def test_a_whole_run_becomes_gauges() -> None:
    page = replace(
        visit("checkout", lcp=1.2, inp=0.048),
        cls=0.0,
        js_errors=2,
        failed_requests=1,
        interactions=3,
    )

    assert read(Trip([step("sign in", 1.5), step("pay", 5.0, "no such button")], [page])) == {
        'probe_step_duration_seconds{step="sign in"}': 1.5,
        'probe_step_duration_seconds{step="pay"}': 5.0,
        'probe_step_success{step="sign in"}': 1,
        'probe_step_success{step="pay"}': 0,
        'probe_web_vital_lcp_seconds{page="checkout"}': 1.2,
        'probe_web_vital_inp_seconds{page="checkout"}': 0.048,
        'probe_web_vital_fcp_seconds{page="checkout"}': 0.5,
        'probe_web_vital_ttfb_seconds{page="checkout"}': 0.1,
        'probe_web_vital_cls{page="checkout"}': 0,
        'probe_interactions{page="checkout"}': 3,
        'probe_js_errors{page="checkout"}': 2,
        'probe_failed_requests{page="checkout"}': 1,
    }


def test_what_was_not_seen_is_absent_and_never_0() -> None:
    assert read(Trip()) == {}
    blank = replace(visit("/", lcp=None), cls=None, fcp=None, ttfb=None)
    found = read(Trip(visits=[visit("/", inp=0.1), blank]))

    assert found == {
        'probe_interactions{page="/"}': 0,
        'probe_js_errors{page="/"}': 0,
        'probe_failed_requests{page="/"}': 0,
    }


def test_the_last_visit_to_a_page_counts() -> None:
    found = read(Trip(visits=[visit("/", lcp=9), visit("/b", lcp=2), visit("/", lcp=1)]))

    assert found['probe_web_vital_lcp_seconds{page="/"}'] == 1
    assert found['probe_web_vital_lcp_seconds{page="/b"}'] == 2


def test_a_step_taken_again_hides_no_failure_and_no_long_time() -> None:
    found = read(Trip([step("add", 1, "no such button"), step("add", 3), step("add", 2)]))

    assert found == {
        'probe_step_duration_seconds{step="add"}': 3,
        'probe_step_success{step="add"}': 0,
    }


def test_a_step_that_breaks_its_budget_shows_by_how_much() -> None:
    steps = [step("add", 1), step("add", 3), step("add", 2)]
    (kept,) = judged(Budgets(steps={"add": 2}), [], steps, None)
    shown = read(Trip(steps))['probe_step_duration_seconds{step="add"}']

    assert (kept.ok, kept.actual) == (False, shown)


def test_what_is_beyond_the_limits_is_one() -> None:
    steps = [step(f"s{number}", number) for number in range(MOST_STEPS + 3)]
    visits = [visit(f"/{number}", lcp=number) for number in range(MOST_PAGES + 3)]
    found = read(Trip([*steps, step("s0", 99)], [*visits, visit("/0", lcp=99)]))

    for name, most in (("probe_step_success", MOST_STEPS), ("probe_web_vital_cls", MOST_PAGES)):
        assert sum(series.startswith(f"{name}{{") for series in found) == most + 1
    assert found['probe_step_duration_seconds{step="other"}'] == MOST_STEPS + 2
    assert found['probe_web_vital_lcp_seconds{page="other"}'] == MOST_PAGES + 2
    assert found['probe_step_duration_seconds{step="s0"}'] == 99
    assert found['probe_web_vital_lcp_seconds{page="/0"}'] == 99


def test_a_budget_is_1_where_it_was_kept_and_0_where_it_broke() -> None:
    found = read(
        Trip(
            budgets=[
                budget("lcp", "checkout", actual=2),
                budget("lcp", "/"),
                budget("duration"),
                budget("step pay now", actual=2),
                budget('step "x"'),
            ]
        )
    )

    assert found == {
        'probe_budget_ok{budget="lcp",page="checkout"}': 0,
        'probe_budget_ok{budget="lcp",page="/"}': 1,
        'probe_budget_ok{budget="duration",page=""}': 1,
        'probe_budget_ok{budget="step pay now",page=""}': 0,
        'probe_budget_ok{budget="step \\"x\\"",page=""}': 1,
    }


def test_budgets_beyond_the_limits_are_one_that_hides_no_breach() -> None:
    pages = [
        budget("cls", f"/{number}", actual=2 if number == MOST_PAGES else 1)
        for number in range(MOST_PAGES + 3)
    ]
    steps = [
        budget(f"step {number}", actual=2 if number == MOST_STEPS + 1 else 1)
        for number in range(MOST_STEPS + 3)
    ]
    found = read(Trip(budgets=[*pages, *steps]))

    assert len(found) == MOST_PAGES + 1 + MOST_STEPS + 1
    assert [name for name, ok in found.items() if not ok] == [
        'probe_budget_ok{budget="cls",page="other"}',
        'probe_budget_ok{budget="step other",page=""}',
    ]


def test_a_page_has_one_name_in_its_vitals_and_its_budgets() -> None:
    visits = [visit(f"/{number}") for number in range(MOST_PAGES + 1)]
    beyond = f"/{MOST_PAGES}"
    found = read(Trip(visits=visits, budgets=[budget("cls", beyond)]))

    assert found['probe_budget_ok{budget="cls",page="other"}'] == 1
    assert 'probe_web_vital_cls{page="other"}' in found


def test_names_are_escaped() -> None:
    found = read(Trip([step('say "hi"\\\n', 1)], [visit('a "b"')]))

    assert 'probe_step_success{step="say \\"hi\\"\\\\\\n"}' in found
    assert 'probe_web_vital_cls{page="a \\"b\\""}' in found


def test_a_journey_is_down_for_its_own_reasons() -> None:
    assert REASONS == (Reason.TIMEOUT, Reason.STEP, Reason.SCRIPT)
