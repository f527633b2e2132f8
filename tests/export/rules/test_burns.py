"""Is one outage one page, though a budget burns by it and windows still count it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from prober.alerts.conditions import ErrorRate, ValueIs
from prober.alerts.slo import Slo
from prober.export.rules import text
from prober.export.rules.made import Generated, Group
from prober.export.rules.whole import generated
from prober.export.scene import Scene
from tests.export.rules.fleet import LENGTH, Seen, of, rule, scene, since, watched
from tests.promtool import Case, Labels, judged

PROMISED = scene(watched(), slos=(Slo.model_validate({"name": "up", "availability": "99.9%"}),))
ERRORS = ErrorRate(rate=0.5, over=900.0)
BURNS = 'count by (severity) (ALERTS{alertname="ProberSLOBurn",alertstate="firing"})'
PAGES = 'count by (alert) (ALERTS{alertname="ProberQuorumDown",alertstate="firing"})'
Fails = Callable[[int], bool]


def outage(first: int, end: int) -> Fails:
    return lambda minute: first <= minute < end


def every_fifth(minute: int) -> bool:
    return minute % 5 == 0


def well(minute: int) -> bool:
    return False


def seen(region: str, fails: Fails, **changed: object) -> Seen:
    """A run a minute; three in a row that fail are `down` until one does not."""
    failed = [fails(moment // 2) for moment in range(LENGTH)]
    runs: Mapping[str, Fails] = {"down": fails, "up": lambda minute: not fails(minute)}
    counters = {
        f'prober_runs_total{{outcome="{outcome}"}}': [
            sum(counts(minute) for minute in range(moment // 2 + 1)) for moment in range(LENGTH)
        ]
        for outcome, counts in runs.items()
    }
    fires = [int(moment >= 5 and all(failed[moment - 5 : moment + 1])) for moment in range(LENGTH)]
    success = [0 if one else 1 for one in failed]
    return replace(
        Seen(region=region, firing=fires, success=success, more=counters), **changed  # type: ignore[arg-type]
    )  # fmt: skip


def everywhere(fails: Fails) -> tuple[Seen, ...]:
    return tuple(seen(region, fails) for region in ("eu", "us", "ap"))


def said(expression: str, by: str, at: Mapping[str, Sequence[str]]) -> Mapping[str, object]:
    """For each moment what `expression` finds one of."""
    found: dict[str, Mapping[str, Sequence[tuple[Labels, float]]]] = {
        moment: {expression: [({by: one}, 1.0) for one in several]}
        for moment, several in at.items()
    }
    return {"values": found}


def burning(name: str, agents: Sequence[Seen], at: Mapping[str, Sequence[str]]) -> Case:
    return Case(name=name, series=of(*agents), **said(BURNS, "severity", at))  # type: ignore[arg-type]


def told(name: str, agents: Sequence[Seen], at: Mapping[str, Sequence[str]]) -> Case:
    return Case(name=name, series=of(*agents), **said(PAGES, "alert", at))  # type: ignore[arg-type]


def errors(fires: Sequence[int], *agents: Seen) -> tuple[Seen, ...]:
    """What the agents say of both rules."""
    return tuple(
        one for agent in agents for one in (agent, agent.but(alert="errors", firing=fires))
    )


OUTAGE = everywhere(outage(10, 20))
BUDGETS = (
    burning(
        "an outage that is told as down is not told as a budget, neither then nor afterwards",
        OUTAGE,
        {f"{minute}m": [] for minute in range(8, 40)},
    ),
    told("and it is told as down", OUTAGE, {"12m30s": ["down"], "19m30s": ["down"], "25m": []}),
    burning(
        "where one region fails alone a ticket is enough",
        [seen("eu", outage(10, 40)), seen("us", well), seen("ap", well)],
        {"9m": [], "13m": ["medium"], "20m": ["medium"], "39m": ["medium"]},
    ),
    burning(
        "what fails now and then everywhere is a page",
        everywhere(every_fifth),
        {"22m": ["critical", "medium"], "39m": ["critical", "medium"]},
    ),
    burning(
        "what fails now and then in as many regions as the quorum is one as well",
        [seen("eu", every_fifth), seen("us", every_fifth), seen("ap", well)],
        {"22m": ["critical", "medium"]},
    ),
    burning(
        "of two that are left one has to agree with the other, and one that is left decides",
        [
            seen("eu", every_fifth),
            seen("us", well, dies=24.0),
            seen("ap", well, dies=2.0, vanishes=True),
        ],
        {"22m": ["medium"], "32m": ["critical", "medium"]},
    ),
    burning(
        "what burns already goes on while it is down",
        everywhere(lambda minute: every_fifth(minute) if minute < 25 else minute < 32),
        {f"{minute}m": ["critical", "medium"] for minute in range(22, 39)},
    ),
)
NEVER_DOWN = (
    burning(
        "where no rule says down the budget does",
        everywhere(outage(10, 20)),
        {"14m": ["critical", "medium"], "21m": ["critical", "medium"]},
    ),
)
WINDOWS = (
    told(
        "what a window still counts of an outage is not told when that is over",
        errors(since(16, 30), *OUTAGE),
        {"15m": ["down"], "17m": ["down"], "25m": [], "26m": [], "29m": []},
    ),
    told(
        "what fails now and then is told as often as that",
        errors(since(16, 30), *everywhere(every_fifth)),
        {"15m": [], "17m": ["errors"], "29m": ["errors"], "33m": []},
    ),
    told(
        "what fires before it is down goes on",
        errors(since(8, 30), *OUTAGE),
        {"9m": ["errors"], "15m": ["down", "errors"], "25m": ["errors"], "29m": ["errors"]},
    ),
)
CASES: Mapping[str, tuple[Scene, Sequence[Case]]] = {
    "budgets": (PROMISED, BUDGETS),
    "no rule of failures": (
        replace(PROMISED, checks=(watched(rules=(rule("v", ValueIs("q", (("gt", 1.0),))),)),)),
        NEVER_DOWN,
    ),
    "windows": (scene(watched(rules=(rule(), rule("errors", ERRORS)))), WINDOWS),
}


@pytest.fixture(scope="module")
def against(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """In one group: promtool evaluates several in any order."""
    found: dict[str, str] = {}
    for its_scene, several in CASES.values():
        groups = generated(its_scene).groups
        rules = tuple(one for group in groups for one in group.rules)
        whole = text.rules(Generated((Group("all", 30.0, rules),), (), ()), its_scene)
        found.update(judged(tmp_path_factory.mktemp("burns"), whole, several))
    return found


@pytest.mark.parametrize("name", [case.name for _, several in CASES.values() for case in several])
def test_in_prometheus(name: str, against: Mapping[str, str]) -> None:
    assert against[name] == ""
