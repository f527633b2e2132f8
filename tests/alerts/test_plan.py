from __future__ import annotations

from prober.alerts.plan import OnDemand, Watched
from tests.alerts.samples import rule


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
