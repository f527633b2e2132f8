"""What we say when an alert changes, and to whom it is still to be said.

A `Notice` is the message, the same for every receiver; a `Delivery` is one
notice for one notifier, kept until it is accepted. Their ids are made before
anything is written down, so that writing twice is writing once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2s
from urllib.parse import quote

from pydantic import JsonValue, TypeAdapter

from prober.alerts.phrases import phrases
from prober.alerts.rules import EffectiveRule
from prober.alerts.state import AlertState
from prober.units import rfc3339, show_duration


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
    """Where a notice sends its reader; both may be missing."""

    external_url: str = ""
    runbook: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an incident ended: resolved `at`, up since `up_since`, or `because` of our own config."""

    at: float
    up_since: float | None = None
    because: str = ""


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


def firing(state: AlertState, links: Links) -> Notice:
    """`state` has just fired and carries its labels."""
    said = _check_fails(state) if "check" in state.labels else _agent_fails(state)
    return _notice(state, links, event=Event.FIRING, at=state.fired_at or 0.0, annotations=said)


def _check_fails(state: AlertState) -> dict[str, str]:
    labels = state.labels
    words = phrases(state)
    summary = f"{labels['check']} {words.begun} in {labels['region']}"
    description = f"{words.lasts} {_moment(state.since)}"
    return {
        "summary": _colon(summary, state.last_message),
        "description": _colon(description, _errors(state)),
        **_both_messages(state),
    }


def _agent_fails(state: AlertState) -> dict[str, str]:
    checks = state.details.get("checks", "some checks")
    summary = f"the agent in {state.labels['region']} gets no verdict on {checks}"
    alone = " and " not in checks
    description = f"no verdict since {_moment(state.since)}, which says nothing about the targets"
    return {
        "summary": _colon(summary, state.last_message if alone else ""),
        "description": _colon(description, state.details.get("messages", "")),
        "last_message": state.last_message,
    }


def reminder(state: AlertState, links: Links) -> Notice:
    """`state` has just become due for a reminder."""
    labels = state.labels
    at = state.notified_at or 0.0
    lasted = _lasted(state, at)
    words = phrases(state)
    summary = f"{labels['check']} {words.still} in {labels['region']} after {lasted}"
    description = f"{words.lasts} {_moment(state.since)}"
    return _notice(
        state,
        links,
        event=Event.REMINDER,
        at=at,
        annotations={
            "summary": _colon(summary, state.last_message),
            "description": _colon(description, _errors(state)),
            "duration": lasted,
            **_both_messages(state),
        },
    )


def resolved(state: AlertState, links: Links, ended: Ended) -> Notice:
    """`state` is the one before it became quiet."""
    labels = state.labels
    until = ended.at if ended.up_since is None else ended.up_since
    lasted = _lasted(state, until)
    words = phrases(state)
    description = f"{words.was} from {_moment(state.since)} to {_moment(until)}"
    if "check" in labels:
        summary = f"{labels['check']} {words.over} in {labels['region']} after {lasted}"
        description = _colon(description, _errors(state))
    else:
        were = state.details.get("were") or state.details.get("checks", "all checks")
        summary = f"the agent in {labels['region']} gets verdicts again after {lasted}: {were}"
        description = _colon(description, state.last_message)
    if ended.because:
        summary, description = _colon(_unwatched(labels), ended.because), ended.because
    return _notice(
        state,
        links,
        event=Event.RESOLVED,
        at=ended.at,
        annotations={
            "summary": summary,
            "description": description,
            "duration": lasted,
            **(_both_messages(state) if "check" in labels else {}),
            "last_message": state.last_message,
        },
    )


def _unwatched(labels: Mapping[str, str]) -> str:
    if "check" in labels:
        return (
            f"{labels['check']} is no longer watched for {labels['alert']!r} in {labels['region']}"
        )
    return f"the agent in {labels['region']} has no check left on which it gets no verdict"


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

    The check of the agent's own alerts is empty, as no check's name is.
    """
    labels = state.labels
    return f"{labels['region']}/{labels.get('check', '')}/{labels['alert']}/{state.incident}"


def incident_id(key: str) -> str:
    """Twelve hexadecimal digits for the incident with this key."""
    return blake2s(key.encode(), digest_size=6).hexdigest()


def _notice(
    state: AlertState, links: Links, *, event: Event, at: float, annotations: Mapping[str, str]
) -> Notice:
    base = links.external_url.rstrip("/")
    common = {
        "reason": state.last_reason,
        "since": _moment(state.since),
        "runbook_url": links.runbook or "",
        # The path's folder is quoted once; what stands in an address is quoted once more.
        "evidence_url": f"{base}/{quote(state.evidence)}" if base and state.evidence else "",
    }
    said = {name: text for name, text in {**annotations, **common}.items() if text}
    return Notice(
        event=event,
        key=incident_key(state),
        labels=state.labels,
        annotations=said,
        starts_at=state.fired_at or 0.0,
        ends_at=at if event.is_over else None,
        at=at,
        url=_place(base, state.labels.get("check", "")) if base else "",
    )


def _place(base: str, check: str) -> str:
    """The check's row on the page, or the page."""
    return f"{base}/#{quote(check, safe='')}" if check else f"{base}/"


def _both_messages(state: AlertState) -> dict[str, str]:
    """First and last error, where there were two."""
    if state.first_message == state.last_message:
        return {}
    return {"first_message": state.first_message, "last_message": state.last_message}


def _errors(state: AlertState) -> str:
    if state.first_message in ("", state.last_message):
        return state.last_message
    return f"{state.last_message}; at first: {state.first_message}"


def _lasted(state: AlertState, until: float) -> str:
    """How long it has failed; the wall clock may have been set back meanwhile."""
    return show_duration(max(0.0, until - (state.since or until)))


def _moment(seconds: float | None) -> str:
    return rfc3339(seconds or 0.0)


def _colon(text: str, more: str) -> str:
    return f"{text}: {more}" if more else text
