from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import JsonValue, ValidationError

from prober.alerts.route import Match, Route, routed

LABELS = {
    "alertname": "ProberDown",
    "alert": "down",
    "check": "api",
    "kind": "http",
    "region": "eu-west-1",
    "severity": "critical",
    "team": "payments",
}
ALL = ("ops", "pager", "mail")


def route(*notify: str, **given: JsonValue) -> Route:
    return Route.model_validate({"notify": list(notify), **given})


def test_without_routes_every_notifier_is_told() -> None:
    assert routed((), ALL, LABELS) == ALL


def test_the_first_route_that_matches_decides() -> None:
    routes = (
        route("mail", match={"severity": "low"}),
        route("pager", match={"severity": "critical"}),
        route("ops"),
    )

    assert routed(routes, ALL, LABELS) == ("pager",)


def test_continue_asks_the_next_routes_as_well_and_tells_nobody_twice() -> None:
    routes = (
        route("pager", "ops", **{"continue": True}),
        route("nobody", match={"kinds": "tcp"}),
        route("ops", "mail"),
        route("never"),
    )

    assert routed(routes, (*ALL, "never"), LABELS) == ("pager", "ops", "mail")


def test_where_no_route_matches_nobody_is_told() -> None:
    assert routed((route("ops", match={"checks": "other"}),), ALL, LABELS) == ()


def test_a_route_may_tell_nobody_and_end_it() -> None:
    assert routed((route(match={"checks": "api"}), route("ops")), ALL, LABELS) == ()


def test_a_notifier_that_is_gone_is_not_told() -> None:
    assert routed((route("ops", "gone"),), ALL, LABELS) == ("ops",)


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ({}, True),
        ({"severity": "critical"}, True),
        ({"severity": ["high", "critical"]}, True),
        ({"severity": ["high", "low"]}, False),
        ({"checks": ["api"], "kinds": "http", "regions": "eu-west-1"}, True),
        ({"checks": ["api"], "kinds": "tcp"}, False),
        ({"regions": "us-east-1"}, False),
        ({"labels": {"team": "payments"}}, True),
        ({"labels": {"team": ["shop", "payments"]}}, True),
        ({"labels": {"team": "payments", "env": "prod"}}, False),
        ({"severity": "critical", "labels": {"team": "shop"}}, False),
    ],
)
def test_keys_are_anded_and_the_items_of_a_list_ored(
    match: Mapping[str, JsonValue], matches: bool
) -> None:
    assert Match.model_validate(match).matches(LABELS) is matches


@pytest.mark.parametrize(
    "wrong",
    [
        {"notify": ["ops"], "match": {"severity": []}},
        {"notify": ["ops"], "match": {"team": "payments"}},
        {"match": {}},
        {"notify": ["ops"], "escalate": [{"after": "0s", "notify": "mail"}]},
        {"notify": ["ops"], "escalate": [{"after": "15m", "notify": []}]},
        {"notify": ["ops"], "continue_": True},
    ],
)
def test_a_route_that_cannot_be_meant_is_refused(wrong: Mapping[str, JsonValue]) -> None:
    with pytest.raises(ValidationError):
        Route.model_validate(wrong)


HOURS: JsonValue = {"days": "MON-FRI", "from": "08:00", "to": "18:00"}
OFFICE: JsonValue = {"times": [HOURS]}
FRIDAY_NOON, SATURDAY_NOON = 1795176000.0, 1795262400.0  # of November 2026, in UTC


def test_a_route_may_be_for_some_hours_of_the_week() -> None:
    routes = (route("pager", match=OFFICE), route("mail"))

    assert routed(routes, ALL, LABELS, FRIDAY_NOON) == ("pager",)
    assert routed(routes, ALL, LABELS, SATURDAY_NOON) == ("mail",)
    assert routed(routes, ALL, LABELS) == ("pager",)  # at some time


def test_of_several_times_any_will_do_and_all_other_keys_have_to_match() -> None:
    times: JsonValue = [HOURS, {"days": "SAT"}]

    assert Match.model_validate({"times": times}).matches(LABELS, SATURDAY_NOON)
    assert not Match.model_validate({"times": times, "kinds": "tcp"}).matches(LABELS, SATURDAY_NOON)
    assert not Match.model_validate(OFFICE).matches(LABELS, SATURDAY_NOON)
