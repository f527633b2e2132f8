"""What clocks, restarts and reloads do to incidents that burn."""

from __future__ import annotations

from dataclasses import replace

from prober.alerts.alarms import OUTDATED
from prober.alerts.notice import Event
from tests.alerts.samples import DOWN, UP, rule
from tests.alerts.test_incidents import QUICK, Story, plan
from tests.fake_clock import NOON

DAY = 86400.0


def test_a_tick_ends_however_short_a_reminder_is_and_is_not_due_again_at_once() -> None:
    story = Story(plan(replace(QUICK, remind=1e-9)))
    story.runs(DOWN, DOWN)

    story.incidents.tick(NOON + 2)
    assert story.said() == [(Event.REMINDER, "ops")]
    assert story.incidents.next_wake == NOON + 3


def test_a_clock_set_back_by_a_day_goes_on_reminding() -> None:
    story = Story(plan(replace(QUICK, remind=3600)))
    story.runs(DOWN, DOWN)

    for hour in range(24):
        story.incidents.tick(NOON - DAY + 3600 * hour)
    assert story.said() == [(Event.REMINDER, "ops")] * 23
    assert story.incidents.book.dirty == {("api", "down")}


def test_a_clock_set_back_while_the_agent_was_down_goes_on_reminding() -> None:
    first = Story(plan(replace(QUICK, remind=3600)))
    first.runs(DOWN, DOWN)
    states = {
        key: replace(one, notified_at=NOON + DAY) for key, one in first.incidents.states.items()
    }
    second = Story(plan(replace(QUICK, remind=3600)), states)

    second.runs(DOWN)
    second.incidents.tick(NOON + 3600)
    assert second.said() == [(Event.REMINDER, "ops")]


def test_alarms_of_what_is_over_are_not_kept_until_they_would_ring() -> None:
    story = Story(plan(rule(1, 1, remind=DAY)))
    for _ in range(5 * OUTDATED):
        story.runs(DOWN, UP)

    assert len(story.incidents.book.alarms._heap) <= OUTDATED + 2


def test_what_burns_stands_under_the_id_that_its_firing_had() -> None:
    story = Story(plan(notifiers=("ops", "mail"), checks=("api", "web")))
    story.runs(DOWN, DOWN)
    fired = story.incidents.standing()
    story.runs(DOWN, check="web")
    story.runs(DOWN, check="web")
    (firing, *_) = fired

    assert [one.notifier for one in fired] == ["ops", "mail"]
    assert firing.id == f"{firing.notice.key}/firing/0/ops"
    assert firing.notice.event is Event.FIRING
    assert firing.created_at == firing.notice.starts_at == NOON + 1
    assert len(story.incidents.standing()) == 4
    story.incidents.configure(plan(notifiers=("mail",), checks=("api",)), NOON)
    assert [one.notifier for one in story.incidents.standing()] == ["ops", "mail"]
    story.runs(UP, UP)
    assert story.incidents.standing() == []


def test_an_incident_burns_from_its_firing_to_its_end_restarts_included() -> None:
    first = Story(plan(notifiers=()))
    assert first.incidents.burning == set()
    first.runs(DOWN, DOWN)
    (state,) = first.incidents.states.values()
    assert first.incidents.burning == {f"eu-west-1/api/down/{state.incident}"}

    second = Story(plan(), first.incidents.states)
    assert second.incidents.burning == first.incidents.burning
    first.runs(UP, UP)
    second.incidents.configure(plan(checks=("web",)), NOON)
    assert first.incidents.burning == second.incidents.burning == set()


def test_incidents_that_are_found_late_go_on_unless_another_burns_by_now() -> None:
    before = Story(plan(checks=("api", "web", "dns")))
    for check in ("api", "web", "dns"):
        before.runs(DOWN, DOWN, check=check)
    after = Story(plan(checks=("api", "web")))
    after.runs(DOWN, DOWN, check="web")
    mine = after.incidents.states["web", "down"]

    after.incidents.join(before.incidents.states, NOON + 9)
    assert after.incidents.states["web", "down"] == mine
    assert after.incidents.states["api", "down"] == before.incidents.states["api", "down"]
    assert [one.notice.labels["check"] for one in after.take()] == ["dns"]
    assert len(after.incidents.burning) == 2
    assert after.runs(UP, UP) == [(Event.RESOLVED, "ops")]
    assert ("api", "down", "critical", True) in after.alerted


def test_streaks_that_are_found_late_are_of_no_use() -> None:
    before = Story(plan())
    before.runs(DOWN)
    after = Story(plan())
    after.runs(UP)

    after.incidents.join(before.incidents.states, NOON + 9)
    assert after.runs(DOWN) == []
