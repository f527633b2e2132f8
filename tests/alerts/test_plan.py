from __future__ import annotations

from dataclasses import replace

from prober.alerts.notice import Event
from prober.alerts.plan import OnDemand, Plan, Watched
from prober.alerts.route import Route
from tests.alerts.samples import rule
from tests.fake_clock import NOON


def test_checks_on_demand_are_those_of_the_sources_and_made_when_asked_for() -> None:
    made: list[str] = []

    def watched(kind: str) -> Watched:
        made.append(kind)
        return Watched(kind=kind, rules=(rule(),))

    checks = OnDemand({"api": "http", "db": "tcp"}, watched)

    assert ("api" in checks, "web" in checks, list(checks), len(checks)) == (
        True,
        False,
        ["api", "db"],
        2,
    )
    assert made == []
    assert checks["db"].kind == "tcp"
    assert checks.get("web") is None
    assert made == ["tcp"]
    assert [checks[name].kind for name in ("api", "api", "db")] == ["http", "http", "tcp"]


def test_without_routes_those_by_default_are_told_and_with_routes_whom_they_name() -> None:
    plan = Plan(region="eu", notifiers=("ops", "restart"))
    mine = replace(plan, by_default=("ops", "gone"))
    routes = (Route.model_validate({"notify": ["restart"]}),)

    assert plan.routed({}, NOON) == ("ops", "restart")
    assert mine.routed({}, NOON) == ("ops",)
    assert replace(mine, routes=routes).routed({}, NOON) == ("restart",)
    assert replace(mine, notify=False).routed({}, NOON) == ()


def test_routes_count_as_they_are_at_the_moment() -> None:
    night = {"times": [{"from": "00:00", "to": "01:00"}]}
    routes = (Route.model_validate({"match": night, "notify": ["ops"]}),)
    plan = Plan(region="eu", notifiers=("ops",), routes=routes)
    midnight = NOON - NOON % 86400

    assert plan.routed({}, midnight + 1800) == ("ops",)
    assert plan.routed({}, midnight + 7200) == ()


def test_a_notifier_takes_what_its_kind_does_and_all_others_what_everybody_does() -> None:
    plan = Plan(region="eu", takes={"restart": frozenset({Event.FIRING})})

    assert plan.is_taken(Event.FIRING, "restart")
    assert not plan.is_taken(Event.RESOLVED, "restart")
    assert plan.is_taken(Event.RESOLVED, "ops")
    assert not plan.is_taken(Event.WINDOW_BEGUN, "ops")
