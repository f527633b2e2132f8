"""Does an alert change so often that it is better held open, and until when?

Pure arithmetic on the moments, oldest first, at which it fired or was over.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flapping:
    """`changes` within `over` seconds hold it open; it is calm with fewer than half of them."""

    changes: int
    over: float

    def noted(self, changes: tuple[float, ...], now: float) -> tuple[float, ...]:
        """With one more at `now`; what can say nothing any more is left out."""
        # A clock that is set back makes what lies ahead of it as old as now.
        lately = [min(at, now) for at in changes if at > now - self.over]
        return (*lately, now)[-self.changes :]

    def is_often(self, changes: tuple[float, ...]) -> bool:
        """Of what `noted` has left."""
        return len(changes) >= self.changes

    def calm_at(self, changes: tuple[float, ...]) -> float:
        """When too few of them lie within `over`, if none is added."""
        fewer = (self.changes - 1) // 2  # the most that are less than half
        return changes[-fewer - 1] + self.over if len(changes) > fewer else float("-inf")

    def forgotten_at(self, changes: tuple[float, ...]) -> float:
        """When the last of them is too old to count."""
        return changes[-1] + self.over if changes else float("-inf")
