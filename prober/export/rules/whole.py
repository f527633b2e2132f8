"""Which rules does a config make, all together?"""

from __future__ import annotations

from prober.export.rules import agents, inhibit, regions, slo
from prober.export.rules.made import Generated
from prober.export.scene import Scene


def generated(scene: Scene) -> Generated:
    """The rules of all regions, and who keeps quiet while somebody else speaks."""
    made, notes = [], []
    for part in (regions, agents, slo):
        groups, said = part.groups(scene)
        made += groups
        notes += said
    return Generated(tuple(made), inhibit.rules(scene), tuple(notes))
