"""What do the generated rules and dashboards know of a config?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from prober.alerts.rules import EffectiveRule
from prober.alerts.slo import Slo


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A check, its quorum settled: its own, else the config's. Seconds."""

    name: str
    kind: str
    interval: float
    timeout: float
    severity: str
    labels: Mapping[str, str]
    runbook: str | None
    depends_on: tuple[str, ...]
    quorum: int
    rules: tuple[EffectiveRule, ...]
    has_certificate: bool
    budgets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # of pages; "" of all


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`every` is Prometheus' scrape interval in seconds; `quorum` that of the config."""

    source: str  # the config's file, for whoever reads what was made of it
    regions: tuple[str, ...]
    checks: tuple[Watched, ...]
    severities: tuple[str, ...]
    quorum: int
    job: str
    every: float
    runbooks: str | None  # an address that ends without a slash
    slos: tuple[Slo, ...]
    agents_tell: bool  # the agents send notices of their own as well
