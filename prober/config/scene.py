"""What of a config is told to who makes rules and dashboards of it?"""

from __future__ import annotations

from collections.abc import Mapping

from prober.alerts.conditions import Expiring
from prober.config.alerts import subject
from prober.config.hidden import without_userinfo
from prober.config.model import Config
from prober.export.scene import Scene, Watched
from prober.probes import AnyCheck
from prober.probes.journey_settings import JourneyCheck


def scene(config: Config, source: str) -> Scene:
    """All checks of it, whatever shard this agent has; `source` names it."""
    return Scene(
        source=source,
        regions=config.regions,
        checks=tuple(_watched(config, check) for check in config.checks),
        severities=config.severities,
        quorum=config.quorum,
        job=config.prometheus.job,
        every=config.prometheus.scrape_interval,
        runbooks=config.prometheus.runbooks,
        slos=config.slos,
        agents_tell=config.notifies,
    )


def _watched(config: Config, check: AnyCheck) -> Watched:
    return Watched(
        name=check.name,
        kind=check.kind,
        interval=check.interval,
        timeout=check.timeout,
        severity=check.severity or config.severities[0],
        labels=check.labels,
        runbook=config.scrub(without_userinfo(check.runbook or "")) or None,
        depends_on=config.depends.get(check.name, ()),
        quorum=check.quorum or config.quorum,
        rules=config.rules[check.name],
        has_certificate=subject(check).can_meet(Expiring(0.0)),
        budgets=_budgets(check),
    )


def _budgets(check: AnyCheck) -> Mapping[str, Mapping[str, float]]:
    """A page with limits of its own has those of all pages, too, where it says nothing else."""
    if not isinstance(check, JourneyCheck):
        return {}
    given = check.journey.budgets
    return {page: given.of(page) for page in ("", *given.pages)}
