"""What of a config do alerts need to know?"""

from __future__ import annotations

from prober.alerts.plan import OnDemand, Plan, Watched
from prober.config.hidden import without_userinfo
from prober.config.model import Config
from prober.config.shard import announces, own_labels
from prober.notify import takes
from prober.probes import AnyCheck
from prober.probes.journey_settings import JourneyCheck

AFTER = 30.0  # seconds more that a journey may need to begin and to end


def plan(config: Config) -> Plan:
    def watched(check: AnyCheck) -> Watched:
        return Watched(
            kind=check.kind,
            rules=config.rules[check.name],
            labels=check.labels,
            runbook=without_userinfo(check.runbook or "") or None,
            depends_on=config.depends.get(check.name, ()),
            timeout=_patience(check),
        )

    return Plan(
        region=config.agent.region,
        checks=OnDemand({check.name: check for check in config.checks}, watched),
        notifiers=tuple(config.notifiers),
        routes=config.routes,
        notify=config.notifies,
        external_url=config.web.external_url or "",
        labels=own_labels(config),
        severity=config.severities[0],
        by_default=config.told_without_routes,
        takes={name: takes(one) for name, one in config.notifiers.items()},
        parents=frozenset(parent for parents in config.depends.values() for parent in parents),
        elsewhere=config.elsewhere,
        windows=tuple(one for one in config.maintenance if announces(config, one.name)),
    )


def _patience(check: AnyCheck) -> float:
    """Seconds until a run of it that begins now has said something, all attempts included."""
    attempts = (check.timeout + 1.0) * (check.retries + 1)
    return attempts + (AFTER if isinstance(check, JourneyCheck) else 0.0)
