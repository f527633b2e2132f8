"""A check is down: who depends on it is held back, after it was asked once more."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from prober.alerts.depend import AGAIN, LONGER
from prober.alerts.plan import Plan, Watched
from prober.result import Outcome
from tests.alerts.holds import Held, Spans
from tests.alerts.samples import DOWN, UNKNOWN, UP, rule
from tests.fake_clock import NOON

AT_ONCE = rule(1, 1)
TIMEOUT = 10.0


def plan(**depends: tuple[str, ...]) -> Plan:
    watched = {
        name: Watched(kind="http", rules=(AT_ONCE,), depends_on=above, timeout=TIMEOUT)
        for name, above in depends.items()
    }
    return Plan(
        region="eu-west-1",
        checks=watched,
        notifiers=("ops",),
        parents=frozenset(name for above in depends.values() for name in above),
    )


def story(**depends: tuple[str, ...]) -> Held:
    return Held(plan(**depends), Spans())


def told(held: Held) -> list[tuple[str, str]]:
    return [(one.notice.event.value, one.notice.labels["check"]) for _, one in held.said]


def test_before_it_is_told_what_it_depends_on_is_asked_and_theirs() -> None:
    held = story(cart=("api",), api=("dns",), dns=(), other=())
    assert held.run(DOWN, check="cart") == ""

    assert held.incidents.asks == {"api", "dns"}
    assert held.incidents.states["cart", "down"].held == "asking api and dns"
    assert held.run(DOWN, check="other") == "F"


def test_if_they_are_up_it_is_told() -> None:
    held = story(cart=("api",), api=("dns",), dns=())
    held.run(DOWN, check="cart")

    assert held.run(UP, check="api") == ""
    assert held.till(held.now) == ""
    held.run(UP, check="dns")
    assert held.till(held.now) == "F"
    assert told(held) == [("firing", "cart")]
    assert held.run(UP, check="cart") == "R"
    assert "asking" not in held.said[0][1].notice.annotations["summary"]


def test_if_one_of_them_is_down_it_is_held_back_for_as_long() -> None:
    held = story(cart=("api",), api=("dns",), dns=())
    held.run(DOWN, check="cart")
    held.run(DOWN, check="dns")
    held.till(held.now)
    assert told(held) == [("firing", "dns")]
    assert held.incidents.states["cart", "down"].held == "dns is down"
    held.run(DOWN, check="cart")
    held.till(held.now + 3600)
    assert len(held.said) == 1

    held.run(UP, check="dns")
    held.till(held.now + 3600)
    assert told(held)[1:] == [("resolved", "dns")]
    assert held.run(DOWN, check="cart") == "F"


def test_what_recovers_while_it_is_held_back_is_not_told() -> None:
    held = story(cart=("api",), api=())
    held.run(DOWN, check="cart")
    held.run(DOWN, check="api")
    held.till(held.now)
    held.run(UP, check="cart")
    held.run(UP, check="api")

    assert told(held) == [("firing", "api"), ("resolved", "api")]
    assert held.incidents.states == {}


def test_what_was_told_before_is_over_when_it_is_whatever_else_is_down() -> None:
    held = story(cart=("api",), api=())
    held.run(DOWN, check="cart")
    held.run(UP, check="api")
    held.till(held.now)
    held.run(DOWN, check="api")

    assert held.run(UP, check="cart") == "R"


@pytest.mark.parametrize(("known", "said"), [(UP, "F"), (DOWN, ""), (None, "F"), (UNKNOWN, "F")])
def test_without_an_answer_the_last_verdict_counts_after_a_while(
    known: Outcome | None, said: str
) -> None:
    held = story(cart=("api",), api=())
    if known is not None:
        held.run(known, check="api")
    before = len(held.said)
    held.run(DOWN, check="cart")
    since = held.now

    held.till(since + TIMEOUT + LONGER - 1)
    held.run(UNKNOWN, check="api", every=0.1)
    assert held.letters(before) == ""
    held.till(since + TIMEOUT + LONGER)
    assert held.letters(before) == said


def test_a_run_that_began_before_the_question_is_no_answer() -> None:
    held = story(cart=("api",), api=())
    held.run(DOWN, check="cart")
    asked = held.now
    held.now = asked - 3  # as its own run has it, which began then
    held.run(UP, check="api")
    held.now = asked

    assert held.till(asked + 1) == ""
    held.run(UP, check="api")
    assert held.till(held.now) == "F"


def test_the_alert_of_what_is_down_names_what_is_held_back() -> None:
    held = story(cart=("api",), pay=("api",), api=())
    held.run(DOWN, check="api")
    for child in ("cart", "pay"):
        held.run(DOWN, check=child)
    held.run(DOWN, check="api")
    held.till(held.now)

    (standing,) = held.incidents.standing()
    assert standing.notice.annotations["children"] == "cart and pay"
    held.run(UP, check="cart")
    held.till(held.now)
    (standing,) = held.incidents.standing()
    assert standing.notice.annotations["children"] == "pay"
    held.run(UP, check="api")
    assert held.letters() == "FR"


def test_after_a_restart_it_is_still_held_back() -> None:
    held = story(cart=("api",), api=())
    held.run(DOWN, check="cart")
    held.run(DOWN, check="api")
    held.till(held.now)
    states = dict(held.incidents.states)
    held.start({})
    held.incidents.load(states, verdicts={"api": DOWN})
    held.reload(held.plan)

    held.run(DOWN, check="cart")
    held.till(held.now + 60)
    assert told(held) == [("firing", "api")]
    held.run(UP, check="api")
    assert held.run(DOWN, check="cart") == "F"


def test_after_a_restart_it_is_asked_again_of_what_nobody_heard_the_answer() -> None:
    held = story(cart=("api",), api=())
    held.run(DOWN, check="cart")
    held.restart()
    assert held.till(held.now + 60) == ""
    assert held.incidents.asks == set()

    held.run(DOWN, check="cart")
    assert held.incidents.asks == {"api"}
    assert held.letters() == ""
    held.run(UP, check="api")
    assert held.till(held.now) == "F"


def test_a_circle_ends_and_what_is_gone_asks_nobody() -> None:
    held = story(a=("b",), b=("a",), c=("gone",))
    held.run(DOWN, check="a")
    assert held.incidents.asks == {"b"}
    assert held.run(DOWN, check="c") == "F"
    held.till(held.now + TIMEOUT + LONGER)
    assert told(held) == [("firing", "c"), ("firing", "a")]


def test_in_a_window_nobody_is_asked_and_after_it_a_parent_that_is_down_holds_it() -> None:
    held = Held(plan(cart=("api",), api=()), Spans((NOON, NOON + 10)))
    held.run(DOWN, check="cart")
    held.run(DOWN, check="api")
    assert held.incidents.asks == set()

    held.till(NOON + 10)
    assert told(held) == [("firing", "api")]
    assert held.incidents.states["cart", "down"].held == "api is down"


@pytest.mark.parametrize(("answer", "said"), [(UP, "F"), (DOWN, ""), (None, "F")])
def test_what_a_window_held_back_asks_at_its_end_whatever_was_known_before(
    answer: Outcome | None, said: str
) -> None:
    held = Held(plan(cart=("api",), api=()), Spans((NOON + 2, NOON + 10), checks=("cart",)))
    held.run(UP, check="api")
    held.till(NOON + 5)
    held.run(DOWN, check="cart")
    assert held.incidents.asks == set()

    assert held.till(NOON + 10) == ""
    assert held.incidents.asks == {"api"}
    held.run(DOWN, check="cart")
    assert held.incidents.states["cart", "down"].held == "asking api, after maintenance weekly"
    if answer is not None:
        held.run(answer, check="api")
    held.till(held.now + TIMEOUT + LONGER)
    carts = [one for _, one in held.said if one.notice.labels["check"] == "cart"]
    assert len(carts) == len(said)
    assert all(
        "first seen in maintenance weekly" in one.notice.annotations["summary"] for one in carts
    )


def test_a_reload_that_takes_the_parent_away_lets_it_go() -> None:
    held = story(cart=("api",), api=())
    held.run(DOWN, check="cart")
    held.run(DOWN, check="api")
    held.till(held.now)
    held.reload(replace(plan(cart=()), notifiers=("ops",)))
    held.till(held.now)

    assert set(told(held)[-2:]) == {("firing", "cart"), ("resolved", "api")}


def test_one_that_is_down_and_runs_seldom_is_asked_again_while_others_wait_for_it() -> None:
    held = story(cart=("api",), api=())
    held.run(DOWN, check="cart")
    held.run(DOWN, check="api")
    held.till(held.now)
    held.incidents.asks.clear()

    began, asked = held.now, []
    while held.now < began + 3 * AGAIN:
        held.run(DOWN, check="cart")
        if held.incidents.asks:
            asked.append(held.now - began)
            held.incidents.asks.clear()

    assert len(asked) in (2, 3)
    assert all(later - earlier >= AGAIN for earlier, later in pairwise(asked))
    held.run(UP, check="api")
    held.till(held.now)
    assert held.run(DOWN, check="cart") == "F"
