from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from prober.alerts.incidents import Incidents
from prober.alerts.notice import Delivery, Event
from prober.alerts.plan import Plan, Watched
from prober.alerts.route import Route
from prober.alerts.rules import EffectiveRule
from prober.alerts.state import AlertState
from prober.result import Outcome
from tests.alerts.samples import DOWN, UNKNOWN, UP, result, rule
from tests.fake_clock import NOON

QUICK = rule(2, 2)


class Story:
    """Incidents that one result a second happens to."""

    def __init__(self, plan: Plan, states: Mapping[tuple[str, str], AlertState] | None = None):
        self.alerted: list[tuple[str, str, str, bool]] = []
        self.incidents = Incidents(lambda *heard: self.alerted.append(heard))
        self.incidents.load(states or {})
        self.incidents.configure(plan, NOON)
        self.now = NOON

    def runs(self, *outcomes: Outcome, check: str = "api") -> list[tuple[Event, str]]:
        for outcome in outcomes:
            self.incidents.put(result(outcome, check=check, at=self.now), self.now)
            self.now += 1
        return self.said()

    def said(self) -> list[tuple[Event, str]]:
        return [(one.notice.event, one.notifier) for one in self.take()]

    def take(self) -> list[Delivery]:
        said, self.incidents.saying.said = self.incidents.saying.said, []
        return said


def plan(
    *rules: EffectiveRule,
    notifiers: tuple[str, ...] = ("ops",),
    routes: tuple[Route, ...] = (),
    labels: Mapping[str, str] | None = None,
    notify: bool = True,
    checks: tuple[str, ...] = ("api",),
) -> Plan:
    watched = Watched(kind="http", rules=rules or (QUICK,), labels=labels or {})
    return Plan(
        region="eu-west-1",
        checks=dict.fromkeys(checks, watched),
        notifiers=notifiers,
        routes=routes,
        notify=notify,
        external_url="https://p.example.com",
    )


def test_it_is_said_once_that_it_fires_and_once_that_it_is_over() -> None:
    story = Story(plan())

    assert story.runs(DOWN) == []
    assert story.runs(DOWN) == [(Event.FIRING, "ops")]
    assert story.runs(DOWN, UNKNOWN, DOWN, UP) == []
    assert story.runs(UP) == [(Event.RESOLVED, "ops")]
    assert story.runs(UP, UP) == []
    assert story.alerted == [("api", "down", "critical", True), ("api", "down", "critical", False)]
    assert story.incidents.states == {}


@given(st.lists(st.sampled_from([UP, DOWN, UNKNOWN]), max_size=60))
def test_every_delivery_has_an_id_of_its_own_and_each_incident_begins_and_ends_once(
    runs: list[Outcome],
) -> None:
    story = Story(plan(rule(1, 1), notifiers=("ops", "mail")))
    for outcome in runs:
        story.incidents.put(result(outcome), NOON)

    said = story.take()
    assert len({one.id for one in said}) == len(said)
    ended = {one.notice.key for one in said if one.notice.event is Event.RESOLVED}
    begun = {one.notice.key for one in said if one.notice.event is Event.FIRING}
    assert ended <= begun
    firing = [state for state in story.incidents.states.values() if state.firing]
    assert len(begun) - len(ended) == len(firing)


def test_rules_of_a_check_are_independent() -> None:
    story = Story(plan(rule(1, 1, name="blip"), rule(2, 1, name="down")))
    story.runs(DOWN, DOWN)

    assert {key[1]: state.firing for key, state in story.incidents.states.items()} == {
        "blip": True,
        "down": True,
    }
    assert {one[1] for one in story.alerted} == {"blip", "down"}


def test_labels_stay_as_they_were_when_it_fired() -> None:
    story = Story(plan(replace(QUICK, severity="high"), labels={"team": "a", "check": "no"}))
    story.runs(DOWN)
    story.runs(DOWN)
    story.incidents.configure(plan(replace(QUICK, severity="low"), labels={"team": "b"}), NOON)
    story.incidents.put(result(UP), NOON)
    story.incidents.put(result(UP), NOON)

    (resolved,) = story.take()
    assert resolved.notice.labels["team"] == "a"
    assert resolved.notice.labels["severity"] == "high"
    assert resolved.notice.labels["check"] == "api"
    assert story.alerted == [
        ("api", "down", "high", True),
        ("api", "down", "high", False),
        ("api", "down", "low", True),
        ("api", "down", "low", False),
    ]


def test_who_was_told_of_the_firing_is_told_of_the_resolution_and_nobody_else() -> None:
    to_ops = (Route(notify=("ops",)),)
    to_mail = (Route(notify=("mail",)),)
    story = Story(plan(routes=to_ops, notifiers=("ops", "mail")))
    assert story.runs(DOWN, DOWN) == [(Event.FIRING, "ops")]

    story.incidents.configure(plan(routes=to_mail, notifiers=("mail", "ops", "late")), NOON)
    assert story.runs(UP, UP) == [(Event.RESOLVED, "ops")]
    assert story.runs(DOWN, DOWN) == [(Event.FIRING, "mail")]


def test_the_resolution_waits_for_a_notifier_that_is_not_there_but_reminders_do_not() -> None:
    story = Story(plan(replace(QUICK, remind=10), notifiers=("ops", "mail")))
    story.runs(DOWN, DOWN)

    story.incidents.configure(plan(replace(QUICK, remind=10), notifiers=("mail",)), NOON)
    story.incidents.tick(NOON + 3600)
    assert story.said() == [(Event.REMINDER, "mail")]
    assert story.runs(UP, UP) == [(Event.RESOLVED, "ops"), (Event.RESOLVED, "mail")]


def test_without_notify_states_move_and_nobody_is_told() -> None:
    story = Story(plan(replace(QUICK, remind=10), notify=False))

    assert story.runs(DOWN, DOWN) == []
    assert story.alerted == [("api", "down", "critical", True)]
    story.incidents.tick(NOON + 3600)
    assert story.said() == []
    assert story.runs(UP, UP) == []


def test_notify_switched_off_still_ends_what_was_begun_and_reminds_no_more() -> None:
    story = Story(plan(replace(QUICK, remind=10)))
    story.runs(DOWN, DOWN)
    story.incidents.configure(plan(replace(QUICK, remind=10), notify=False), NOON)

    story.incidents.tick(NOON + 3600)
    assert story.said() == []
    assert story.runs(UP, UP) == [(Event.RESOLVED, "ops")]


def test_reminders_come_by_wall_time_until_it_is_over() -> None:
    story = Story(plan(replace(QUICK, remind=60)))
    story.runs(DOWN, DOWN)
    assert story.incidents.next_wake == NOON + 61

    story.incidents.tick(NOON + 60.9)
    assert story.said() == []
    for nth in range(1, 4):
        story.incidents.tick(NOON + 1 + 60 * nth)
        (reminder,) = story.take()
        assert reminder.notice.event is Event.REMINDER
        assert reminder.id == f"{reminder.notice.key}/reminder/{nth}/ops"
    story.runs(UP, UP)

    story.incidents.tick(NOON + 10**6)
    assert story.said() == []
    assert story.incidents.next_wake is None


def test_the_reminders_of_one_incident_are_not_those_of_the_next() -> None:
    story = Story(plan(replace(QUICK, remind=60)))
    for _ in range(3):
        story.runs(DOWN, DOWN)
        story.runs(UP, UP)
    story.runs(DOWN, DOWN)

    story.incidents.tick(NOON + 13 + 59)
    assert story.said() == []
    story.incidents.tick(NOON + 13 + 60)
    assert story.said() == [(Event.REMINDER, "ops")]


def test_a_shorter_reminder_counts_from_the_last_notice() -> None:
    story = Story(plan(replace(QUICK, remind=3600)))
    story.runs(DOWN, DOWN)

    story.incidents.configure(plan(replace(QUICK, remind=60)), NOON + 30)
    assert story.incidents.next_wake == NOON + 61


def test_reminders_taken_out_of_the_config_stop() -> None:
    story = Story(plan(replace(QUICK, remind=60)))
    story.runs(DOWN, DOWN)

    story.incidents.configure(plan(QUICK), NOON)
    story.incidents.tick(NOON + 10**6)
    assert story.said() == []


def test_a_check_removed_while_firing_is_resolved_and_says_why() -> None:
    story = Story(plan(checks=("api", "web")))
    story.runs(DOWN, DOWN)
    story.runs(DOWN, check="web")

    story.incidents.configure(plan(checks=("other",)), NOON + 90)
    (gone,) = story.take()
    assert gone.notice.event is Event.RESOLVED
    assert gone.notice.ends_at == NOON + 90
    assert gone.notice.annotations["description"] == "the check was removed from the config"
    assert story.incidents.states == {}
    assert story.incidents.book.dirty >= {("api", "down"), ("web", "down")}
    assert story.alerted[-1] == ("api", "down", "critical", False)


def test_a_rule_removed_while_firing_is_resolved_and_says_why() -> None:
    story = Story(plan())
    story.runs(DOWN, DOWN)

    story.incidents.configure(plan(rule(5, name="other")), NOON)
    (gone,) = story.take()
    assert gone.notice.annotations["description"] == "the rule was removed from the config"


def test_an_edited_threshold_keeps_incident_and_streak() -> None:
    story = Story(plan(rule(5, 5)))
    story.runs(DOWN, DOWN, DOWN)

    story.incidents.configure(plan(rule(4, 1)), NOON)
    assert story.runs(DOWN) == [(Event.FIRING, "ops")]
    before = story.incidents.states["api", "down"].incident
    story.incidents.configure(plan(rule(9, 1)), NOON)
    assert story.incidents.states["api", "down"].incident == before
    assert story.said() == []
    assert story.runs(UP) == [(Event.RESOLVED, "ops")]


def test_a_restart_is_silent_and_goes_on_where_it_was() -> None:
    first = Story(plan())
    first.runs(DOWN, DOWN)
    second = Story(plan(), dict(first.incidents.states))

    assert second.said() == []
    assert second.alerted == [("api", "down", "critical", True)]
    assert second.runs(DOWN, DOWN) == []
    assert second.runs(UP, UP) == [(Event.RESOLVED, "ops")]


def test_a_streak_outlives_a_restart() -> None:
    first = Story(plan(rule(3)))
    first.runs(DOWN, DOWN)

    second = Story(plan(rule(3)), dict(first.incidents.states))
    assert second.runs(DOWN) == [(Event.FIRING, "ops")]


def test_what_changed_while_away_is_resolved_at_the_start() -> None:
    first = Story(plan())
    first.runs(DOWN, DOWN)

    second = Story(plan(checks=("other",)), dict(first.incidents.states))
    assert second.said() == [(Event.RESOLVED, "ops")]


def test_after_a_restart_a_reminder_waits_until_somebody_has_looked() -> None:
    reminding = plan(replace(QUICK, remind=60))
    first = Story(reminding)
    first.runs(DOWN, DOWN)
    second = Story(reminding, dict(first.incidents.states))

    second.incidents.tick(NOON + 3600)
    assert second.said() == []
    assert second.incidents.next_wake is None

    for nobody_is_down in (UNKNOWN, UP):
        second.incidents.put(result(nobody_is_down), NOON + 3600)
        second.incidents.tick(NOON + 3600)
        assert second.said() == []

    second.incidents.put(result(DOWN), NOON + 3601)
    second.incidents.tick(NOON + 3601)
    assert second.said() == [(Event.REMINDER, "ops")]


def test_a_result_of_a_check_that_is_not_in_the_plan_moves_nothing() -> None:
    story = Story(plan())

    assert story.runs(DOWN, DOWN, DOWN, check="removed") == []
    assert story.incidents.book.dirty == set()
