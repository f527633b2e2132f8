"""Nobody looks after it: others are told, each once, until somebody does or it is over."""

from __future__ import annotations

from dataclasses import replace

from pydantic import JsonValue

from prober.alerts.decisions import Ack
from prober.alerts.notice import Event
from prober.alerts.route import Route
from tests.alerts.holds import Held, Spans
from tests.alerts.samples import DOWN, UP, rule
from tests.alerts.test_incidents import plan
from tests.fake_clock import NOON

AT_ONCE = rule(1, 1)
ALL = ("ops", "mail", "sms")


def route(*stages: tuple[str, JsonValue], **more: JsonValue) -> Route:
    escalate: JsonValue = [{"after": after, "notify": notify} for after, notify in stages]
    return Route.model_validate({"notify": ["ops"], "escalate": escalate, **more})


def story(*routes: Route, spans: tuple[tuple[float, float], ...] = ()) -> Held:
    return Held(plan(AT_ONCE, notifiers=ALL, routes=routes), Spans(*spans))


def told(held: Held) -> list[tuple[Event, str, float]]:
    return [(one.notice.event, one.notifier, moment - NOON) for moment, one in held.said]


def test_each_stage_is_told_once_and_all_who_were_told_hear_the_end() -> None:
    held = story(route(("10s", "mail"), ("20s", ["sms", "ops"])))
    held.run(DOWN, *[DOWN] * 40)
    held.run(UP)

    assert told(held) == [
        (Event.FIRING, "ops", 1),
        (Event.FIRING, "mail", 11),
        (Event.FIRING, "sms", 21),
        (Event.ESCALATED, "ops", 21),
        (Event.RESOLVED, "ops", 42),
        (Event.RESOLVED, "mail", 42),
        (Event.RESOLVED, "sms", 42),
    ]
    assert len({one.notice.key for _, one in held.said}) == 1
    assert len({one.id for _, one in held.said}) == len(held.said)


def test_stages_are_reached_in_the_order_of_their_times_however_they_are_written() -> None:
    held = story(route(("20s", "sms"), ("10s", "mail")))
    held.run(DOWN, *[DOWN] * 25)

    assert told(held) == [
        (Event.FIRING, "ops", 1),
        (Event.FIRING, "mail", 11),
        (Event.FIRING, "sms", 21),
    ]


def test_whom_it_is_escalated_to_is_told_how_long_it_lasts() -> None:
    held = story(route(("15m", "mail")))
    held.run(DOWN)
    held.till(NOON + 3600)

    said = held.said[-1][1].notice
    assert "15 m" in said.annotations["summary"]
    assert said.starts_at == NOON + 1
    assert {one.notifier for one in held.incidents.standing()} == {"ops", "mail"}


def test_what_is_over_before_is_not_escalated() -> None:
    held = story(route(("10s", "mail")))
    held.run(DOWN, UP)

    assert held.till(NOON + 3600) == ""


def test_an_acknowledgement_ends_it_and_the_next_incident_has_stages_of_its_own() -> None:
    held = story(route(("10s", "mail")))
    held.run(DOWN)
    ack = Ack(incident=held.said[0][1].notice.id, by="ann", comment="", at=0)
    held.incidents.decide(ack, held.now)
    assert held.till(NOON + 3600) == ""

    assert held.run(UP, DOWN) == "RF"
    assert held.till(held.now + 10) == "F"


def test_a_restart_tells_nobody_twice_and_waits_until_somebody_has_looked() -> None:
    held = story(route(("10s", "mail"), ("30s", "sms")))
    held.run(DOWN)
    held.till(NOON + 15)
    held.restart()
    assert held.till(NOON + 60) == ""

    assert held.run(DOWN, DOWN) == "F"
    assert [name for _, name, _ in told(held)] == ["ops", "mail", "sms"]


def test_after_a_reload_the_stages_are_those_of_the_new_config() -> None:
    held = story(route(("10s", "mail"), ("20s", "mail")))
    held.run(DOWN)
    held.till(NOON + 12)
    held.reload(replace(held.plan, routes=(route(("5s", "ops"), ("30s", "sms")),)))

    assert held.till(NOON + 30) == ""
    assert held.till(NOON + 31) == "F"
    assert told(held)[-1] == (Event.FIRING, "sms", 31)


def test_it_counts_from_when_it_was_told_and_waits_in_windows() -> None:
    held = story(
        route(("10s", "mail"), ("30s", "sms")), spans=((NOON, NOON + 5), (NOON + 12, NOON + 50))
    )
    held.run(DOWN)
    held.till(NOON + 100)

    assert told(held) == [
        (Event.FIRING, "ops", 5),
        (Event.FIRING, "mail", 50),
        (Event.FIRING, "sms", 50),
    ]


def test_the_stages_are_those_of_the_routes_that_it_took() -> None:
    other = route(("5s", "sms"), match={"checks": "web"})
    held = story(other, route(("10s", "mail"), **{"continue": True}), route(("20s", "sms")))
    held.run(DOWN)
    held.till(NOON + 100)

    assert [(name, at) for _, name, at in told(held)] == [("ops", 1), ("mail", 11), ("sms", 21)]


def test_who_is_not_in_the_config_is_left_out() -> None:
    held = Held(plan(AT_ONCE, notifiers=("ops",), routes=(route(("10s", "gone")),)), Spans())
    held.run(DOWN)

    assert held.till(NOON + 100) == ""
    assert held.run(UP) == "R"


def test_nobody_at_first_may_be_somebody_later() -> None:
    held = story(route(("10s", "mail"), notify=[]))
    assert held.run(DOWN) == ""

    assert held.till(NOON + 11) == "F"
    assert held.run(UP) == "R"
    assert [one.notifier for _, one in held.said] == ["mail", "mail"]


def test_a_clock_that_is_set_back_delays_a_stage_by_no_more_than_itself() -> None:
    held = story(route(("10s", "mail")))
    held.run(DOWN)
    held.now -= 86400
    held.incidents.tick(held.now)

    assert held.till(held.now + 10) == "F"


def test_who_is_told_nothing_of_firings_runs_nothing_for_an_escalation_again() -> None:
    takes = {"ops": frozenset({Event.FIRING}), "mail": frozenset({Event.FIRING})}
    routes = (route(("10s", ["mail", "ops"])),)
    held = Held(replace(plan(AT_ONCE, notifiers=ALL, routes=routes), takes=takes), Spans())
    held.run(DOWN)
    held.till(NOON + 20)
    held.run(UP)

    assert [(event, name) for event, name, _ in told(held)] == [
        (Event.FIRING, "ops"),
        (Event.FIRING, "mail"),
    ]
