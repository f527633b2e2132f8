"""What differs between the config that runs and the one that shall?

Pure, but that it gives the loop back now and then: ten thousand comparisons take 0.2 s.

A reload touches only what is named here: a check that is the same in both
keeps its rhythm, its streaks and a run under way.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from prober.config.model import Config

SLICE = 200  # checks that are compared before the loop is given back


@dataclass(frozen=True, slots=True)
class Difference:
    """Names of checks by what happens to them; `moved` is the part of `changed` with a new interval."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    others: tuple[str, ...] = ()  # other parts of the config that changed, by their key
    files: tuple[str, ...] = ()  # named by both configs, with another content now

    def __str__(self) -> str:
        parts = (
            f"{word} {', '.join(names)}"
            for word, names in (
                ("added", self.added),
                ("removed", self.removed),
                ("changed", self.changed + self.others + self.files),
            )
            if names
        )
        return "; ".join(parts) or "nothing changed"


async def difference(old: Config, new: Config) -> Difference:
    before = {check.name: check for check in old.checks}
    after = {check.name: check for check in new.checks}
    changed = []
    for count, (name, check) in enumerate(after.items(), 1):
        if name in before and (before[name] != check or old.rules[name] != new.rules[name]):
            changed.append(name)
        if count % SLICE == 0:
            await asyncio.sleep(0)
    parts = (
        "agent",
        "web",
        "regions",
        "quorum",
        "prometheus",
        "otlp",
        "slos",
        "notifiers",
        "routes",
        "maintenance",
        "reports",
        "severities",
        "connectivity",
        "modules",
    )
    return Difference(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(changed),
        moved=tuple(name for name in changed if before[name].interval != after[name].interval),
        others=tuple(part for part in parts if getattr(old, part) != getattr(new, part)),
        files=tuple(
            name
            for name in list(new.files)[1:]  # the first is the config itself
            if name in old.files and old.files[name] != new.files[name]
        ),
    )


def cannot_change(old: Config, new: Config) -> tuple[str, ...]:
    """What a reload refuses: things that an agent is built on. One text each."""
    built_on = (
        ("agent.region", old.agent.region, new.agent.region),
        ("agent.shard", old.agent.shard, new.agent.shard),
        ("agent.data_dir", old.agent.data_dir, new.agent.data_dir),
        ("agent.resolver", old.agent.resolver, new.agent.resolver),
        ("web.listen", old.web.listen, new.web.listen),
        ("web.external_url", old.web.external_url, new.web.external_url),
    )
    return tuple(
        f"{field}: cannot change from {before!s} to {after!s} while the agent runs; restart it"
        for field, before, after in built_on
        if before != after
    )
