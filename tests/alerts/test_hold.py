"""Nothing is said while something holds it back, and nothing is lost by that."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.alerts.book import owed
from prober.alerts.decisions import Ack, Expire, Mute
from prober.alerts.flapping import Flapping
from prober.alerts.incidents import SLICE
from prober.alerts.matchers import Matcher
from prober.alerts.notice import Event, incident_id, incident_key
from prober.alerts.plan import Watched
from prober.alerts.route import Route
from prober.errors import ProberError
from tests.alerts.holds import LETTERS, Held, Spans
from tests.alerts.samples import DOWN, UNKNOWN, UP, result, rule
from tests.alerts.test_incidents import plan
from tests.fake_clock import NOON

AT_ONCE = rule(1, 1)
WINDOW = (NOON + 10, NOON + 20)
RUNS = {"U": UP, "D": DOWN}


@pytest.mark.parametrize(
    ("before", "inside", "after", "said"),
    [
        ("U", "UU", "U", ["", ""]),
        ("U", "UU", "D", ["", "F"]),
        ("U", "DD", "U", ["F", "R"]),
        ("U", "DD", "D", ["F", ""]),
        ("U", "DU", "U", ["", ""]),
        ("U", "DU", "D", ["", "F"]),
        ("U", "UD", "U", ["F", "R"]),
        ("U", "UD", "D", ["F", ""]),
        ("D", "UU", "U", ["R", ""]),
        ("D", "UU", "D", ["R", "F"]),
        ("D", "DD", "U", ["", "R"]),
        ("D", "DD", "D", ["", ""]),
        ("D", "DU", "U", ["R", ""]),
        ("D", "DU", "D", ["R", "F"]),
        ("D", "UD", "U", ["RF", "R"]),
        ("D", "UD", "D", ["RF", ""]),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_a_window_says_nothing_inside_and_what_is_owed_at_its_end(
    before: str, inside: str, after: str, said: list[str], restarts: bool
) -> None:
    story = Held(plan(AT_ONCE), Spans(WINDOW))
    assert story.run(RUNS[before]) == ("F" if before == "D" else "")
    story.till(WINDOW[0])

    assert story.run(*(RUNS[one] for one in inside)) == ""
    if restarts:
        story.restart()
        # Nobody has looked since; one more run like the last.
        assert story.run(RUNS[inside[-1]]) == ""
    assert story.till(WINDOW[1]) == said[0]
    assert story.run(RUNS[after]) == said[1]


def test_an_incident_of_inside_that_is_told_late_says_so_and_is_dated_right() -> None:
    story = Held(plan(AT_ONCE), Spans(WINDOW))
    story.till(WINDOW[0])
    story.run(DOWN)
    assert story.alerted == [("api", "down", "critical", True)]
    story.till(WINDOW[1])
    ((_, one),) = story.said

    assert one.notice.starts_at == WINDOW[0] + 1
    assert one.notice.at == one.created_at == WINDOW[1]
    assert "maintenance weekly" in one.notice.annotations["summary"]
    assert [d.id for d in story.incidents.standing()] == [one.id]


def test_an_end_that_is_told_late_is_dated_right_and_stands_until_then() -> None:
    story = Held(plan(AT_ONCE), Spans(WINDOW))
    story.run(DOWN)
    story.till(WINDOW[0])
    story.run(UP)

    assert [one.id for one in story.incidents.standing()] == [story.said[0][1].id]
    assert story.incidents.burning == {story.said[0][1].notice.key}
    assert story.alerted[-1] == ("api", "down", "critical", False)
    story.till(WINDOW[1])
    end = story.said[-1][1]
    assert end.notice.ends_at == WINDOW[0] + 1
    assert end.notice.at == end.created_at == WINDOW[1]
    assert story.incidents.standing() == []
    assert story.incidents.burning == set()
    assert story.incidents.states == {}


def test_an_alert_that_fires_again_inside_does_not_overtake_its_own_end() -> None:
    story = Held(plan(AT_ONCE), Spans(WINDOW))
    story.run(DOWN)
    story.till(WINDOW[0])
    story.run(UP, DOWN, UP, DOWN)
    assert owed(("api", "down")) in story.incidents.states

    assert story.till(WINDOW[1]) == "RF"
    keys = [one.notice.key for _, one in story.said]
    assert keys[0] == keys[1] != keys[2]


def test_whose_end_is_owed_hears_it_though_check_and_rule_are_gone() -> None:
    for changed in (plan(checks=("web",)), plan(rule(name="other"))):
        story = Held(plan(AT_ONCE), Spans(WINDOW))
        story.run(DOWN)
        story.till(WINDOW[0])
        story.run(UP)
        story.reload(changed)
        story.restart()
        assert story.letters() == "F"

        assert story.till(WINDOW[1]) == "R"
        assert story.incidents.states == {}


def test_a_check_that_is_removed_inside_is_over_at_the_end_and_says_why() -> None:
    story = Held(plan(AT_ONCE, checks=("api", "web")), Spans(WINDOW))
    story.run(DOWN)
    story.till(WINDOW[0])
    story.run(DOWN, check="web")
    story.reload(plan(AT_ONCE, checks=("dns",)))

    assert story.till(WINDOW[1]) == "R"
    assert "removed" in story.said[-1][1].notice.annotations["description"]


def test_reminders_wait_for_the_end_of_a_window() -> None:
    story = Held(plan(replace(AT_ONCE, remind=4)), Spans(WINDOW))
    assert story.run(DOWN) == "F"
    assert story.till(WINDOW[0]) == "mm"

    assert story.till(WINDOW[1] - 1) == ""
    assert story.till(WINDOW[1]) == "m"  # which was due inside
    assert story.till(WINDOW[1] + 3) == ""
    assert story.till(WINDOW[1] + 4) == "m"


def test_reminders_of_what_was_told_late_count_from_then() -> None:
    story = Held(plan(replace(AT_ONCE, remind=4)), Spans(WINDOW))
    story.till(WINDOW[0])
    story.run(DOWN)

    assert story.till(WINDOW[1]) == "F"
    assert story.till(WINDOW[1] + 3) == ""
    assert story.till(WINDOW[1] + 4) == "m"


def test_a_window_that_is_taken_out_of_the_config_holds_nothing_any_more() -> None:
    story = Held(plan(AT_ONCE), Spans(WINDOW))
    story.till(WINDOW[0])
    story.run(DOWN)
    story.holding.spans.clear()
    story.reload(plan(AT_ONCE))

    assert story.letters() == "F"


def test_what_is_just_recovering_at_the_end_waits_for_the_next_run() -> None:
    for last, said in ((UP, ""), (DOWN, "F")):
        story = Held(plan(rule(1, 3)), Spans(WINDOW))
        story.till(WINDOW[0])
        story.run(DOWN, UP)
        assert story.till(WINDOW[1] + 5) == ""

        assert story.run(last) == said


def test_an_alert_with_other_labels_than_its_owed_end_comes_after_it_all_the_same() -> None:
    story = Held(plan(AT_ONCE), Spans())
    story.run(DOWN)
    critical = replace(mute(), matchers=(Matcher("severity", "=", "critical"),))
    story.incidents.decide(critical, story.now)
    assert story.run(UP) == ""
    story.reload(plan(replace(AT_ONCE, severity="high")))

    assert story.run(DOWN) == "RF"


def test_unknown_runs_tell_nothing() -> None:
    story = Held(plan(AT_ONCE), Spans(WINDOW))
    story.till(WINDOW[0])
    story.run(DOWN, UP, every=0.1)
    story.run(DOWN, every=0.1)
    story.restart()

    assert story.till(WINDOW[1]) == ""
    assert story.run(UNKNOWN) == ""
    assert story.run(DOWN) == "F"


def test_what_is_let_go_together_is_told_in_slices() -> None:
    checks = tuple(f"c{number}" for number in range(3 * SLICE))
    story = Held(plan(AT_ONCE, checks=checks), Spans(WINDOW))
    story.till(WINDOW[0])
    for check in checks:
        story.incidents.put(result(DOWN, check=check, at=story.now), story.now)

    story.now = WINDOW[1]
    story.incidents.tick(story.now)
    assert len(story.incidents.saying.said) == SLICE
    assert story.incidents.next_wake == story.now
    story.till(story.now)
    assert len(story.said) == len(checks)


def test_of_what_is_let_go_together_the_ends_come_first() -> None:
    story = Held(plan(AT_ONCE, checks=("api", "web")), Spans(WINDOW))
    story.run(DOWN, check="web")
    story.till(WINDOW[0])
    story.run(DOWN)
    story.run(UP, check="web")

    assert story.till(WINDOW[1]) == "RF"


def test_a_reload_that_ends_a_window_tells_ends_first_as_well() -> None:
    story = Held(plan(AT_ONCE, checks=("api", "web")), Spans(WINDOW))
    story.run(DOWN, check="web")
    story.till(WINDOW[0])
    story.run(DOWN)
    story.run(UP, check="web")
    story.holding.spans.clear()
    story.reload(story.plan)

    assert story.letters() == "FRF"


# Silences and acknowledgements


def mute(check: str = "api", *, begins: float = NOON, ends: float = NOON + 60) -> Mute:
    return Mute(
        id="3f9a",
        kind="silence",
        matchers=(Matcher("check", "=", check),),
        starts_at=begins,
        ends_at=ends,
        by="ann@desk",
        comment="new disk",
        at=begins,
    )


def test_a_silence_holds_until_its_end_or_until_it_is_expired() -> None:
    for expires in (True, False):
        story = Held(plan(AT_ONCE, checks=("api", "web")), Spans())
        story.incidents.decide(mute(), story.now)
        assert story.run(DOWN) == ""
        assert story.run(DOWN, check="web") == "F"
        if expires:
            story.incidents.decide(Expire(id="3f9a", by="bo", comment="", at=0), story.now)
            story.till(story.now)
        else:
            story.till(NOON + 60)

        assert [one.notice.labels["check"] for _, one in story.said] == ["web", "api"]


def test_a_silence_outlives_a_restart() -> None:
    story = Held(plan(AT_ONCE), Spans())
    story.incidents.decide(mute(), story.now)
    story.run(DOWN)
    known = story.incidents.deciding.known
    story.holding = Spans()
    story.start(story.incidents.states, tuple(known.values()))

    assert story.run(DOWN) == ""
    assert story.till(NOON + 60) == "F"


def test_what_was_decided_is_to_be_kept_with_who_and_why() -> None:
    story = Held(plan(AT_ONCE), Spans())
    deciding = story.incidents.deciding
    assert story.incidents.decide(mute(), NOON).id == "3f9a"
    assert deciding.mutes == {"3f9a": mute()}
    story.incidents.decide(Expire(id="3f9a", by="bo@desk", comment="done", at=0), NOON + 1)

    assert deciding.mutes == {"3f9a": None}
    assert deciding.known["3f9a"].ends_at == NOON + 1  # for whoever asks when that was
    with pytest.raises(ProberError, match="over already"):
        story.incidents.decide(Expire(id="3f9a", by="bo@desk", comment="", at=0), NOON + 2)
    assert [(one.who, one.why) for one in deciding.audit] == [
        ("ann@desk", "new disk"),
        ("bo@desk", "done"),
    ]
    assert len({one.id for one in deciding.audit}) == 2


def test_after_an_acknowledgement_nothing_is_said_but_that_and_the_end() -> None:
    takes = {"ops": frozenset(Event)}
    story = Held(replace(plan(replace(AT_ONCE, remind=5)), takes=takes), Spans())
    story.run(DOWN)
    id_ = story.said[0][1].notice.id
    said = story.incidents.decide(Ack(incident=id_[:6], by="ann", comment="", at=0), story.now)
    assert said.id == id_

    story.restart()
    assert story.run(*[DOWN] * 20) == ""
    assert story.letters() == "Fa"
    assert story.run(UP) == "R"
    assert story.run(DOWN) == "F"
    assert story.till(story.now + 5) == "m"


def test_an_acknowledgement_is_said_to_those_only_who_can_do_something_with_it() -> None:
    takes = {"ops": frozenset(Event)}
    two = replace(plan(AT_ONCE, notifiers=("ops", "mail")), takes=takes)
    story = Held(two, Spans())
    story.run(DOWN)
    key = story.said[0][1].notice.key
    story.incidents.decide(Ack(incident=key, by="ann", comment="", at=0), story.now)
    story.till(story.now)

    assert [one.notifier for _, one in story.said] == ["ops", "mail", "ops"]
    assert story.letters() == "FFa"


@pytest.mark.parametrize("wrong", ["000000", "", "abc", "eu-west-1/api/down"])
def test_what_does_not_fire_cannot_be_acknowledged(wrong: str) -> None:
    story = Held(plan(AT_ONCE), Spans())
    story.run(DOWN)

    with pytest.raises(ProberError, match="no incident"):
        story.incidents.decide(Ack(incident=wrong, by="ann", comment="", at=0), story.now)
    assert story.incidents.deciding.audit == []


def test_what_is_acknowledged_or_over_already_is_refused() -> None:
    story = Held(plan(AT_ONCE), Spans(WINDOW))
    story.run(DOWN)
    ack = Ack(incident=story.said[0][1].notice.id, by="ann", comment="", at=0)
    story.incidents.decide(ack, story.now)
    with pytest.raises(ProberError, match="acknowledged by ann already"):
        story.incidents.decide(ack, story.now)
    story.till(WINDOW[0])
    story.run(UP)
    with pytest.raises(ProberError, match="over already"):
        story.incidents.decide(ack, story.now)
    with pytest.raises(ProberError, match="no silence"):
        story.incidents.decide(Expire(id="gone", by="ann", comment="", at=0), story.now)


# Laws

CHECKS = ("api", "web")
PLANS = (
    plan(rule(1, 1), checks=CHECKS),
    plan(replace(rule(2, 2), remind=3), checks=CHECKS),
    plan(rule(1, 2), checks=("api",)),
    plan(rule(1, 1), checks=CHECKS, notifiers=("mail",)),
    replace(
        plan(replace(rule(1, 1), flapping=Flapping(4, 20.0)), checks=CHECKS),
        checks={
            "api": Watched(kind="http", rules=(AT_ONCE,)),
            "web": Watched(kind="http", rules=(AT_ONCE,), depends_on=("api",), timeout=1.0),
        },
        parents=frozenset({"api"}),
    ),
    plan(replace(rule(1, 1), flapping=Flapping(4, 20.0)), checks=CHECKS),
    replace(
        plan(
            replace(rule(1, 1), severity="high"),
            checks=CHECKS,
            notifiers=("ops", "mail"),
            routes=(
                Route.model_validate(
                    {"notify": ["ops"], "escalate": [{"after": "3s", "notify": ["mail", "ops"]}]}
                ),
            ),
        ),
        takes={"ops": frozenset(Event)},
    ),
)
steps = st.one_of(
    st.tuples(st.just("run"), st.sampled_from(CHECKS), st.sampled_from([UP, DOWN, UNKNOWN])),
    st.tuples(st.just("wait"), st.sampled_from([1, 7]), st.just(None)),
    st.tuples(st.just("plan"), st.sampled_from(range(len(PLANS))), st.just(None)),
    st.tuples(st.just("restart"), st.just(None), st.just(None)),
    st.tuples(st.just("silence"), st.sampled_from(CHECKS), st.sampled_from([2, 9])),
    st.tuples(st.just("expire"), st.just(None), st.just(None)),
    st.tuples(st.just("ack"), st.just(None), st.just(None)),
)


def take(story: Held, step: tuple[str, object, object]) -> None:
    match step:
        case ("run", str(check), outcome):
            story.run(outcome, check=check)  # type: ignore[arg-type]  # as the strategy has it
        case ("wait", int(seconds), _):
            story.till(story.now + seconds)
        case ("plan", int(number), _):
            story.reload(PLANS[number])
        case ("restart", _, _):
            story.restart()
        case ("silence", str(check), int(seconds)):
            if "3f9a" not in story.incidents.deciding.known:
                silence = mute(check, begins=story.now, ends=story.now + seconds)
                story.incidents.decide(silence, story.now)
        case ("expire", _, _):
            known = story.incidents.deciding.known.get("3f9a")
            if known is not None and known.ends_at > story.now:
                story.incidents.decide(Expire(id="3f9a", by="a", comment="", at=0), story.now)
        case ("ack", _, _):
            for key, state in list(story.incidents.states.items()):
                if state.firing and state.acked_at is None and not key[1].startswith("@"):
                    id_ = incident_id(incident_key(state))
                    ack = Ack(incident=id_, by="a", comment="", at=0)
                    story.incidents.decide(ack, story.now)
    story.till(story.now)


@given(
    st.lists(steps, max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 15)), max_size=3),
)
def test_nothing_is_said_inside_and_who_was_told_is_told_the_end_once_and_in_order(
    taken: list[tuple[str, object, object]], spans: list[tuple[int, int]]
) -> None:
    windows = [(NOON + start, NOON + start + length) for start, length in spans]
    story = Held(PLANS[0], Spans(*windows))
    for step in taken:
        before = len(story.said)
        take(story, step)
        for moment, one in story.said[before:]:
            check = one.notice.labels.get("check", "")
            assert story.holding.why(check, one.notice.labels, moment) == ""
        assert {one.notice.key for one in story.incidents.standing()} == _open(story)
    story.till(NOON + 1000)
    story.reload(replace(PLANS[0], checks={}))
    story.till(story.now + 1)

    _in_order(story)
    assert _open(story) == set()
    assert story.incidents.states == {}
    assert story.incidents.burning == set()


def _in_order(story: Held) -> None:
    """Of every alert to everybody: it fires, may be said again, is over, and may fire again."""
    told: dict[tuple[str, str], str] = defaultdict(str)
    incidents: dict[tuple[str, str], list[str]] = defaultdict(list)
    for _, one in story.said:
        of = (one.notice.labels.get("check", ""), one.notifier)
        told[of] += LETTERS[one.notice.event]
        incidents[of].append(one.notice.key)
    for of, letters in told.items():
        bare = letters.translate(dict.fromkeys(map(ord, "male")))
        assert bare == ("FR" * len(bare))[: len(bare)]
        keys = incidents[of]
        for number, letter in enumerate(letters):
            assert letter == "F" or keys[number] == keys[number - 1]
    assert len({one.id for _, one in story.said}) == len(story.said)


def _open(story: Held) -> set[str]:
    ended = {one.notice.key for _, one in story.said if one.notice.event.is_over}
    return {one.notice.key for _, one in story.said} - ended
