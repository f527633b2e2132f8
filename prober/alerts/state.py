"""When a run of results becomes an incident, and when it is over.

Pure: values in, values out.

    quiet   --`failures` x down-->   firing   (change: FIRED)
    firing  --`remind` has passed--> firing   (change: REMINDED)
    firing  --`successes` x up-->    quiet    (change: RESOLVED)

A result that is unknown is our own fault: it moves nothing and resets nothing.
The state knows nothing of the thresholds it was reached under, so that an
edited rule goes on from where the old one stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TypeAlias

from pydantic import JsonValue, TypeAdapter

from prober.alerts.rules import EffectiveRule
from prober.result import Outcome, Result

Key: TypeAlias = "tuple[str, str]"  # (check, rule name): never a threshold, so an edit keeps it


class Change(StrEnum):
    FIRED = "fired"
    REMINDED = "reminded"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """Where one (check, rule) stands. Times are Unix seconds.

    `streak` counts towards the next change: failures while quiet, successes
    while firing. `since` is the start of the first failure, `up_since` of the
    first success of such a streak. What is kept from the firing (`labels`,
    `told`, `incident`) is what reminder and resolution repeat, whatever the
    config has become since: receivers know an alert by its labels.
    """

    streak: int = 0
    incident: str | None = None  # the run that made it fire; None while quiet
    since: float | None = None
    up_since: float | None = None
    fired_at: float | None = None
    notified_at: float | None = None  # the last firing or reminder
    reminders: int = 0
    first_message: str = ""
    first_reason: str = ""
    last_message: str = ""
    last_reason: str = ""
    evidence: str = ""  # path of the screenshot of the last failure
    labels: Mapping[str, str] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)  # what only this alert has to say

    @property
    def firing(self) -> bool:
        return self.incident is not None

    def to_json(self) -> dict[str, JsonValue]:
        """What differs from quiet; the inverse of `from_json`."""
        return {
            name: _plain(value)
            for name in _NAMES
            if (value := getattr(self, name)) != getattr(QUIET, name)
        }

    @staticmethod
    def from_json(value: Mapping[str, JsonValue]) -> AlertState:
        """Leaves out what this version does not know. Raises ValueError for a wrong value."""
        known = {name: value[name] for name in _NAMES if name in value}
        state = _ADAPTER.validate_python(known)
        if state.firing and (state.fired_at is None or not _says_what(state.labels)):
            raise ValueError("it fires, and does not say since when or what")
        return state


QUIET = AlertState()
_NAMES = tuple(part.name for part in fields(AlertState))
_ADAPTER = TypeAdapter(AlertState)


def advance(
    state: AlertState, result: Result, rule: EffectiveRule, now: float
) -> tuple[AlertState, Change | None]:
    """The state after `result`, which was settled at `now`, and what that changed."""
    if result.outcome is Outcome.UNKNOWN:
        return state, None
    down = result.outcome is Outcome.DOWN
    if state.firing:
        return (_failed_on(state, result), None) if down else _recovering(state, result, rule)
    return _failing(state, result, rule, now) if down else (QUIET, None)


def remind(state: AlertState, rule: EffectiveRule, now: float) -> tuple[AlertState, Change | None]:
    """The state at `now`: a reminder is due when the last notice is `remind` old."""
    wake = wake_at(state, rule)
    if wake is None or now < wake:
        return state, None
    return replace(state, notified_at=now, reminders=state.reminders + 1), Change.REMINDED


def wake_at(state: AlertState, rule: EffectiveRule) -> float | None:
    """When time alone moves the state, in Unix seconds; None for never."""
    if state.notified_at is None or rule.remind is None:
        return None
    return state.notified_at + rule.remind


def set_back(state: AlertState, now: float) -> AlertState:
    """The state after somebody set the clock back to `now`: reminders go on from there."""
    if state.notified_at is None or state.notified_at <= now:
        return state
    return replace(state, notified_at=now)


def _failing(
    state: AlertState, result: Result, rule: EffectiveRule, now: float
) -> tuple[AlertState, Change | None]:
    """One more failure while quiet."""
    first = state if state.streak else _begun(result)
    failed = _failed_on(replace(first, streak=0), result)
    streak = state.streak + 1
    if streak < rule.failures:
        return replace(failed, streak=streak), None
    fired = replace(failed, incident=result.run_id, fired_at=now, notified_at=now)
    return fired, Change.FIRED


def _begun(result: Result) -> AlertState:
    return AlertState(
        since=result.started_at,
        first_message=result.message,
        first_reason=_word(result),
    )


def _failed_on(state: AlertState, result: Result) -> AlertState:
    """The same state with the newest error; itself where nothing is new, so nothing is written."""
    after = replace(
        state,
        streak=0,
        up_since=None,
        last_message=result.message,
        last_reason=_word(result),
        evidence=next((one.path for one in result.evidence if one.kind == "screenshot"), ""),
    )
    return state if after == state else after


def _recovering(
    state: AlertState, result: Result, rule: EffectiveRule
) -> tuple[AlertState, Change | None]:
    """One more success while firing."""
    if state.streak + 1 >= rule.successes:
        return QUIET, Change.RESOLVED
    up_since = state.up_since if state.streak else result.started_at
    return replace(state, streak=state.streak + 1, up_since=up_since), None


def _word(result: Result) -> str:
    return result.reason.value if result.reason else ""


def _says_what(labels: Mapping[str, str]) -> bool:
    """Whether the labels that tell incidents apart are there; the agent's own have no check."""
    of_agent = labels.get("kind") == "agent"
    return labels.keys() >= {"region", "alert"} and (of_agent or "check" in labels)


def _plain(value: object) -> JsonValue:
    match value:
        case tuple():
            return [str(item) for item in value]
        case Mapping():
            return {str(name): str(text) for name, text in value.items()}
        case str() | int() | float() | None:
            return value
        case _:
            raise TypeError(f"{value!r} is not what an alert state is made of")
