"""Which checks of a config are this agent's own, where it has a shard of its region's?"""

from __future__ import annotations

from collections import Counter

from prober.config.desk import Desk
from prober.config.model import Config
from prober.shard import kin, place

LABEL = "shard"  # of what the agent says of itself
MOST = 0.5  # of all checks: what depends on one another should be no more than that


def own(config: Config) -> Config:
    """The same config with this agent's checks alone; all of them where it has no shard."""
    shard = config.agent.shard
    if shard is None:
        return config
    leaders = kin(config.depends)
    checks = tuple(
        check
        for check in config.checks
        if place(leaders.get(check.name, check.name), shard.count) == shard.index
    )
    names = {check.name for check in checks}
    return config.model_copy(
        update={
            "checks": checks,
            "rules": {name: rules for name, rules in config.rules.items() if name in names},
            "depends": {name: above for name, above in config.depends.items() if name in names},
            "elsewhere": config.elsewhere.union(one.name for one in config.checks) - names,
        }
    )


def counted(config: Config) -> str:
    """`30 checks, 11 of them in shard 0/3`, of all that a config has."""
    count = len(config.checks)
    said = f"{count} check{'' if count == 1 else 's'}"
    if (shard := config.agent.shard) is None:
        return said
    return f"{said}, {len(own(config).checks)} of them in shard {shard}"


def announces(config: Config, window: str) -> bool:
    """Whether this agent tells of a window: it covers checks of all shards, and one says so."""
    shard = config.agent.shard
    return shard is None or place(window, shard.count) == shard.index


def own_labels(config: Config) -> dict[str, str]:
    """The labels of what the agent says of itself: no two agents say the same of themselves."""
    shard = config.agent.shard
    return {**config.agent.labels, **({LABEL: str(shard)} if shard else {})}


def warn_of_kin(desk: Desk, config: Config) -> None:
    """Where one agent gets most of the checks, since they cannot be parted."""
    shard = config.agent.shard
    groups = Counter(kin(config.depends).values())
    if shard is None or shard.count == 1 or not groups:
        return
    (leader, size), count = groups.most_common(1)[0], len(config.checks)
    if size > MOST * count:
        where = f"{place(leader, shard.count)}/{shard.count}"
        desk.report.warn(
            ("agent", "shard"),
            f"{size} of {count} checks are joined by depends_on, {leader} among them, and all go to"
            f" shard {where}; let fewer depend on the same",
        )
