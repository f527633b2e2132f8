"""What did people decide, and what is kept of it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from prober.alerts.matchers import Matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A silence holds back notices; maintenance by hand is a window like those of the config.

    It holds from `starts_at` until just before `ends_at`. Times are Unix
    seconds; `at` is when it was decided.
    """

    id: str
    kind: Literal["silence", "maintenance"]
    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float
    by: str
    comment: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Somebody looks after an incident: no more reminders, no escalation."""

    incident: str
    by: str
    comment: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """A mute is over before its time."""

    id: str
    by: str
    comment: str
    at: float


Decision: TypeAlias = Mute | Ack | Expire


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit log."""

    id: str
    at: float
    who: str
    did: str
    what: str
    why: str
