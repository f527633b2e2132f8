"""What is remembered of an incident, while it lasts and when it is long over?

An alert state knows only what the next notice needs, and is gone with the
incident. The record is for whoever asks later what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from pydantic import JsonValue, TypeAdapter

from prober.alerts.notice import incident_id, incident_key
from prober.alerts.standing import AlertState, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One incident. Times are Unix seconds.

    What is empty says nothing new: written over an earlier record of the same
    incident it leaves what that had. So `held` is why nobody was told at once,
    also when `told_at` says that they were later.
    """

    key: str
    rule: str = ""
    region: str = ""
    kind: str = ""
    severity: str = ""
    fired_at: float = 0.0
    check: str = ""  # empty for the agent's own
    labels: Mapping[str, str] = field(default_factory=dict)
    since: float | None = None
    told: tuple[str, ...] = ()
    told_at: float | None = None
    escalated: float = 0.0  # the last stage of escalation that was reached, in seconds
    acked_at: float | None = None
    acked_by: str = ""
    acked_comment: str = ""
    held: str = ""
    flapping_since: float | None = None
    resolved_at: float | None = None
    up_since: float | None = None  # the first good run of those that ended it
    because: str = ""  # why it ended, where our own config is the reason
    summary: str = ""
    reason: str = ""
    first_message: str = ""
    last_message: str = ""
    evidence: str = ""  # path of the screenshot of the last failure
    children: str = ""  # what is held back while this one lasts
    runbook: str = ""

    @property
    def id(self) -> str:
        """What people type, and what its page is called."""
        return incident_id(self.key)

    @property
    def run_id(self) -> str:
        """The run that made it fire."""
        return self.key.rpartition("/")[2]

    def after(self, earlier: Record) -> Record:
        """What the two say together, as the store has it when both were written."""
        return Record.from_json({**earlier.to_json(), **self.to_json()})

    def to_json(self) -> dict[str, JsonValue]:
        """What there is to say; the inverse of `from_json`."""
        there = ((name, getattr(self, name)) for name in _NAMES)
        return {name: plain(value) for name, value in there if value not in _NOTHING}

    @staticmethod
    def from_json(value: Mapping[str, JsonValue]) -> Record:
        """Leaves out what this version does not know. Raises ValueError for what is no record."""
        return _ADAPTER.validate_python({name: value[name] for name in _NAMES if name in value})


_NAMES = tuple(one.name for one in fields(Record))
_NOTHING: tuple[object, ...] = ("", None, (), {}, 0.0)
_ADAPTER = TypeAdapter(Record)


def record(
    state: AlertState,
    *,
    summary: str = "",
    runbook: str = "",
    resolved_at: float | None = None,
) -> Record:
    """Of a state that fires, or of the one before it became quiet, with `resolved_at`.

    `summary` is what was last said of it.
    """
    labels = state.labels
    return Record(
        key=incident_key(state),
        check=labels.get("check", ""),
        rule=labels["alert"],
        region=labels["region"],
        kind=labels.get("kind", ""),
        severity=labels.get("severity", ""),
        labels=labels,
        since=state.since,
        fired_at=state.fired_at or 0.0,
        told=state.told,
        told_at=state.told_at,
        escalated=state.escalated,
        acked_at=state.acked_at,
        acked_by=state.acked_by,
        held=state.held,
        flapping_since=state.flapping_since,
        resolved_at=resolved_at,
        because=state.because,
        summary=summary,
        reason=state.last_reason,
        first_message=state.first_message,
        last_message=state.last_message,
        evidence=state.evidence,
        children=state.details.get("children", ""),
        runbook=runbook,
    )
