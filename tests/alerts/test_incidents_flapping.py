"""One alert is held open instead of many: said once, and over when it is calm."""

from __future__ import annotations

from dataclasses import replace

from prober.alerts.flapping import Flapping
from prober.alerts.notice import Event
from tests.alerts.holds import Held, Spans
from tests.alerts.samples import DOWN, UP, rule
from tests.alerts.test_incidents import plan
from tests.fake_clock import NOON

UNSTEADY = replace(rule(1, 1), flapping=Flapping(4, 60.0))


def test_it_is_said_once_and_its_end_comes_when_it_is_calm_by_time_alone() -> None:
    story = Held(plan(UNSTEADY), Spans())
    assert story.run(*[DOWN, UP] * 10) == "FRFl"
    assert story.incidents.burning == {story.said[-1][1].notice.key}
    last = story.now
    assert story.till(last + 55) == ""

    assert story.till(last + 61) == "R"
    end = story.said[-1][1].notice
    assert end.key == story.said[2][1].notice.key
    assert story.incidents.burning == set()
    story.till(last + 600)
    assert story.incidents.states == {}
    assert story.incidents.next_wake is None


def test_what_is_bad_when_it_is_calm_fires_on_and_is_over_in_its_own_time() -> None:
    story = Held(plan(UNSTEADY), Spans())
    story.run(*[DOWN, UP] * 4, DOWN)
    assert story.letters() == "FRFl"
    assert story.till(story.now + 300) == ""

    assert story.run(UP) == "R"


def test_a_restart_does_not_say_it_again() -> None:
    story = Held(plan(UNSTEADY), Spans())
    story.run(*[DOWN, UP] * 4)
    story.restart()
    story.run(DOWN, UP)

    assert story.letters() == "FRFl"
    story.till(story.now + 300)
    assert story.letters() == "FRFlR"


def test_inside_a_window_it_is_not_said_and_an_end_by_time_is_owed() -> None:
    story = Held(plan(UNSTEADY), Spans((NOON + 3.5, NOON + 500)))
    story.run(*[DOWN, UP] * 4)
    assert story.letters() == "FRF"
    story.till(NOON + 499)
    assert story.letters() == "FRF"

    assert story.till(NOON + 500) == "R"


def test_one_that_began_inside_a_window_is_told_at_its_end_as_what_it_is() -> None:
    story = Held(plan(UNSTEADY), Spans((NOON, NOON + 12)))
    story.run(*[DOWN, UP] * 5, DOWN)
    assert story.letters() == ""
    assert story.till(NOON + 12) == "F"
    assert "again and again" in story.said[0][1].notice.annotations["summary"]
    story.till(story.now + 600)
    assert story.run(UP) == "R"


def test_reminders_go_on_while_it_is_held_open() -> None:
    story = Held(plan(replace(UNSTEADY, remind=5.0)), Spans())
    story.run(*[DOWN, UP] * 4)
    said = story.till(story.now + 20)

    assert said == "mmmm"
    assert {one.notice.event for _, one in story.said[-4:]} == {Event.REMINDER}
