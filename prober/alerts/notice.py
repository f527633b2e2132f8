"""What we say when an alert changes, and to whom it is still to be said.

A `Notice` is the message, the same for every receiver; a `Delivery` is one
notice for one notifier, kept until it is accepted. Their ids are made before
anything is written down, so that writing twice is writing once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2s
from urllib.parse import quote

from pydantic import JsonValue, TypeAdapter

from prober.alerts import details, words
from prober.alerts.rules import EffectiveRule
from prober.alerts.state import AlertState
from prober.secret import CUT
from prober.units import rfc3339


class Event(StrEnum):
    FIRING = "firing"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    ESCALATED = "escalated"  # it still fires, and more are told
    FLAPPING = "flapping"  # it fires and is over again and again: one alert is held open
    ACKNOWLEDGED = "acknowledged"  # somebody sees to it
    # Of no incident: for people only.
    WINDOW_BEGUN = "maintenance_begun"
    WINDOW_OVER = "maintenance_over"
    REPORT = "report"

    @property
    def is_over(self) -> bool:
        """Whether it ends an incident."""
        return self is Event.RESOLVED

    @property
    def says_firing(self) -> bool:
        """Whether it says that an incident fires."""
        return self in _FIRING


_FIRING = frozenset({Event.FIRING, Event.REMINDER, Event.ESCALATED, Event.FLAPPING})
# What every receiver of alerts can do something with.
PLAIN = frozenset({Event.FIRING, Event.REMINDER, Event.RESOLVED, Event.ESCALATED, Event.FLAPPING})


MOVED = "the check is another shard's now"  # why its incident ended here
LONGEST: Mapping[str, int] = {"description": 4000, "evidence_url": 2000}
LONGEST_OF_OTHERS = 1000  # characters of an annotation
# What the last failure found, as the state has it, and what else hangs on this alert.
_FOUND = (*sorted(details.OURS), "children")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message about one incident. Times are Unix seconds.

    `key` is the incident's (region/check/rule/run), the dedupe key of every
    receiver that knows such keys; `labels` are the alert's identity and do
    not change while it lasts; `annotations` are for people and may.
    """

    event: Event
    key: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: float  # when it fired
    ends_at: float | None = None  # when it was resolved
    at: float  # when this was said
    url: str = ""

    @property
    def id(self) -> str:
        """What people type: `prober ack 3f9a0c1d2e4b`."""
        return incident_id(self.key)

    def to_json(self) -> dict[str, JsonValue]:
        """For the outbox; the inverse of `from_json`."""
        return {
            "event": self.event.value,
            "key": self.key,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
            "at": self.at,
            "url": self.url,
        }

    @staticmethod
    def from_json(value: JsonValue) -> Notice:
        """Raises ValueError for what is no notice."""
        return _ADAPTER.validate_python(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notice for one notifier; `id` is unique, and the same however often it is written.

    `again` is not told for its own sake: it has other words for what is told again anyway.
    """

    id: str
    notifier: str
    notice: Notice
    created_at: float
    again: bool = False


_ADAPTER = TypeAdapter(Notice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where a notice sends its reader, and when the check was last up; all may be missing."""

    external_url: str = ""
    runbook: str | None = None
    last_good: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an incident ended: resolved `at`, up since `up_since`, or `because` of our own config."""

    at: float
    up_since: float | None = None
    because: str = ""

    @property
    def until(self) -> float:
        """How long it was bad: what is told of an end counts to here."""
        return self.at if self.up_since is None else self.up_since


def identity(
    region: str, check: str, kind: str, rule: EffectiveRule, labels: Mapping[str, str]
) -> dict[str, str]:
    """The labels of an alert: ours, which nobody overrides, and the check's.

    Without a `check` it is the agent's own.
    """
    free = {name: text for name, text in labels.items() if name != "check"}
    return {
        **free,
        "alertname": rule.alertname,
        "alert": rule.name,
        **({"check": check} if check else {}),
        "kind": kind,
        "region": region,
        "severity": rule.severity,
    }


def firing(state: AlertState, links: Links, *, held: str = "", at: float | None = None) -> Notice:
    """`state` has just fired and carries its labels.

    Where it was held back, `held` says why, and `at` when that ended.
    """
    said_at = (state.fired_at or 0.0) if at is None else at
    return _notice(state, links, event=Event.FIRING, at=said_at, said=words.firing(state, held))


def reminder(state: AlertState, links: Links) -> Notice:
    """`state` has just become due for a reminder."""
    at = state.notified_at or 0.0
    return _notice(state, links, event=Event.REMINDER, at=at, said=words.reminder(state, at))


def escalated(state: AlertState, links: Links, at: float) -> Notice:
    """Nobody has acknowledged it for so long that others are told, or the same once more."""
    return _notice(state, links, event=Event.ESCALATED, at=at, said=words.escalated(state, at))


def flapping(state: AlertState, links: Links) -> Notice:
    """`state` has just begun to flap: it is said once that one alert is held open."""
    at = state.flapping_since or state.fired_at or 0.0
    return _notice(state, links, event=Event.FLAPPING, at=at, said=words.flapping(state, at))


def acknowledged(state: AlertState, links: Links, comment: str = "") -> Notice:
    """Somebody has just taken it upon himself."""
    at = state.acked_at or state.fired_at or 0.0
    said = words.acknowledged(state, comment)
    return _notice(state, links, event=Event.ACKNOWLEDGED, at=at, said=said)


def resolved(state: AlertState, links: Links, ended: Ended) -> Notice:
    """`state` is the one before it became quiet."""
    said = words.resolved(state, ended.until, ended.because)
    return _notice(state, links, event=Event.RESOLVED, at=ended.at, said=said)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTold:
    """One occurrence of a maintenance window; `labels` are the agent's."""

    name: str
    region: str
    begins: float
    ends: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


def window_begun(window: WindowTold, links: Links) -> Notice:
    return _of_window(window, links, Event.WINDOW_BEGUN, window.begins)


def window_over(window: WindowTold, links: Links, at: float) -> Notice:
    return _of_window(window, links, Event.WINDOW_OVER, at)


def _of_window(window: WindowTold, links: Links, event: Event, at: float) -> Notice:
    begun = event is Event.WINDOW_BEGUN
    base = links.external_url.rstrip("/")
    return Notice(
        event=event,
        key=f"{window.region}//maintenance {window.name}/{rfc3339(window.begins)}",
        labels={
            **window.labels,
            "alertname": "ProberMaintenance",
            "alert": "maintenance",
            "kind": "agent",
            "region": window.region,
            "window": window.name,
        },
        annotations=words.window(window.name, window.region, begun=begun, until=window.ends),
        starts_at=window.begins,
        ends_at=None if begun else at,
        at=at,
        url=f"{base}/" if base else "",
    )


def delivery(notice: Notice, notifier: str, nth: int) -> Delivery:
    """The `nth` notice of its event in this incident (a reminder comes more than once)."""
    return Delivery(
        id=f"{notice.key}/{notice.event}/{nth}/{notifier}",
        notifier=notifier,
        notice=notice,
        created_at=notice.at,
    )


def incident_key(state: AlertState) -> str:
    """`region/check/rule/run`: the same for all that is said of one incident.

    Instead of a check the agent's own alerts have its shard, or nothing.
    """
    labels = state.labels
    return f"{labels['region']}/{whose(labels)}/{labels['alert']}/{state.incident}"


def whose(labels: Mapping[str, str]) -> str:
    """What in a region an alert is about: a check, or one of the agents that share it."""
    return labels.get("check") or labels.get("shard", "")


def incident_id(key: str) -> str:
    """Twelve hexadecimal digits for the incident with this key."""
    return blake2s(key.encode(), digest_size=6).hexdigest()


def _notice(
    state: AlertState, links: Links, *, event: Event, at: float, said: Mapping[str, str]
) -> Notice:
    base = links.external_url.rstrip("/")
    key = incident_key(state)
    common = {
        **{name: state.details.get(name, "") for name in _FOUND},
        "reason": state.last_reason,
        "since": words.moment(state.since),
        "last_good": "" if links.last_good is None else words.moment(links.last_good),
        "incident": incident_id(key),
        "runbook_url": links.runbook or "",
        # The path's folder is quoted once; what stands in an address is quoted once more.
        "evidence_url": f"{base}/{quote(state.evidence)}" if base and state.evidence else "",
    }
    return Notice(
        event=event,
        key=key,
        labels=state.labels,
        annotations={name: _cut(name, text) for name, text in {**said, **common}.items() if text},
        starts_at=state.fired_at or 0.0,
        ends_at=at if event.is_over else None,
        at=at,
        url=f"{base}/incidents/{incident_id(key)}" if base else "",
    )


def _cut(name: str, text: str) -> str:
    longest = LONGEST.get(name, LONGEST_OF_OTHERS)
    return text if len(text) <= longest else text[: longest - 1] + CUT
