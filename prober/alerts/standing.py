"""Where does one alert stand, and how is that written down?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TypeAlias

from pydantic import JsonValue, TypeAdapter

from prober.alerts.moves import Phase

Key: TypeAlias = "tuple[str, str]"  # (check, rule name): never a threshold, so an edit keeps it


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
    changes: tuple[float, ...] = ()  # when it fired and was over lately, if that is looked at
    flapping_since: float | None = None
    shadow: bool = False  # while it flaps: whether it would fire
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

    @property
    def phase(self) -> Phase:
        return Phase.FLAPPING if self.flapping else self.below

    @property
    def flapping(self) -> bool:
        return self.flapping_since is not None and self.firing

    @property
    def below(self) -> Phase:
        """As if nothing were held open."""
        if self.shadow if self.flapping else self.firing:
            return Phase.RECOVERING if self.streak else Phase.FIRING
        counts = self.streak or self.recent or self.met_since is not None
        return Phase.PENDING if counts else Phase.QUIET

    def to_json(self) -> dict[str, JsonValue]:
        """What differs from quiet; the inverse of `from_json`."""
        return {
            name: plain(value) for name, quiet in _QUIET if (value := getattr(self, name)) != quiet
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
_QUIET = tuple((name, getattr(QUIET, name)) for name in _NAMES)
_ADAPTER = TypeAdapter(AlertState)


def _says_what(labels: Mapping[str, str]) -> bool:
    """Whether the labels that tell incidents apart are there; the agent's own have no check."""
    of_agent = labels.get("kind") == "agent"
    return labels.keys() >= {"region", "alert"} and (of_agent or "check" in labels)


def plain(value: object) -> JsonValue:
    """What is kept as JSON, of states and of records. Raises TypeError for anything else."""
    match value:
        case str() | int() | float() | None:  # nearly all of it
            return value
        case tuple():
            return [item if isinstance(item, float) else str(item) for item in value]
        case Mapping():
            return {str(name): str(text) for name, text in value.items()}
        case _:
            raise TypeError(f"{value!r} is not what is kept of an alert")
