"""Results and rules as a test needs them."""

from __future__ import annotations

from itertools import count

from prober.alerts.conditions import Failures
from prober.alerts.rules import EffectiveRule
from prober.result import Finding, Outcome, Reason, Result
from tests.fake_clock import NOON

UP, DOWN, UNKNOWN = Outcome.UP, Outcome.DOWN, Outcome.UNKNOWN
OURS = (Reason.INTERNAL, Reason.BROWSER, Reason.SCRIPT, Reason.KILLED)  # of an unknown run

_runs = count(1)


def result(
    outcome: Outcome = UP,
    *,
    check: str = "api",
    run_id: str | None = None,
    at: float = NOON,
    message: str = "status 503, expected 2xx",
    reason: Reason = Reason.STATUS,
) -> Result:
    unknown = (
        Finding.unknown(message, reason) if reason in OURS else Finding.unknown("out of files")
    )
    findings = {UP: Finding.up(), DOWN: Finding.down(reason, message), UNKNOWN: unknown}
    return Result(
        check=check,
        kind="http",
        region="eu-west-1",
        run_id=run_id or f"run{next(_runs)}",
        traceparent="00-1-2-01",
        started_at=at,
        seconds=0.1,
        attempts=1,
        finding=findings[outcome],
    )


def rule(
    failures: int = 3, successes: int = 2, *, name: str = "down", remind: float | None = None
) -> EffectiveRule:
    condition = Failures(failures)
    return EffectiveRule(name=name, condition=condition, successes=successes, remind=remind)
