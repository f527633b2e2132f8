"""Is a run whose browser or process has crashed worth another try?

A crash says nothing of the target, so it is tried once more in a fresh
process, which counts as no attempt. Not where the next run would be late for
it: that is soon enough.
"""

from __future__ import annotations

from dataclasses import dataclass

from prober.result import Finding, Outcome, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds of one run's interval."""

    so_far: float
    start: float  # that a browser takes to be there
    timeout: float
    after: float  # that a journey may be over its timeout until it is ended
    interval: float


def is_worth_it(finding: Finding, spent: Spent) -> bool:
    crashed = finding.outcome is Outcome.UNKNOWN and finding.reason in (
        Reason.BROWSER,
        Reason.KILLED,
    )
    needed = spent.so_far + spent.start + spent.timeout + spent.after
    return crashed and needed <= spent.interval


def joined(first: Finding, second: Finding) -> Finding:
    """What is said of both tries."""
    if second.outcome is not Outcome.UNKNOWN:
        return second
    if first.message == second.message:
        return second._replace(message=f"{second.message} (twice)")
    return second._replace(message=f"{second.message} (and in the try before: {first.message})")
