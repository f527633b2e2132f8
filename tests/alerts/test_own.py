"""What is wrong with the agent itself is an alert like any other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prober.alerts.announced import is_window
from prober.alerts.notice import Event
from prober.alerts.own import STORE_GONE, TOLD_OFFLINE
from prober.alerts.route import Route, Stage
from prober.alerts.windows import Maintenance
from prober.errors import ProberError
from prober.result import Finding, Reason
from tests.alerts.holds import Held, Spans
from tests.alerts.samples import DOWN, UNKNOWN, UP, rule
from tests.alerts.samples import result as run
from tests.alerts.test_incidents import plan
from tests.fake_clock import NOON

OFFLINE = Finding.unknown("nobody answers", Reason.OFFLINE)
FULL = "cannot use it: the disk is full"


def story(*names: str) -> Held:
    return Held(plan(rule(1, 1), notifiers=names or ("ops",)), Spans())


def told(held: Held) -> list[tuple[str, str]]:
    held.till(held.now)
    return [(one.notice.event.value, one.notice.labels["alertname"]) for _, one in held.said]


def test_a_store_is_told_of_when_it_has_been_gone_for_a_while_and_when_it_is_back() -> None:
    held = story()
    held.incidents.own("store", FULL, NOON)
    held.till(NOON + STORE_GONE - 5)
    held.incidents.own("store", FULL, held.now)
    assert told(held) == []
    held.till(NOON + STORE_GONE)
    held.incidents.own("store", FULL, held.now)
    assert told(held) == [("firing", "ProberStore")]

    first = held.said[0][1].notice
    assert first.labels.get("check") is None
    assert first.labels["kind"] == "agent"
    assert FULL in first.annotations["summary"]
    assert first.annotations["since"].startswith("2023-11-14T22:13:20")
    held.incidents.own("store", None, held.now + 9)
    assert told(held)[1:] == [("resolved", "ProberStore")]
    assert held.incidents.states == {}


def test_a_store_that_is_back_in_time_is_nobodys_business() -> None:
    held = story()
    for moment in range(0, 600, 30):
        held.now = NOON + moment
        held.incidents.own("store", FULL, held.now)
        held.incidents.own("store", None, held.now + 15)
    assert held.till(NOON + 3600) == ""
    assert held.incidents.next_wake is None


def test_a_store_that_is_back_after_a_restart_ends_it() -> None:
    held = story()
    held.incidents.own("store", FULL, NOON)
    held.till(NOON + STORE_GONE)
    held.restart()
    held.incidents.own("store", None, held.now)

    assert told(held) == [("firing", "ProberStore"), ("resolved", "ProberStore")]


def test_what_was_not_delivered_is_told_until_each_of_the_notifiers_takes_something() -> None:
    held = story("ops", "mail", "sms")
    held.incidents.own("undelivered", "mail: 24 h", NOON, "mail")
    held.incidents.own("undelivered", "sms: 401", NOON + 1, "sms")
    held.incidents.own("undelivered", "sms: 401", NOON + 2, "sms")
    assert told(held) == [("firing", "ProberUndelivered")] * 3
    (standing, *_) = held.incidents.standing()
    assert "mail: 24 h; sms: 401" in standing.notice.annotations["summary"]

    held.incidents.own("undelivered", None, NOON + 3, "ops")
    held.incidents.own("undelivered", None, NOON + 3, "mail")
    assert len(told(held)) == 3
    held.incidents.own("undelivered", None, NOON + 4, "sms")
    assert told(held)[3:] == [("resolved", "ProberUndelivered")] * 3


@pytest.mark.parametrize(("first", "last"), [("mail", "hook"), ("hook", "mail")])
def test_what_others_take_after_a_restart_does_not_end_it(first: str, last: str) -> None:
    held = story("hook", "slow", "mail")
    held.incidents.own("undelivered", "firing of api/down to hook: 400", NOON, "hook")
    held.incidents.own("undelivered", "firing of api/down to mail: 24 h", NOON + 1, "mail")
    held.restart()
    for _ in range(2):
        held.incidents.own("undelivered", None, NOON + 2, "slow")
        held.restart()
    held.incidents.own("undelivered", None, NOON + 3, first)
    held.restart()
    assert told(held) == [("firing", "ProberUndelivered")] * 3

    (standing, *_) = held.incidents.standing()
    assert f"to {last}: " in standing.notice.annotations["summary"]
    assert f"to {first}: " not in standing.notice.annotations["summary"]
    held.incidents.own("undelivered", None, NOON + 4, last)
    assert told(held)[3:] == [("resolved", "ProberUndelivered")] * 3


def test_a_notifier_that_is_removed_while_the_agent_is_stopped_owes_nothing() -> None:
    held = story("ops", "mail")
    held.incidents.own("undelivered", "firing of api/down to mail: 24 h", NOON, "mail")
    held.plan = plan(rule(1, 1), notifiers=("ops",))
    held.restart()

    assert told(held)[-1] == ("resolved", "ProberUndelivered")
    assert "removed" in held.said[-1][1].notice.annotations["summary"]


@pytest.mark.parametrize(
    ("words", "suspects"),
    [
        ("firing of api/down to hook: 400; resolved of a/b to mail: 24 h", ("hook", "mail")),
        ("in words that name nobody", ("hook", "mail", "slow")),
    ],
)
def test_where_it_is_not_known_whom_it_is_about_all_have_to_take_something(
    words: str, suspects: tuple[str, ...]
) -> None:
    held = story("hook", "mail", "slow")
    held.incidents.own("undelivered", words, NOON, "hook")
    assert len(told(held)) == 3
    ((key, state),) = held.incidents.states.items()
    held.start({key: replace(state, details={})})  # as an older prober wrote it down
    for name in suspects:
        assert len(told(held)) == 3
        held.incidents.own("undelivered", None, NOON + 1, name)

    assert told(held)[3:] == [("resolved", "ProberUndelivered")] * 3


def test_what_was_taken_before_the_file_could_be_read_counts() -> None:
    held = story("hook", "mail")
    held.incidents.own("undelivered", "firing of api/down to hook: 400", NOON, "hook")
    assert len(told(held)) == 2
    kept = dict(held.incidents.states)
    held.start({})
    held.incidents.own("undelivered", None, NOON + 1, "hook")
    held.incidents.join(kept, NOON + 2)

    assert told(held)[2:] == [("resolved", "ProberUndelivered")] * 2


def test_a_notifier_that_is_removed_owes_nothing() -> None:
    held = story("ops", "mail")
    held.incidents.own("undelivered", "mail: 24 h", NOON, "mail")
    held.reload(plan(rule(1, 1), notifiers=("ops",)))

    assert told(held)[-1] == ("resolved", "ProberUndelivered")
    assert "removed" in held.said[-1][1].notice.annotations["summary"]


def test_that_it_was_cut_off_is_told_when_it_is_back_and_over_a_while_later() -> None:
    held = story()
    held.incidents.own("offline", "from 12:00 to 12:20, 40 runs say nothing", NOON)
    assert told(held) == [("firing", "ProberOffline")]
    assert "40 runs" in held.said[0][1].notice.annotations["summary"]

    held.restart()
    assert held.till(NOON + TOLD_OFFLINE - 1) == ""
    assert held.till(NOON + TOLD_OFFLINE) == "R"


def test_that_it_was_cut_off_again_is_the_same_news_for_longer() -> None:
    held = story()
    held.incidents.own("offline", "from 12:00 to 12:20", NOON)
    held.till(NOON + 200)
    held.incidents.own("offline", "from 12:22 to 12:23", held.now)

    held.restart()
    assert held.till(NOON + 200 + TOLD_OFFLINE - 1) == ""
    assert held.till(NOON + 200 + TOLD_OFFLINE) == "R"


def test_runs_while_it_is_cut_off_are_no_fault_of_a_check() -> None:
    held = story()
    for _ in range(5):
        held.incidents.put(run(check="api")._replace(finding=OFFLINE), held.now)

    assert told(held) == []
    assert held.incidents.faulty == {}
    assert held.incidents.states == {}


def test_an_alert_of_its_own_can_be_silenced_and_acknowledged_like_any_other() -> None:
    held = Held(plan(rule(1, 1)), Spans((NOON, NOON + 10)))
    held.incidents.own("undelivered", "ops: 24 h", NOON, "ops")
    assert told(held) == []
    held.incidents.own("undelivered", None, NOON, "ops")

    assert held.till(NOON + 20) == ""
    assert held.incidents.states == {}


def test_a_fault_of_inside_a_window_is_told_after_it_though_the_agent_was_restarted() -> None:
    held = Held(plan(rule(1, 1)), Spans((NOON, NOON + 10)))
    held.run(UNKNOWN, UNKNOWN, UNKNOWN)
    held.restart()
    assert held.till(NOON + 20) == ""  # nobody has looked since

    held.run(UNKNOWN)
    assert told(held) == [("firing", "ProberAgentFault")]
    held.run(UP)
    assert told(held)[1:] == [("resolved", "ProberAgentFault")]


def test_what_was_not_delivered_inside_a_window_is_told_after_a_restart_and_that_it_lasts() -> None:
    held = Held(plan(rule(1, 1)), Spans((NOON, NOON + 10)))
    held.incidents.own("undelivered", "ops: 24 h", NOON, "ops")
    held.restart()
    held.till(NOON + 20)
    held.incidents.own("undelivered", "ops: 24 h", held.now, "ops")

    assert told(held) == [("firing", "ProberUndelivered")]


def test_an_alert_of_its_own_escalates_after_a_restart_too() -> None:
    stage = Stage(after=60.0, notify=("sms",))
    route = Route(notify=("ops",), escalate=(stage,))
    made = plan(rule(1, 1), notifiers=("ops", "sms"))
    held = Held(replace(made, routes=(route,)), Spans())
    held.run(UNKNOWN, UNKNOWN, UNKNOWN)
    held.restart()
    held.run(UNKNOWN)
    held.till(NOON + 100)

    assert [one.notifier for _, one in held.said] == ["ops", "sms"]


def test_nobody_invents_alerts_of_its_own() -> None:
    for name in ("disk", "agent-fault"):
        with pytest.raises(ProberError, match=name):
            story().incidents.own(name, "broken", NOON)


def test_a_clock_that_is_set_back_ends_what_is_told_for_a_while() -> None:
    held = story()
    held.incidents.own("offline", "from 12:00 to 12:20", NOON)
    held.till(NOON)
    held.now = NOON - 86400
    held.incidents.tick(held.now)

    assert held.till(held.now + TOLD_OFFLINE) == "R"


# Windows that somebody wants to hear of


def announcing() -> Held:
    window = Maintenance.model_validate(
        {
            "name": "weekly",
            "start": "2023-11-14T22:13:30Z",  # ten seconds after NOON
            "end": "2023-11-14T22:13:40Z",
            "notify": ["mail", "gone"],
        }
    )
    people = {"mail": frozenset(Event)}
    two = replace(plan(rule(1, 1), notifiers=("ops", "mail")), windows=(window,), takes=people)
    return Held(two, Spans())


def events(held: Held) -> list[tuple[Event, str, float]]:
    return [(one.notice.event, one.notifier, moment - NOON) for moment, one in held.said]


def test_who_asked_hears_that_a_window_begins_and_that_it_is_over() -> None:
    held = announcing()
    held.till(NOON + 60)

    assert events(held) == [
        (Event.WINDOW_BEGUN, "mail", 10),
        (Event.WINDOW_OVER, "mail", 20),
    ]
    assert held.incidents.states == {}
    assert held.incidents.standing() == []


def test_a_restart_inside_says_nothing_twice_and_one_over_it_says_the_end() -> None:
    held = announcing()
    held.till(NOON + 12)
    held.restart()
    assert held.till(NOON + 15) == ""
    assert [is_window(key) for key in held.incidents.states] == [True]
    held.now = NOON + 100
    held.restart()
    held.till(held.now + 1)

    assert [event for event, _, _ in events(held)] == [Event.WINDOW_BEGUN, Event.WINDOW_OVER]


def test_a_window_that_is_removed_inside_is_over() -> None:
    held = announcing()
    held.till(NOON + 12)
    held.reload(replace(held.plan, windows=()))
    held.till(NOON + 13)

    assert [event for event, _, _ in events(held)] == [Event.WINDOW_BEGUN, Event.WINDOW_OVER]


def test_alerts_go_on_beside_it() -> None:
    held = announcing()
    held.till(NOON + 12)
    held.incidents.put(run(DOWN, at=held.now), held.now)
    held.till(held.now)

    assert events(held)[1:] == [(Event.FIRING, "ops", 12), (Event.FIRING, "mail", 12)]
