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


def test_a_list_of_matches_with_one_that_can_match_is_no_warning(tmp_path: Path) -> None:
    text = (
        'agent: {notify: never}\nchecks: [{name: a, tcp: "h:1"}]\n'
        "routes: [{notify: [], match: {checks: [a, gone], kinds: [tcp]}}]"
    )

    assert warned(tmp_path, text) == []
