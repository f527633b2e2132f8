"""What do all receivers of words need: a headline, links, a level, texts that fit and carry no surprises?

It takes every word from the notice itself, so that it suits any rule.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias

import httpx

from prober.alerts.notice import Event, Notice
from prober.secret import CUT
from prober.units import show_duration

Level: TypeAlias = Literal["critical", "error", "warning", "info"]

LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "critical": "critical",
        "high": "error",
        "error": "error",
        "medium": "warning",
        "warning": "warning",
        "low": "info",
        "info": "info",
    }
)
_RANKS: tuple[Level, ...] = ("critical", "error", "warning", "info")
LONGEST_LINK = 1000  # characters, encoded; as long as a runbook may be
_TITLES: Mapping[Event, str] = MappingProxyType(
    {
        Event.FIRING: "Firing",
        Event.REMINDER: "Still firing",
        Event.RESOLVED: "Resolved",
        Event.ESCALATED: "Escalated",
        Event.FLAPPING: "Flapping",
        Event.ACKNOWLEDGED: "Acknowledged",
        Event.WINDOW_BEGUN: "Maintenance begun",
        Event.WINDOW_OVER: "Maintenance over",
        Event.REPORT: "Report",
    }
)
_STATES: Mapping[Event, str] = MappingProxyType(
    {
        Event.RESOLVED: "resolved",
        Event.WINDOW_BEGUN: "maintenance",
        Event.WINDOW_OVER: "maintenance over",
    }
)
_LINKS = (("runbook_url", "Runbook"), ("evidence_url", "Evidence"))
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def level(severity: str, own: Mapping[str, Level] = MappingProxyType({})) -> Level:
    """What a severity is elsewhere; a word that nobody explained must not be slept through."""
    return own.get(severity) or LEVELS.get(severity, "critical")


def title(notice: Notice) -> str:
    """What has happened: `Firing`, `Still firing`, `Resolved`."""
    return _TITLES[notice.event]


def state(notice: Notice) -> str:
    """The same in a word or two that leave room: `critical`, `critical, flapping`, `resolved`."""
    if not notice.event.says_firing:
        return _STATES.get(notice.event) or title(notice).lower()
    said = " ".join(clean(notice.labels.get("severity", "")).split())
    severity = said or Event.FIRING.value
    more = notice.event in (Event.ESCALATED, Event.FLAPPING)
    return f"{severity}, {notice.event.value}" if more else severity


def level_of(notice: Notice) -> Level | None:
    """How bad it is now; None where nothing is."""
    if notice.event.says_firing or notice.event is Event.ACKNOWLEDGED:
        return level(notice.labels.get("severity", ""))
    return None


def worst_first(notices: Iterable[Notice]) -> list[Notice]:
    """What fires by its level, then what is over, then what is about no incident."""
    return sorted(notices, key=_rank)


def _rank(notice: Notice) -> int:
    if (bad := level_of(notice)) is not None:
        return _RANKS.index(bad)
    return len(_RANKS) + (not notice.event.is_over)


def counted(notices: Sequence[Notice]) -> str:
    """`3 firing, 1 resolved`."""
    firing = sum(one.event.says_firing for one in notices)
    counts = Counter("firing" if one.event.says_firing else state(one) for one in notices)
    counts.pop("firing", None)
    said = [f"{count} {what}" for what, count in counts.items()]
    return ", ".join([f"{firing} firing", *said] if firing else said)


def summary(notice: Notice) -> str:
    """One line, never empty."""
    said = notice.annotations.get("summary") or notice.labels.get("alertname") or notice.key
    return " ".join(clean(said).split()) or title(notice)


def lasted(notice: Notice) -> str:
    """How long it took, where the notice says so, or is about an end."""
    said = notice.annotations.get("duration", "")
    if said or notice.ends_at is None:
        return said
    return show_duration(max(0.0, notice.ends_at - notice.starts_at))


def links(notice: Notice) -> Iterator[tuple[str, str]]:
    """Title and address of every place the notice leads to."""
    places = [("Prober", notice.url)]
    places += [(name, notice.annotations.get(key, "")) for key, name in _LINKS]
    for name, address in places:
        if href := web_address(address):
            yield name, href


def web_address(text: str) -> str:
    """`text` as browsers write it, if it is an http or https URL of a sensible length."""
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL:
        return ""
    if url.scheme not in ("http", "https") or not url.host:
        return ""
    # What ends a link in some receiver's own spelling.
    encoded = re.sub(r"[<>|\"\s]", lambda found: f"%{ord(found[0]):02X}", str(url))
    return encoded if len(encoded) <= LONGEST_LINK else ""


def clean(text: str) -> str:
    """Without what JSON may carry and receivers refuse: halves of surrogate pairs, control characters."""
    whole = text.encode(errors="replace").decode() if not text.isascii() else text
    return _CONTROL.sub(" ", whole.replace("\r\n", "\n"))


def units(text: str) -> int:
    """How many UTF-16 units it takes: what the strictest receivers count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "replace")) // 2


def cut(text: str, limit: int, weigh: Callable[[str], int] = units) -> str:
    """`text`, or as much of its beginning as weighs no more than `limit`."""
    if weigh(text) <= limit:
        return text
    left = limit - weigh(CUT)
    for at, letter in enumerate(text):
        left -= weigh(letter)
        if left < 0:
            return text[:at] + CUT
    return text
