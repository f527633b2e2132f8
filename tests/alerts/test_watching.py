from __future__ import annotations

from dataclasses import replace

from prober.alerts.conditions import ErrorRate
from prober.alerts.past import Ran
from prober.alerts.pasts import Back
from prober.alerts.plan import Plan, Watched
from prober.alerts.rules import EffectiveRule
from prober.alerts.state import QUIET, Change, advance
from prober.alerts.watching import Watching
from tests.alerts.samples import DOWN, UP, result, rule
from tests.fake_clock import NOON

ERRORS = EffectiveRule(
    name="errors", condition=ErrorRate(rate=0.5, over=60, min_runs=2, min_failures=1), successes=1
)


def watching(*rules: EffectiveRule, wait: bool = False) -> Watching:
    made = Watching()
    if wait:
        made.wait()
    watched = Watched(kind="http", rules=rules or (rule(), ERRORS))
    made.configure(Plan(region="eu-west-1", checks={"api": watched}))
    return made


def last_change(watched: Watching) -> Change | None:
    """What one run that is down makes of the second rule."""
    _, its, past = watched.rules("api")[1]
    assert past is not None
    past.add(result(DOWN), NOON)
    return advance(QUIET, result(DOWN), its, NOON, past)[1]


def test_only_what_has_a_window_asks_for_earlier_runs() -> None:
    assert watching().looks_back("api") == Back(60, budgets=False)
    assert watching(rule()).looks_back("api") is None
    assert watching().looks_back("gone") is None


def test_what_is_waited_for_neither_fires_nor_resolves_until_it_is_there() -> None:
    waiting = watching(wait=True)
    assert last_change(waiting) is None
    assert last_change(waiting) is None

    waiting.remember("api", [], NOON)
    assert last_change(waiting) is Change.FIRED


def test_earlier_runs_count_as_if_the_agent_had_never_stopped() -> None:
    waiting = watching(wait=True)
    waiting.remember("api", [Ran(NOON - 30, UP, None, 0.1)], NOON)

    assert last_change(waiting) is Change.FIRED  # one of two
    others = watching(wait=True)
    others.remember("api", [Ran(NOON - 60, UP, None, 0.1)], NOON)
    assert last_change(others) is None  # too old to count


def test_where_nothing_can_be_read_it_waits_for_its_runs_and_no_longer() -> None:
    waiting = watching(wait=True)
    assert last_change(waiting) is None

    waiting.wait_no_more()
    assert last_change(waiting) is Change.FIRED


def test_a_check_that_left_while_it_was_waited_for_is_not_minded() -> None:
    waiting = watching(wait=True)
    waiting.remember("gone", [Ran(NOON, UP, None, 0.1)], NOON)

    assert waiting.rules("gone") == ()


def test_without_waiting_a_window_begins_anew_and_a_reload_keeps_it() -> None:
    plain = watching()
    assert last_change(plain) is None

    edited = replace(ERRORS, severity="low")
    plain.configure(
        Plan(region="eu-west-1", checks={"api": Watched(kind="http", rules=(rule(), edited))})
    )
    assert last_change(plain) is Change.FIRED
