"""When a run of results becomes an incident, and when it is over.

Pure: values in, values out.

    quiet   --the condition is met--------> pending
    pending --it is not met any more------> quiet
    pending --met at every run for `for`--> firing   (change: FIRED)
    firing  --`remind` has passed---------> firing   (change: REMINDED)
    firing  --`successes` good runs-------> quiet    (change: RESOLVED)

Without `for` what is met fires at once. A run is good that is up or, of other
conditions than failures, that does not meet it. A result that is unknown is our
own fault, and a window may have too few runs to say anything: that moves nothing
and resets nothing.
The state knows nothing of the thresholds it was reached under, so that an
edited rule goes on from where the old one stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TypeAlias

from pydantic import JsonValue, TypeAdapter

from prober.alerts.conditions import Condition, Failures
from prober.alerts.met import Met, met
from prober.alerts.past import Past
from prober.alerts.rules import EffectiveRule
from prober.result import Result

Key: TypeAlias = "tuple[str, str]"  # (check, rule name): never a threshold, so an edit keeps it


class Change(StrEnum):
    FIRED = "fired"
    REMINDED = "reminded"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """Where one (check, rule) stands. Times are Unix seconds.

    `streak` counts towards the next change: failures in a row while quiet, good
    runs while firing. `since` is the start of the first failure, `up_since` of
    the first good run of such a streak. `recent` are the last verdicts, oldest
    first, where failures of several runs are counted; `met_since` is since when
    the condition is met, where it has to be for a while. What is kept from the firing (`labels`,
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
    met_since: float | None = None
    recent: str = ""  # d and u
    changes: tuple[float, ...] = ()  # when it fired and was over lately, where flapping is looked for
    flapping_since: float | None = None
    told_at: float | None = None  # since when somebody knows; None while it is held back
    held: str = ""  # why nobody is told of it yet
    escalated: float = 0.0  # the last stage of escalation that was reached, in seconds
    acked_at: float | None = None
    acked_by: str = ""
    ended_at: float | None = None  # over, and whoever was told is yet to hear it
    because: str = ""  # why it ended, where our own config is the reason

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
    state: AlertState, result: Result, rule: EffectiveRule, now: float, past: Past | None = None
) -> tuple[AlertState, Change | None]:
    """The state after `result`, which was settled at `now`, and what that changed.

    `past` is what the rule looks back on; it has the result in it already.
    """
    found = met(rule.condition, result, past, now)
    if found.met is None:
        return state, None
    if state.firing:
        return (_bad(state, result, found), None) if found.met else _good(state, result, rule)
    seen = _seen(state, result, rule.condition, found)
    if seen is QUIET:
        return QUIET, None
    if not _holds(seen, rule.condition):
        return (seen if seen.met_since is None else replace(seen, met_since=None)), None
    met_since = now if seen.met_since is None else min(seen.met_since, now)
    if now - met_since < rule.lasting:
        return replace(seen, met_since=met_since), None
    fired = replace(seen, streak=0, met_since=None, recent="")
    return replace(fired, incident=result.run_id, fired_at=now, notified_at=now), Change.FIRED


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


def _seen(state: AlertState, result: Result, condition: Condition, found: Met) -> AlertState:
    """One more verdict while quiet; QUIET where nothing is left that counts."""
    several = condition.of if isinstance(condition, Failures) else None
    recent = ""
    if several is not None:
        recent = (state.recent + ("d" if found.met else "u"))[-several:]
        if "d" not in recent:
            return QUIET
    if not found.met:
        return replace(state, streak=0, recent=recent) if recent else QUIET
    first = state if state.streak or state.recent or state.met_since else _begun(result, found)
    return replace(_bad(first, result, found), streak=state.streak + 1, recent=recent)


def _holds(state: AlertState, condition: Condition) -> bool:
    """Whether the condition is met, after a verdict has been counted."""
    if not isinstance(condition, Failures):
        return True  # or nothing were left of it
    if condition.of is None:
        return state.streak >= condition.failures
    return state.recent.count("d") >= condition.failures


def _begun(result: Result, found: Met) -> AlertState:
    return AlertState(
        since=result.started_at,
        first_message=found.found,
        first_reason=_word(result, found),
    )


def _bad(state: AlertState, result: Result, found: Met) -> AlertState:
    """The same state with the newest error; itself where nothing is new, so nothing is written."""
    about = {"about": found.about} if found.about else {}
    after = replace(
        state,
        streak=0,
        up_since=None,
        last_message=found.found,
        last_reason=_word(result, found),
        evidence=next((one.path for one in result.evidence if one.kind == "screenshot"), ""),
        details=about if state.details != about else state.details,
    )
    return state if after == state else after


def _good(
    state: AlertState, result: Result, rule: EffectiveRule
) -> tuple[AlertState, Change | None]:
    """One more good run while firing."""
    if state.streak + 1 >= rule.successes:
        return QUIET, Change.RESOLVED
    up_since = state.up_since if state.streak else result.started_at
    return replace(state, streak=state.streak + 1, up_since=up_since), None


def _word(result: Result, found: Met) -> str:
    return found.about or (result.reason.value if result.reason else "")


def _says_what(labels: Mapping[str, str]) -> bool:
    """Whether the labels that tell incidents apart are there; the agent's own have no check."""
    of_agent = labels.get("kind") == "agent"
    return labels.keys() >= {"region", "alert"} and (of_agent or "check" in labels)


def _plain(value: object) -> JsonValue:
    match value:
        case tuple():
            return [item if isinstance(item, float) else str(item) for item in value]
        case Mapping():
            return {str(name): str(text) for name, text in value.items()}
        case str() | int() | float() | None:
            return value
        case _:
            raise TypeError(f"{value!r} is not what an alert state is made of")
