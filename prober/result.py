"""What a check found.

A probe returns a `Finding`; the runner stamps it into a `Result`. Metrics,
history, alerts and the status page are functions of results and of nothing
else, so a fact that one of them needs has to be in here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, Self, TypeAlias

from pydantic import JsonValue

from prober.units import rfc3339
from prober.visit import Budget as Budget
from prober.visit import Evidence as Evidence
from prober.visit import Step as Step
from prober.visit import Visit as Visit

Fact: TypeAlias = "str | bool | int | float | datetime"


class Outcome(StrEnum):
    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"  # the agent's own fault, which says nothing about the target


class Reason(StrEnum):
    """Why a finding is not up. Also a metric label, so the set stays closed."""

    # down, in the order in which a run meets them
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    CERTIFICATE = "certificate"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    REDIRECT = "redirect"
    STATUS = "status"
    HEADER = "header"
    BODY = "body"
    JSON = "json"
    SIZE = "size"
    LATENCY = "latency"
    STEP = "step"  # of a journey: what the browser was asked to do did not come about
    SCRIPT = "script"  # the author's own code raised; of an unknown run: it cannot be imported
    # unknown
    INTERNAL = "internal"
    BROWSER = "browser"
    KILLED = "killed"
    OFFLINE = "offline"  # the agent itself is cut off


@dataclass(frozen=True, slots=True)
class Assertion:
    """One expectation that was looked at. `expected` and `actual` are texts for people."""

    what: str
    expected: str
    actual: str
    ok: bool


class Finding(NamedTuple):
    """What one attempt saw. (As `Result` a tuple: made a thousand times a second, at a third of the cost.)

    `message` is for people and may change between releases; programs read
    `outcome` and `reason`. `seconds` is the probe's own measure of the whole
    attempt (it may be truer than the runner's clock), None where it has none.
    """

    outcome: Outcome
    reason: Reason | None = None
    message: str = ""
    seconds: float | None = None
    assertions: tuple[Assertion, ...] = ()

    @classmethod
    def up(cls, *, seconds: float | None = None, assertions: tuple[Assertion, ...] = ()) -> Self:
        return cls(Outcome.UP, None, "", seconds, assertions)

    @classmethod
    def down(
        cls,
        reason: Reason,
        message: str,
        *,
        seconds: float | None = None,
        assertions: tuple[Assertion, ...] = (),
    ) -> Self:
        return cls(
            outcome=Outcome.DOWN,
            reason=reason,
            message=message,
            seconds=seconds,
            assertions=assertions,
        )

    @classmethod
    def unknown(cls, message: str, reason: Reason = Reason.INTERNAL) -> Self:
        return cls(outcome=Outcome.UNKNOWN, reason=reason, message=message)


@dataclass(slots=True, kw_only=True)
class Attempt:
    """What is known while an attempt is under way; it outlives an attempt that is cut off.

    `phases` are seconds by phase, summed over redirects; `during` names the
    phase that has begun; `facts` are what the target has shown so far (names:
    the contract's, times as aware datetimes, absent rather than 0). `due` is
    the monotonic moment before which it is not to begin, for a kind that gets
    ready before; `started_at` is when it then began, in Unix seconds.
    `deadline` is the monotonic moment at which it is cut off, where it is.
    `queued` is for how long it has waited for a turn to compute: our lateness.
    `decided` is what it comes to if it is cut off now, where that is known.
    `number` counts the attempts of a run; `earlier` is what a failed one before
    this has kept; after one that is `final` there is no other. `skipped` are
    the steps that it did not come to.
    """

    run_id: str
    traceparent: str
    phases: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)  # what the check reads out of answers
    evidence: list[Evidence] = field(default_factory=list)
    during: str = "start"
    due: float | None = None
    deadline: float | None = None
    started_at: float | None = None
    doing: str = ""  # what it does for itself: begins the message where it is cut off
    queued: float = 0.0
    aside: float = 0.0  # seconds that this took, which are not the target's
    secrets: tuple[str, ...] = ()  # that only the attempt has come to know
    decided: Finding | None = None
    number: int = 1
    earlier: tuple[Evidence, ...] = ()
    final: bool = False
    budgets: list[Budget] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, phase: str, seconds: float) -> None:
        self.phases[phase] = self.phases.get(phase, 0.0) + max(0.0, seconds)


class Result(NamedTuple):
    """One run of one check: the last attempt's finding, and how it came about.

    `started_at` is in Unix seconds; `seconds` is the last attempt's duration.
    """

    check: str
    kind: str
    region: str
    run_id: str
    traceparent: str
    started_at: float
    seconds: float
    attempts: int
    finding: Finding
    labels: Mapping[str, str] = {}
    phases: Mapping[str, float] = {}
    facts: Mapping[str, Fact] = {}
    steps: Sequence[Step] = ()
    visits: Sequence[Visit] = ()
    values: Mapping[str, float] = {}
    evidence: Sequence[Evidence] = ()
    budgets: Sequence[Budget] = ()
    skipped: Sequence[str] = ()
    maintenance: str = ""  # the window that it fell into

    @property
    def degraded(self) -> bool:
        """Up, but beyond a budget."""
        return self.outcome is Outcome.UP and not all(one.ok for one in self.budgets)

    @property
    def outcome(self) -> Outcome:
        return self.finding.outcome

    @property
    def reason(self) -> Reason | None:
        return self.finding.reason

    @property
    def message(self) -> str:
        return self.finding.message

    def to_json(self) -> dict[str, JsonValue]:
        """The contract's result: absent is null, every time is RFC 3339."""
        return {
            "check": self.check,
            "kind": self.kind,
            "region": self.region,
            "labels": dict(self.labels),
            "run_id": self.run_id,
            "started_at": rfc3339(self.started_at),
            "duration_seconds": self.seconds,
            "outcome": self.outcome.value,
            "reason": self.reason.value if self.reason else None,
            "message": self.message or None,
            "degraded": self.degraded,
            "maintenance": bool(self.maintenance),
            "phases": dict(self.phases),
            "facts": {**_NO_FACTS, **{n: _fact_to_json(fact) for n, fact in self.facts.items()}},
            "values": dict(self.values),
            "assertions": [
                {"what": a.what, "expected": a.expected, "actual": a.actual, "ok": a.ok}
                for a in self.finding.assertions
            ],
            "steps": [step.to_json() for step in self.steps],
            "vitals": [visit.to_json() for visit in self.visits],
            "skipped": list(self.skipped),
            "budgets": [one.to_json() for one in self.budgets],
            "evidence": [one.to_json() for one in self.evidence],
            "attempts": self.attempts,
            "traceparent": self.traceparent,
        }


# Every result has these; what a kind or a run does not know is null.
_NO_FACTS: Mapping[str, JsonValue] = dict.fromkeys(
    (
        "status_code",
        "http_version",
        "ip",
        "tls_version",
        "cipher",
        "cert_not_after",
        "content_length",
    )
)


def _fact_to_json(fact: Fact) -> JsonValue:
    return rfc3339(fact) if isinstance(fact, datetime) else fact


# Facts that are moments, wherever they occur: what lets a stored result be read back.
MOMENTS = frozenset({"cert_not_after", "chain_not_after", "last_modified"})


def fact_from_json(name: str, value: str | bool | float) -> Fact:
    """The inverse of what `to_json` made of the fact called `name`."""
    if name in MOMENTS and isinstance(value, str):
        return datetime.fromisoformat(value).astimezone(UTC)
    return value
