"""The agent's own alert: when it fires, for whom, and when it is over."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.alerts.faults import FAULT, NO_VERDICT, RUNS, judged, listed, may_wait
from prober.alerts.incidents import SLICE
from prober.alerts.notice import Delivery, Event, Notice
from prober.alerts.plan import Plan
from prober.alerts.route import Match, Route
from prober.alerts.state import QUIET, AlertState, Key
from prober.result import Outcome, Reason, Result
from tests.alerts.samples import DOWN, UNKNOWN, UP, result, rule
from tests.alerts.test_incidents import Story, plan
from tests.fake_clock import NOON

CHECKS = ("api", "web", "dns")
FIRING, RESOLVED = [Event.FIRING], [Event.RESOLVED]
# A run by one letter: up, down, unknown, a script that cannot be imported, a browser that failed.
RUN: Mapping[str, tuple[Outcome, Reason]] = {
    "u": (UP, Reason.STATUS),
    "d": (DOWN, Reason.STATUS),
    "?": (UNKNOWN, Reason.INTERNAL),
    "s": (UNKNOWN, Reason.SCRIPT),
    "b": (UNKNOWN, Reason.BROWSER),
    "D": (DOWN, Reason.SCRIPT),
}


class Agent(Story):
    """As a story, of runs by their letters; only what is said of the agent itself counts."""

    def __init__(self, made: Plan | None = None, states: Mapping[Key, AlertState] | None = None):
        super().__init__(made or watching(), states)

    def run(self, letters: str, check: str = "api") -> list[Event]:
        for letter in letters:
            self.put(letter, check)
        return [one.notice.event for one in self.own()]

    def put(self, letter: str, check: str = "api", message: str = "") -> None:
        outcome, reason = RUN[letter]
        message = message or f"no verdict on {check}"
        one = result(outcome, check=check, at=self.now, reason=reason, message=message)
        self.incidents.put(one, self.now)
        self.now += 1

    def own(self) -> list[Delivery]:
        return [one for one in self.take() if one.notice.labels["kind"] == "agent"]

    @property
    def fires(self) -> bool:
        return self.incidents.states.get(FAULT, QUIET).firing


def watching(*checks: str, **changes: object) -> Plan:
    made = plan(rule(2, 1), checks=checks or CHECKS)
    return replace(made, **changes)  # type: ignore[arg-type]  # a test names the field's own type


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ("??", ".."),
        ("???", "..F"),
        ("??u?", "...."),
        ("??d??", "....."),
        ("?u??d???", ".......F"),
        ("??????", "..F..."),
        ("???u", "..FR"),
        ("???d", "..FR"),
        ("???u???d", "..FR..FR"),
        ("s", "F"),
        ("su", "FR"),
        ("ss?u", "F..R"),
        ("s?b?d", "F...R"),
        ("?s", ".F"),
        ("bb?", "..F"),
        ("D", "."),
        ("DDDD", "...."),
        ("uuuu", "...."),
    ],
)
def test_three_unknown_in_a_row_or_one_script_fire_and_a_verdict_resolves(
    runs: str, said: str
) -> None:
    agent = Agent()
    letters = {Event.FIRING: "F", Event.RESOLVED: "R"}

    heard = [agent.run(one) for one in runs]
    assert "".join(letters[e[0]] if e else "." for e in heard) == said


many_runs = st.lists(st.tuples(st.sampled_from(CHECKS), st.sampled_from("ud?sb")), max_size=60)


def at_fault(seen: str) -> bool:
    """A model that looks at all runs of a check."""
    last = max(seen.rfind("u"), seen.rfind("d"))
    unknown = seen[last + 1 :]
    return len(unknown) >= RUNS or "s" in unknown


@given(many_runs)
def test_it_fires_while_any_check_is_faulty_and_at_no_other_time(
    runs: list[tuple[str, str]],
) -> None:
    agent, seen = Agent(), dict.fromkeys(CHECKS, "")
    said: list[Event] = []
    for check, letter in runs:
        agent.put(letter, check)
        seen[check] += letter
        said += [one.notice.event for one in agent.own()]

        faulty = {name for name in CHECKS if at_fault(seen[name])}
        assert set(agent.incidents.faulty) == faulty
        assert agent.fires == bool(faulty)
        assert said == [*FIRING, *RESOLVED] * (len(said) // 2) + FIRING * (len(said) % 2)
        assert agent.fires == bool(len(said) % 2)


@given(many_runs)
def test_the_rules_of_the_check_do_not_notice(runs: list[tuple[str, str]]) -> None:
    agent, without = Agent(), Agent()
    for check, letter in runs:
        agent.put(letter, check)
        if letter in "ud":
            without.put(letter, check)

    told = [[one.notice.labels["check"] for one in story.take() if "check" in one.notice.labels]
            for story in (agent, without)]  # fmt: skip
    assert told[0] == told[1]
    assert [heard for heard in agent.alerted if heard[0]] == without.alerted


@given(many_runs, st.integers(0, 60))
def test_a_restart_at_any_point_is_not_noticed(runs: list[tuple[str, str]], cut: int) -> None:
    whole, first = Agent(), Agent()
    for check, letter in runs:
        whole.put(letter, check)
    for check, letter in runs[:cut]:
        first.put(letter, check)
    kept = {
        key: AlertState.from_json(json.loads(json.dumps(state.to_json())))
        for key, state in first.incidents.states.items()
    }
    second = Agent(states=kept)
    assert second.take() == []
    for check, letter in runs[cut:]:
        second.put(letter, check)

    events = [[one.notice.event for one in story.own()] for story in (whole, first, second)]
    assert events[0] == events[1] + events[2]
    assert second.incidents.faulty == whole.incidents.faulty


def test_a_starved_agent_says_so_once_and_its_end_once() -> None:
    agent = Agent()
    said = [event for _ in range(5) for check in CHECKS for event in agent.run("?", check)]
    assert said == FIRING

    assert agent.run("u", "api") == []
    assert agent.run("d", "web") == []
    assert agent.run("u", "dns") == RESOLVED
    assert agent.incidents.states == {("web", "down"): agent.incidents.states["web", "down"]}


def test_its_labels_are_the_agents_and_name_no_check() -> None:
    agent = Agent(watching(labels={"env": "prod", "check": "no"}, severity="page"))
    agent.put("s")
    agent.put("u")
    firing, over = agent.own()

    assert firing.notice.labels == over.notice.labels == {
        "alertname": "ProberAgentFault",
        "alert": "agent-fault",
        "kind": "agent",
        "region": "eu-west-1",
        "severity": "page",
        "env": "prod",
    }  # fmt: skip
    assert firing.notice.key == over.notice.key
    assert firing.notice.key.startswith("eu-west-1//agent-fault/run")
    assert {firing.id, over.id} == {
        f"{firing.notice.key}/{event}/0/ops" for event in ("firing", "resolved")
    }
    assert firing.notice.url == f"https://p.example.com/incidents/{firing.notice.id}"
    assert Notice.from_json(json.loads(json.dumps(firing.notice.to_json()))) == firing.notice


def test_it_goes_the_same_routes() -> None:
    routes = (
        Route(match=Match(kinds="agent", severity="critical"), notify=("mail",)),
        Route(match=Match(checks=("api",)), notify=("ops",)),
    )
    made = replace(watching(), routes=routes, notifiers=("ops", "mail"))
    agent = Agent(made)
    agent.put("s")
    assert [one.notifier for one in agent.own()] == ["mail"]

    agent.incidents.configure(replace(made, routes=()), NOON)
    agent.put("u")
    assert [one.notifier for one in agent.own()] == ["mail"]


def test_without_notify_it_is_told_to_nobody_and_known_all_the_same() -> None:
    agent = Agent(watching(notify=False))

    assert agent.run("???") == []
    assert agent.fires
    assert agent.run("u") == []
    assert not agent.fires


def test_it_says_which_checks_why_and_since_when() -> None:
    agent = Agent()
    agent.put("?", "web", "out of files")
    for n in range(3):
        agent.put("?", "api", f"late by {n} s")
    (firing,) = agent.own()

    assert firing.notice.annotations == {
        "summary": "the agent in eu-west-1 gets no verdict on api: late by 2 s",
        "description": "no verdict since 2023-11-14T22:13:21.000Z, which says nothing about the targets: "
        "api: late by 2 s; other checks that had no verdict when they last ran: 1",
        "last_message": "late by 2 s",
        "reason": "internal",
        "since": "2023-11-14T22:13:21.000Z",
        "incident": firing.notice.id,
    }
    agent.put("s", "dns", "dns.py:3: invalid syntax")
    agent.put("u", "dns")
    agent.put("u", "api")
    (over,) = agent.own()
    assert over.notice.annotations == {
        "summary": "the agent in eu-west-1 gets verdicts again after 5 s: api, dns",
        "description": "failed from 2023-11-14T22:13:21.000Z to 2023-11-14T22:13:26.000Z: late by 2 s",
        "duration": "5 s",
        "last_message": "late by 2 s",
        "reason": "internal",
        "since": "2023-11-14T22:13:21.000Z",
        "incident": firing.notice.id,
    }


def test_ten_checks_are_named_and_then_it_is_said_how_many_more() -> None:
    names = [f"c{n}" for n in range(13)]
    agent = Agent(watching(*names))
    for name in names:
        agent.put("s", name, "x" * 1000)
    (firing,) = agent.own()
    said = firing.notice.annotations
    assert said["summary"].endswith("c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 3 more")
    assert said["description"].endswith("; and 3 more")
    assert "c9: xxx" in said["description"]
    assert "c10" not in said["description"]
    assert len(said["description"]) < 4000

    for name in names:
        agent.put("u", name)
    (over,) = agent.own()
    were = "c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, and others"
    assert over.notice.annotations["summary"].endswith(f" s: {were}")


@pytest.mark.parametrize(
    ("checks", "text"), [((), ""), (("a",), "a"), (("a", "b"), "a and b"), ("abc", "a, b and c")]
)
def test_names_are_listed_as_people_do(checks: Sequence[str], text: str) -> None:
    assert listed(checks) == text


def test_what_breaks_before_the_first_notice_is_taken_is_in_it() -> None:
    agent = Agent()
    agent.put("s", "api")
    agent.put("s", "web")
    (firing,) = agent.own()

    assert firing.notice.annotations["summary"] == (
        "the agent in eu-west-1 gets no verdict on api and web"
    )
    assert agent.incidents.saying.reworded == {}
    assert agent.incidents.standing() == [firing]


def reworded(agent: Agent) -> list[Delivery]:
    new, agent.incidents.saying.reworded = agent.incidents.saying.reworded, {}
    return list(new.values())


def test_what_stands_follows_what_is_faulty_and_nobody_is_notified_of_that() -> None:
    agent = Agent()
    agent.put("s", "api", "api.py:1: no")
    (firing,) = agent.own()
    agent.put("s", "web", "web.py:2: no")
    (both,) = reworded(agent)
    assert both.again
    assert both.id == firing.id
    assert both.notice.annotations["description"].endswith("api: api.py:1: no; web: web.py:2: no")

    agent.put("u", "web")
    (one,) = reworded(agent)
    assert one.notice.annotations["summary"].endswith("no verdict on api: api.py:1: no")
    assert agent.incidents.standing() == [replace(one, again=False)]
    assert agent.own() == []

    agent.put("s", "api", "another message")
    assert reworded(agent) == []
    agent.put("u", "api")
    (over,) = agent.own()
    assert reworded(agent) == []
    assert over.notice.annotations["summary"].endswith(" s: api, web")


def test_a_faulty_check_that_is_removed_is_named_no_more() -> None:
    agent = Agent()
    agent.put("s", "api")
    agent.put("s", "web")
    agent.take()

    agent.incidents.configure(watching("web"), NOON)
    (left,) = reworded(agent)
    assert left.notice.annotations["summary"].endswith("no verdict on web: no verdict on web")


def test_only_the_beginning_of_a_fault_may_wait() -> None:
    agent = Agent()
    agent.put("s", "api")
    assert may_wait(agent.incidents.saying.said)

    agent.put("d", "web")
    agent.put("d", "web")
    assert not may_wait(agent.incidents.saying.said)
    agent.take()
    agent.put("u", "api")
    assert not may_wait(agent.incidents.saying.said)


def test_what_is_faulty_is_not_counted_on_and_the_same_error_is_the_same_state() -> None:
    one = result(UNKNOWN)
    state = QUIET
    for _ in range(RUNS):
        state = judged(state, one)

    assert state.streak == RUNS
    assert judged(state, one) is state
    assert state.since == one.started_at


def test_a_check_that_is_removed_is_at_fault_no_more() -> None:
    agent = Agent()
    agent.run("???", "api")
    agent.run("s", "web")

    agent.incidents.configure(watching("web"), NOON)
    assert agent.own() == []
    assert set(agent.incidents.faulty) == {"web"}
    agent.incidents.configure(watching("dns"), NOON + 90)
    (over,) = agent.own()
    assert over.notice.event is Event.RESOLVED
    assert over.notice.annotations["summary"] == (
        "the agent in eu-west-1 has no check left on which it gets no verdict: "
        "the check was removed from the config"
    )
    assert agent.incidents.states == {}
    assert agent.incidents.book.dirty >= {FAULT, ("api", NO_VERDICT), ("web", NO_VERDICT)}
    assert agent.incidents.burning == set()


def test_a_streak_of_a_check_that_was_removed_does_not_come_back_with_its_name() -> None:
    agent = Agent()
    agent.run("??")
    agent.incidents.configure(watching("web"), NOON)
    agent.incidents.configure(watching(), NOON)

    assert agent.run("?") == []


def test_checks_that_went_while_the_agent_was_away_are_absolved_at_its_start() -> None:
    first = Agent()
    first.run("???")
    second = Agent(watching("web"), first.incidents.states)

    assert [one.notice.event for one in second.own()] == RESOLVED


def test_a_fault_of_which_only_the_alert_is_left_is_over_and_one_without_its_alert_is_said() -> (
    None
):
    first = Agent()
    first.run("???")
    alone = {FAULT: first.incidents.states[FAULT]}
    assert [one.notice.event for one in Agent(states=alone).own()] == RESOLVED

    others = {key: one for key, one in first.incidents.states.items() if key != FAULT}
    second = Agent(states=others)
    assert second.own() == []
    assert second.run("?") == FIRING


def test_a_reload_in_a_fault_says_nothing_and_shows_the_severity_of_today() -> None:
    agent = Agent()
    agent.run("???")
    agent.incidents.configure(watching(severity="high"), NOON)

    assert agent.own() == []
    assert agent.alerted == [
        (*FAULT, "critical", True),
        (*FAULT, "critical", False),
        (*FAULT, "high", True),
    ]
    assert agent.run("u") == RESOLVED


def test_a_fault_that_is_found_late_goes_on_until_its_checks_have_verdicts() -> None:
    before = Agent()
    before.run("???", "api")
    before.run("?", "web")
    after = Agent()
    after.run("u", "web")

    after.incidents.join(before.incidents.states, NOON + 9)
    assert after.own() == []
    assert after.incidents.states[FAULT] == before.incidents.states[FAULT]
    assert ("web", NO_VERDICT) not in after.incidents.states
    assert after.run("u", "api") == RESOLVED


def test_a_fault_that_is_found_late_gives_way_to_one_that_burns_by_now() -> None:
    before, after = Agent(), Agent()
    before.run("s", "api")
    after.run("s", "web")
    mine = after.incidents.states[FAULT].incident

    after.incidents.join(before.incidents.states, NOON + 9)
    assert after.incidents.states[FAULT].incident == mine
    assert after.incidents.states[FAULT].details["checks"] == "web and api"
    assert len(after.incidents.burning) == 1
    after.take()
    assert after.run("u", "web") == []
    assert after.run("u", "api") == RESOLVED


def test_what_burns_stands_under_the_words_it_had() -> None:
    agent = Agent()
    agent.run("??", "web")
    agent.put("s")
    (fired,) = agent.own()

    (standing,) = agent.incidents.standing()
    assert standing == fired


def test_a_check_that_is_not_in_the_plan_blames_nobody() -> None:
    agent = Agent()

    assert agent.run("sss???", "removed") == []
    assert agent.incidents.book.dirty == set()


def test_many_faulty_checks_are_brought_in_line_in_slices() -> None:
    names = [f"check-{n}" for n in range(3 * SLICE)]
    agent = Agent(watching(*names))
    for name in names:
        agent.put("s", name)
    agent.take()

    agent.incidents.configure(watching("api"), NOON)
    assert agent.own() == []
    for _ in range(5):
        agent.incidents.tick(agent.now)
    assert [one.notice.event for one in agent.own()] == RESOLVED
    assert agent.incidents.states == {}
    assert agent.incidents.next_wake is None


def test_no_work_is_done_for_a_check_that_is_well() -> None:
    agent = Agent()
    runs: list[Result] = [result(UP) for _ in range(5)]
    for one in runs:
        agent.incidents.put(one, NOON)

    assert agent.incidents.book.dirty == set()
    assert agent.incidents.states == {}
