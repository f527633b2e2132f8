"""What a check found.

A probe returns a `Finding`; the runner stamps it into a `Result`. Metrics,
history, alerts and the status page are functions of results and of nothing
else, so a fact that one of them needs has to be in here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, Self, TypeAlias

from pydantic import JsonValue

from prober.units import rfc3339

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
    # unknown
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Assertion:
    """One expectation that was looked at. `expected` and `actual` are texts for people."""

    what: str
    expected: str
    actual: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one attempt saw.

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
        return cls(outcome=Outcome.UP, seconds=seconds, assertions=assertions)

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
    the contract's, times as aware datetimes, absent rather than 0).
    """

    run_id: str
    traceparent: str
    phases: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    during: str = "start"

    def add(self, phase: str, seconds: float) -> None:
        self.phases[phase] = self.phases.get(phase, 0.0) + max(0.0, seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
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
    labels: Mapping[str, str] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Fact] = field(default_factory=dict)

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
            "degraded": False,
            "maintenance": False,
            "phases": dict(self.phases),
            "facts": {**_NO_FACTS, **{n: _fact_to_json(fact) for n, fact in self.facts.items()}},
            "values": {},
            "assertions": [
                {"what": a.what, "expected": a.expected, "actual": a.actual, "ok": a.ok}
                for a in self.finding.assertions
            ],
            "steps": [],
            "vitals": [],
            "budgets": [],
            "evidence": [],
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


class Series(NamedTuple):
    """One last-result gauge of a kind: its name, its help, and what it says of a result.

    `read` returns pairs of ready label text (`phase="connect"`, or "" for
    none; values escaped as the Prometheus text format wants) and a value; no
    pairs where the result does not know. The labels `check` and `region` are
    put in front by whoever renders.
    """

    name: str
    help: str
    read: Callable[[Result], Sequence[tuple[str, float]]]


def fact_series(name: str, help_text: str, fact: str) -> Series:
    """A gauge of one fact: a number, a bool (0 or 1), or a moment (Unix seconds)."""

    def read(result: Result) -> Sequence[tuple[str, float]]:
        value = result.facts.get(fact)
        if value is None or isinstance(value, str):
            return ()
        return (("", value.timestamp() if isinstance(value, datetime) else float(value)),)

    return Series(name, help_text, read)


def info_series(name: str, help_text: str, labels: Mapping[str, str]) -> Series:
    """A gauge of 1 whose labels (label name → fact) carry texts; absent without the first."""
    first = next(iter(labels.values()))

    def read(result: Result) -> Sequence[tuple[str, float]]:
        if first not in result.facts:
            return ()
        pairs = (
            f'{label}="{escape(str(result.facts.get(fact, "")))}"' for label, fact in labels.items()
        )
        return ((",".join(pairs), 1.0),)

    return Series(name, help_text, read)


def escape(text: str) -> str:
    """A label value as the Prometheus text format writes it."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
