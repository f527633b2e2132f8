"""What dashboards say of a bad night: Prometheus' own tool evaluates what a panel asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from prober.export.dashboards.whole import dashboards
from prober.export.scene import Scene
from tests.export.rules.fleet import scene as config
from tests.export.rules.fleet import watched as check
from tests.export.test_dashboards import Board
from tests.promtool import Case, failures

FILLED = {"$__rate_interval": "2m", "$__range": "20m", "$over": "20m", '"$check"': '"shop"'}
NO_RULES = "groups: [{name: none, rules: [{record: 'nothing:at:all', expr: vector(1)}]}]"
FLEET = config(check("shop"), regions=("eu", "us"))


def asked(name: str, title: str, *, of: Scene = FLEET) -> str:
    """What the first target of that panel asks, where everything is chosen."""
    board = Board.model_validate(dashboards(of)[f"prober-{name}.json"])
    expr = next(panel.targets[0].expr for panel in board.shown if panel.title == title)
    for variable, value in FILLED.items():
        expr = expr.replace(variable, value)
    return re.sub(r'=~"\$\w+"', '=~".*"', expr)


def agent(region: str, **values: str) -> Mapping[str, str]:
    """What one agent of a region says of its check, scrape by scrape."""
    own = f'job="prober", instance="{region}:9620", region="{region}", check="shop"'
    known = f'prober_check_info{{{own}, kind="http", severity="critical"}}'
    runs = {
        f'prober_runs_total{{{own}, outcome="{it}"}}': values.get(it, "0+0x40")
        for it in ("up", "down")
    }
    there = values.get("there", "1x40")
    return {
        known: there,
        f"probe_success{{{own}}}": values.get("success", there),
        f"prober_check_interval_seconds{{{own}}}": there.replace("1", "30", 1),
        **runs,
    }  # fmt: skip


def test_a_region_that_is_not_the_configs_hides_none_that_is_silent(tmp_path: Path) -> None:
    silent = asked("overview", "Silent regions, of 2")
    series = {**agent("us"), **agent("staging"), **agent("eu", success="1x9 stale")}

    assert not failures(
        tmp_path, NO_RULES, [Case(name="eu", series=series, values={"18m": {silent: [({}, 1)]}})]
    )


def test_what_an_agent_saw_before_it_died_counts(tmp_path: Path) -> None:
    """It was down, and took its outage along: nothing is more available by that."""
    dead = agent("eu", there="1x19 stale", up="0+0x19 stale", down="0+1x19 stale")
    series = {**dead, **agent("us", up="0+1x40")}
    share = asked("overview", "Availability")
    worst = asked("overview", "Least available")

    good_enough = f"{share} < bool 0.7"
    of_check = f"{worst} < bool 0.7"
    case = Case(
        name="dead",
        series=series,
        values={"18m": {good_enough: [({}, 1)], of_check: [({"check": "shop"}, 1)]}},
    )
    assert not failures(tmp_path, NO_RULES, [case])


def test_a_verdict_that_is_withheld_is_neither_up_nor_down(tmp_path: Path) -> None:
    withheld = agent("eu", success="1x19 stale")
    state = asked("check", "State")
    case = Case(
        name="withheld",
        series={**withheld, **agent("us")},
        values={"18m": {state: [({"region": "eu"}, -1), ({"region": "us"}, 1)]}},
    )
    assert not failures(tmp_path, NO_RULES, [case])
