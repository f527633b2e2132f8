"""What does one look at this machine say, and how long may it take?"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import JsonValue

from prober.clock import Clock
from prober.config.model import Config
from prober.units import show_duration
from prober.wire.threads import Threads


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"  # works, but not as well as it could
    FAIL = "FAIL"  # something that the agent does will not work


@dataclass(frozen=True, slots=True)
class Seen:
    """`do` is what would make it better; there is nothing to do where all is well."""

    level: Level
    found: str
    do: str = ""

    @classmethod
    def ok(cls, found: str) -> Seen:
        return cls(Level.OK, found)

    @classmethod
    def warn(cls, found: str, do: str) -> Seen:
        return cls(Level.WARN, found, do)

    @classmethod
    def fail(cls, found: str, do: str) -> Seen:
        return cls(Level.FAIL, found, do)

    def line(self, name: str) -> str:
        return f"{self.level.value:<4} {name}: {'; '.join(filter(None, (self.found, self.do)))}"

    def to_json(self, name: str) -> dict[str, JsonValue]:
        return {
            "name": name,
            "level": self.level.value.lower(),
            "found": self.found,
            "do": self.do or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the looks are at; `config` is the agent's, or what an empty one comes to."""

    config: Config
    env: Mapping[str, str]
    clock: Clock
    threads: Threads
    root: Path = Path("/")  # whose proc, sys and dev tell of the machine


@dataclass(frozen=True, slots=True)
class Look:
    name: str
    at: Callable[[Machine], Awaitable[Seen]]
    limit: float = 5.0  # seconds


def blocking(work: Callable[[Machine], Seen]) -> Callable[[Machine], Awaitable[Seen]]:
    """A look that waits for a disk, in a thread that nobody waits for in the end."""
    return lambda machine: machine.threads.call(lambda: work(machine))


async def looked(look: Look, machine: Machine) -> Seen:
    """What it says, or that it came to nothing."""
    try:
        async with asyncio.timeout(look.limit):
            return await look.at(machine)
    except TimeoutError:
        within = show_duration(look.limit)
        return Seen.fail(f"no answer within {within}", "see what holds this machine up")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        return Seen.fail(f"cannot be looked at: {why}", _REMEDIES.get(error.errno or 0, ""))


_REMEDIES = {
    errno.EMFILE: "raise the limit of open files, ulimit -n",
    errno.ENOSPC: "free some space",
}
