"""Which share of a region's checks is this agent's own?

Each agent of a region has a shard: `0/3`, `1/3` and `2/3` are three agents that
share all checks between them, zero-based.

Nobody hands them out: each agent knows by rendezvous hashing which are its own.
All agents bid for a name, each with a number made of the name and its own index,
and the highest bid has it. One more agent takes from the others what it bids
highest for, a fair share of each, and nothing moves between the others.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

MOST = 10_000  # agents in a region
_AT_ONCE = 8  # bids, of which one digest is made
_BIDS = struct.Struct(f"<{_AT_ONCE}Q")
_WRITTEN = re.compile(r"(?P<index>[0-9]{1,5})/(?P<count>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` agents, the one with the number `index`, counted from 0."""

    index: int
    count: int

    @classmethod
    def of(cls, text: object) -> Shard:
        """From `0/3`. Raises ValueError with what would be right."""
        written = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
        shard = cls(int(written["index"]), int(written["count"])) if written else cls(0, 0)
        if not 0 <= shard.index < shard.count <= MOST:
            raise ValueError(f"{text!r} is no shard; write {_right(shard.count)}")
        return shard

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def _right(count: int) -> str:
    """What could have been meant where there are `count` agents."""
    count = count if 1 <= count <= MOST else 3
    if count > 3:
        return f"0/{count} to {count - 1}/{count}"
    return " or ".join(f"{index}/{count}" for index in range(count))


def place(name: str, count: int) -> int:
    """Which of `count` agents has what is called `name`: from 0 to below `count`."""
    bids = _bids(name, count)
    return bids.index(max(bids))


def kin(depends: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    """By check, the one that leads all that it is joined with by dependence, however far.

    They share a place: whether a check is held back is decided by the state of
    its parents. `depends` are the parents of each; a check that has and is none
    is not in it. It leads who depends on nothing, the first by name: one child
    more or less, which a file of targets may bring, moves nobody.
    """
    leaders: dict[str, str] = {}
    children = {name for name, parents in depends.items() if parents}

    def leader(name: str) -> str:
        above = leaders.setdefault(name, name)
        while above != leaders[above]:
            leaders[name] = above = leaders[above]  # the next one has less far to go
        return above

    for name, parents in depends.items():
        for parent in parents:
            both = leader(name), leader(parent)
            first, other = sorted(both, key=lambda one: (one in children, one))
            leaders[other] = first
    return {name: leader(name) for name in leaders}


def _bids(name: str, count: int) -> list[int]:
    """One for each agent; that of an agent is the same however many there are."""
    bids: list[int] = []
    for block in range(-(-count // _AT_ONCE)):
        digest = blake2b(name.encode(), salt=block.to_bytes(16, "little"), digest_size=_BIDS.size)
        bids += _BIDS.unpack(digest.digest())
    return bids[:count]
