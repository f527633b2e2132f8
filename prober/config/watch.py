"""Have the files of targets changed since they were read?

Prometheus looks at them by itself, so who writes them does not ask for a
reload. A file is known by its time, its size and its inode: whoever replaces
one by another of the same size changes the inode at least.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from prober.config.globs import Pattern
from prober.wire.failure import OwnFault
from prober.wire.threads import Threads

EVERY = 5.0  # seconds between two looks


class State(NamedTuple):
    """What a file's content hardly changes without."""

    modified: int
    size: int
    inode: int


Seen: TypeAlias = Mapping[str, State]


@dataclass(frozen=True, slots=True)
class TargetFiles:
    """The patterns of a config, and the files that they matched just before these were read."""

    patterns: tuple[Pattern, ...] = ()
    seen: Seen = field(default_factory=dict)

    @classmethod
    def of(cls, patterns: Iterable[Pattern]) -> TargetFiles:
        each = tuple(dict.fromkeys(patterns))
        return cls(each, look(each))


def look(patterns: Iterable[Pattern]) -> Seen:
    """The files that are there now, by their whole path."""
    found = {}
    for pattern in patterns:
        for path in map(pattern.whole, pattern.matches()):
            try:
                now = os.stat(path)
            except (OSError, ValueError):
                continue
            found[path] = State(now.st_mtime_ns, now.st_size, now.st_ino)
    return found


class Watch:
    """Looks in a thread of its own: a disk may take its time."""

    def __init__(self, files: TargetFiles) -> None:
        self._files = files
        self._threads = Threads(1)

    def configure(self, files: TargetFiles) -> None:
        self._files = files

    async def changed(self) -> bool:
        """Whether something is new, gone or different, since it was read or we said so."""
        files = self._files
        if not files.patterns:
            return False
        try:
            seen = await self._threads.call(lambda: look(files.patterns))
        except OwnFault:  # no thread to look in; the next look is soon
            return False
        if seen == files.seen:
            return False
        if files is self._files:  # no reload has been through meanwhile
            self._files = TargetFiles(files.patterns, seen)
        return True
