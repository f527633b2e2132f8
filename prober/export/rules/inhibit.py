"""Who need not be told of an alert, since another one says why it fires?"""

from __future__ import annotations

from collections.abc import Iterator

from prober.export.rules.made import Inhibition
from prober.export.rules.promql import names, quoted
from prober.export.rules.sorts import Sort, Sorts
from prober.export.scene import Scene

_QUORUM = 'alertname="ProberQuorumDown"'
# A regional issue ends by its own rule where a page begins; inhibited, nobody would hear that it has.
_OF_CHECKS = 'alertname=~"ProberBudget|ProberCertificate"'
_OF_CHILDREN = (
    'alertname=~"ProberQuorumDown|ProberRegionalIssue|ProberSLOBurn|ProberBudget|ProberCertificate"'
)


def rules(scene: Scene) -> tuple[Inhibition, ...]:
    """For Alertmanager."""
    return (*_agents(), *_checks(scene), *_objectives(scene))


def _agents() -> Iterator[Inhibition]:
    blind = 'alertname="ProberBlind"'
    yield Inhibition((blind,), ('alertname=~"Prober.+"', 'alertname!="ProberBlind"'))
    lost = 'alertname="ProberRegionLost"'
    yield Inhibition((lost,), ('alertname="ProberStuck"',), ("instance",))


def _checks(scene: Scene) -> Iterator[Inhibition]:
    """Who is down has no other troubles, and those who depend on it have no others than that."""
    sorts = Sorts(scene)
    always, ever = sorts.always(Sort.FAILURES), sorts.ever(Sort.FAILURES)
    if not always:
        return
    down = (_QUORUM, f"alert=~{names(always)}")
    yield Inhibition(down, (_OF_CHECKS,), ("check",))
    yield Inhibition(down, (_QUORUM, f"alert!~{names(ever)}"), ("check",))
    children: dict[str, list[str]] = {}
    for check in scene.checks:
        for parent in check.depends_on:
            children.setdefault(parent, []).append(check.name)
    for parent, several in children.items():
        source = (*down, f"check={quoted(parent)}")
        yield Inhibition(source, (_OF_CHILDREN, f"check=~{names(several)}"))


def _objectives(scene: Scene) -> Iterator[Inhibition]:
    """Whoever was paged of a budget needs no ticket for it."""
    page, ticket = scene.severities[0], scene.severities[:3][-1]
    if scene.slos and page != ticket:
        burns = 'alertname="ProberSLOBurn"'
        yield Inhibition(
            (burns, f"severity={quoted(page)}"),
            (burns, f"severity={quoted(ticket)}"),
            ("check", "slo"),
        )
