from __future__ import annotations

from typing import Literal, TypeAlias

import pytest

from prober.alerts.decisions import Mute
from prober.alerts.matchers import parse
from prober.alerts.plan import Plan, Watched
from prober.alerts.reach import reaches
from prober.alerts.rules import DEFAULT_RULES, effective

Kind: TypeAlias = Literal["silence", "maintenance"]

RULES = effective(DEFAULT_RULES, {}, "high", ("critical", "high"))
PLAN = Plan(
    region="eu",
    checks={"web": Watched(kind="http", rules=RULES, labels={"team": "shop"})},
    labels={"env": "prod"},
)


def mute(kind: Kind, *matchers: str) -> Mute:
    return Mute(
        id="1",
        kind=kind,
        matchers=tuple(map(parse, matchers)),
        starts_at=0.0,
        ends_at=1.0,
        by="ana",
        comment="",
        at=0.0,
    )


@pytest.mark.parametrize("kind", ["silence", "maintenance"])
@pytest.mark.parametrize(
    ("matcher", "is_there"),
    [
        ("check=web", True),
        ("chek=web", False),
        ("check=~w.*", True),
        ("check=api", False),
        ("team=shop", True),
        ("kind=http", True),
        ("region=eu", True),
        ("region=us", False),
        ("kind=agent", True),
        ("env=prod", True),
    ],
)
def test_a_mute_reaches_what_has_its_labels(kind: Kind, matcher: str, is_there: bool) -> None:
    assert reaches(mute(kind, matcher), PLAN) is is_there


@pytest.mark.parametrize("matcher", ["alert=down", "alertname=ProberDown", "severity=high"])
def test_only_a_silence_is_of_single_alerts(matcher: str) -> None:
    assert reaches(mute("silence", matcher), PLAN)
    assert not reaches(mute("maintenance", matcher), PLAN)


def test_all_matchers_have_to_be_met_by_one_alert() -> None:
    assert not reaches(mute("silence", "check=web", "kind=agent"), PLAN)
    assert reaches(mute("silence", "alert=agent-fault", "kind=agent"), PLAN)
