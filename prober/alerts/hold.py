"""Is anybody to be told of an alert now, and if not, why not?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from prober.alerts.decisions import Mute

OFFLINE = "offline"  # the agent itself is cut off
# Why else an alert is held back: what its check depends on is being asked, or is down.
ASKING, IS_DOWN = "asking ", " is down"
AFTER = ", after "  # and what held it back before they were asked


class Holding(Protocol):
    """Depends on the time it is told alone: asked again after a restart it says the same."""

    def why(self, check: str, labels: Mapping[str, str], now: float) -> str:
        """ "" where an alert with these labels is free; else `maintenance weekly`, `silence 3f9a`, `offline`."""

    def next(self, now: float) -> float | None:
        """When the answer may change by time alone, in Unix seconds; None for never."""

    def put(self, mute: Mute) -> None:
        """A decision; one with the same id takes its place."""

    def drop(self, id: str) -> None:  # noqa: A002 - as it is called everywhere
        """It is over; nothing happens where there is none."""


class Free:
    """Holds nothing back, whatever it is told."""

    def why(self, check: str, labels: Mapping[str, str], now: float) -> str:
        return ""

    def next(self, now: float) -> float | None:
        return None

    def put(self, mute: Mute) -> None:
        return None

    def drop(self, id: str) -> None:  # noqa: A002
        return None


FREE: Holding = Free()
