"""What is said of an attempt that was cut off, since its time was up? And was that our doing?"""

from __future__ import annotations

from prober.result import Attempt, Finding, Reason
from prober.units import show_duration


def tolerated(timeout: float) -> float:
    """Seconds that we may come late to a deadline (DESIGN, decision 1): beyond, no target is blamed."""
    return max(0.1, timeout / 10)


def timed_out(attempt: Attempt, timeout: float) -> Finding:
    limit = show_duration(timeout)
    doing = f"{attempt.doing}: " if attempt.doing else ""
    if attempt.during == "resolve":
        return Finding.down(Reason.DNS, f"{doing}no answer from the resolver within {limit}")
    said = f"{doing}no answer within {limit}, in phase {attempt.during}"
    return Finding.down(Reason.TIMEOUT, said)
