"""What does a connection start from: an address, and what the agent's connections share?"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import NamedTuple

from prober.clock import Clock
from prober.wire.kernel import Kernel
from prober.wire.loop import Waits


class Address(NamedTuple):
    """Where an IP address is; `scope` is the interface of a link-local one.

    `source` is the address of ours that it is to be reached from, "" for any.
    """

    family: socket.AddressFamily
    ip: str
    scope: int = 0
    source: str = ""

    @property
    def version(self) -> int:
        return 6 if self.family == socket.AF_INET6 else 4

    def at(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        v6 = self.family == socket.AF_INET6
        return (self.ip, port, 0, self.scope) if v6 else (self.ip, port)

    def shown(self, port: int) -> str:
        return f"[{self.ip}]:{port}" if self.family == socket.AF_INET6 else f"{self.ip}:{port}"


@dataclass(frozen=True, slots=True)
class Station:
    """What every connection of an agent shares."""

    clock: Clock
    poller: Waits
    kernel: Kernel
