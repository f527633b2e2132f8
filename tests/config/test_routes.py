from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.loading import warned


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            'checks: [{name: a, tcp: "h:1"}]',
            "config.yaml: no notifiers; alerts are seen on the page and in metrics only",
        ),
        (
            'notifiers: {fix: {command: {argv: ["/bin/true"]}}}\nchecks: [{name: a, tcp: "h:1"}]',
            "config.yaml:1: notifiers: commands only, which run where a route names them,"
            " and no routes: nobody is told",
        ),
        (
            "agent: {region: a}\n\nregions: [a, b]",
            "config.yaml:3: regions: several regions and notify: auto; notices come from the"
            " rules generated for Prometheus, not from this agent",
        ),
        (
            "agent: {region: c}\nregions: [a]",
            "config.yaml:2: regions: 'c', this agent's, is none of a",
        ),
        (
            "routes:\n  - {notify: []}\n  - {notify: []}",
            "config.yaml:3: routes[1]: never reached; routes[0] matches everything"
            " and does not continue",
        ),
        (
            "routes: [{notify: [], match: {checks: [x, y]}}]",
            "config.yaml:1: routes[0].match.checks: 'x', 'y' can never match; there is none",
        ),
        (
            "routes: [{notify: [], match: {kinds: gopher}}]",
            "config.yaml:1: routes[0].match.kinds: 'gopher' can never match; there is none",
        ),
    ],
)
def test_what_is_legal_but_odd_is_a_warning(tmp_path: Path, text: str, warning: str) -> None:
    assert warned(tmp_path, text) == [warning]


UNTOLD = """
agent: {region: eu}
alerts: {down: {when: {failures: 3}}, slow: {when: {failures: 9}, severity: low}}
notifiers: {h: {webhook: {url: "http://h/"}}}
checks:
  - {name: a, tcp: "h:1", labels: {team: x}}
  - {name: b, tcp: "h:1"}
  - {name: c, tcp: "h:1", severity: high}
  - {name: d, tcp: "h:1"}
  - {name: e, tcp: "h:1", labels: {team: x}}
"""


AGENTS = "ProberAgentFault (critical) of the agent itself"


def untold(folder: Path, routes: str, text: str = UNTOLD) -> list[str]:
    found = warned(folder, text + f"routes: {routes}\n")
    ending = "; add one, with notify: [] to tell nobody"
    start = "config.yaml:11: routes: none takes the alert "
    return [line.removeprefix(start).removesuffix(ending) for line in found]


def test_an_alert_that_no_route_takes_is_a_warning(tmp_path: Path) -> None:
    assert untold(tmp_path, "[{match: {severity: critical}, notify: h}]") == [
        "slow (low) of a, b, c and 2 more",
        "down (high) of c",
    ]
    assert untold(tmp_path, "[{match: {labels: {team: x}}, notify: h}]") == [
        "down (critical) of b, d",
        "slow (low) of b, c, d",
        "down (high) of c",
        AGENTS,
    ]


@pytest.mark.parametrize(
    "routes",
    [
        "[]",
        "[{notify: h}]",
        "[{notify: []}]",
        "[{match: {severity: low}, notify: h}, {notify: h, continue: true}]",
        "[{match: {severity: [critical, high]}, notify: h}, {match: {severity: low}, notify: []}]",
        "[{match: {kinds: [tcp, agent]}, notify: h}]",
        "[{match: {kinds: tcp}, notify: h}, {match: {kinds: agent}, notify: []}]",
        "[{match: {regions: eu}, notify: h}]",
    ],
)
def test_no_warning_where_every_alert_is_taken(tmp_path: Path, routes: str) -> None:
    assert untold(tmp_path, routes) == []


def test_the_agents_own_alert_goes_by_its_labels_and_the_first_severity(tmp_path: Path) -> None:
    routes = "[{match: {kinds: tcp}, notify: h}, {match: {labels: {team: x}}, notify: h}]"
    assert untold(tmp_path, routes) == [AGENTS]
    assert untold(tmp_path, routes, UNTOLD.replace("eu}", "eu, labels: {team: x}}")) == []


def test_no_warning_of_the_agents_own_alert_where_nothing_is_checked(tmp_path: Path) -> None:
    text = 'notifiers: {h: {webhook: {url: "http://h/"}}}\nroutes: [{match: {severity: low}, notify: h}]'
    assert warned(tmp_path, text) == []


def test_no_warning_of_routes_where_the_agent_tells_nobody(tmp_path: Path) -> None:
    silent = UNTOLD.replace("region: eu", "region: eu, notify: never")

    assert untold(tmp_path, "[{match: {severity: high}, notify: h}]", silent) == []


def test_a_list_of_matches_with_one_that_can_match_is_no_warning(tmp_path: Path) -> None:
    text = (
        'agent: {notify: never}\nchecks: [{name: a, tcp: "h:1"}]\n'
        "routes: [{notify: [], match: {checks: [a, gone], kinds: [tcp]}}]"
    )

    assert warned(tmp_path, text) == []
