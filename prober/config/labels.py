"""Which labels can nobody give to a check?"""

from __future__ import annotations

from collections.abc import Mapping

from prober.config.desk import Desk
from prober.config.tree import Path

# Label names that are ours, or Prometheus' and Alertmanager's own.
TAKEN = frozenset(
    {
        "alert", "alertname", "check", "code", "device", "instance", "job", "kind", "le", "name",
        "outcome", "page", "phase", "quantile", "reason", "region", "severity", "shard", "step", "target",
    }
)  # fmt: skip


def refuse_taken(desk: Desk, place: Path, labels: Mapping[str, object]) -> None:
    """Labels of ours cannot be given by the user."""
    for name in labels:
        if name in TAKEN:
            desk.report.error((*place, name), f"the label {name!r} is taken; use another name")
        elif name.startswith("__"):
            said = f"the label {name!r} begins with __ and is Prometheus' own; use another name"
            desk.report.error((*place, name), said)
