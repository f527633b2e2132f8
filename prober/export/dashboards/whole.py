"""Which dashboards are there, and in which files?"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from prober.export.dashboards import (
    agent,
    certificates,
    check,
    journey,
    overview,
    slo,
    values,
    vitals,
)
from prober.export.scene import Scene

_ALL = (overview, check, journey, vitals, slo, certificates, values, agent)


def dashboards(scene: Scene) -> Mapping[str, Mapping[str, JsonValue]]:
    """Each by its file's name."""
    made = (one.dashboard(scene) for one in _ALL)
    return {f"{board.uid}.json": board.to_json(scene) for board in made}
