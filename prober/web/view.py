"""Which checks does the page show, in what order, and in which words?

Pure but for giving the loop back: rows in, texts out. Worst first: down, then
whatever has an alert firing, then unknown, then not yet run, then up; within
one of these by severity, then in the config's order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from prober.alerts.book import is_held
from prober.alerts.notice import incident_id, incident_key
from prober.alerts.state import AlertState, Key
from prober.export.board import Firing, Row, present
from prober.export.family import number
from prober.result import Outcome, Result
from prober.units import rfc3339, show_duration
from prober.web.journey import Journey, journey, told_by_a_step
from prober.web.stream import Turns

STATES = ("down", "recovering", "unknown", "waiting", "up")  # worst first
MOST = 500  # rows on one page; nobody reads more, and every browser is quick with these


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as text: for machines, as UTC for people, and how long ago."""

    stamp: str
    utc: str
    ago: str


@dataclass(frozen=True, slots=True)
class Alert:
    """`note` says why nobody is told, or who sees to it; `incident` is its page's name."""

    rule: str
    severity: str
    ago: str
    note: str = ""
    incident: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """The last result in words; `note` is what else should be known about it."""

    reason: str = ""
    message: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One check as the page shows it."""

    name: str
    kind: str
    state: str
    severity: str
    since: Moment | None
    last_run: Moment | None  # of the run that `said` is about
    said: Said
    degraded: bool  # up, but over a budget
    maintenance: str  # the window that the last run fell into
    latency: str
    target: str
    labels: tuple[tuple[str, str], ...]
    alerts: tuple[Alert, ...]
    values: tuple[tuple[str, str], ...]  # that the run has read
    journey: Journey | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page is asked for: one state, and a text to be found in name, target or labels."""

    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Overview:
    """`counts` are of all checks; `found` of them match what was asked, `lines` show the worst."""

    counts: tuple[tuple[str, int], ...]
    total: int
    found: int
    lines: tuple[Line, ...]


async def overview(
    rows: Iterable[Row],
    asked: Asked,
    severities: Sequence[str],
    now: float,
    turns: Turns,
    *,
    states: Mapping[Key, AlertState] = MappingProxyType({}),
) -> Overview:
    ranks = {severity: rank for rank, severity in enumerate(severities)}
    last = len(ranks)
    counts: Counter[str] = Counter()
    piles: dict[tuple[int, int], list[Row]] = {}
    found = 0
    for row in list(rows):
        await turns.over()
        state = state_of(row, now)
        counts[state] += 1
        if matches(row, state, asked):
            found += 1
            place = _rank(state, row), ranks.get(row.info.severity, last)
            pile = piles.setdefault(place, [])
            if len(pile) < MOST:
                pile.append(row)
    worst = [row for place in sorted(piles) for row in piles[place]][:MOST]
    lines = []
    for row in worst:
        await turns.over()
        lines.append(line(row, now, states))
    shown = tuple((state, counts[state]) for state in STATES)
    return Overview(shown, counts.total(), found, tuple(lines))


def state_of(row: Row, now: float) -> str:
    """A state of the board, or `recovering` (up, with an alert still firing) or `waiting`."""
    state, _ = present(row, now)
    if state is None:
        return "waiting"
    return "recovering" if state is Outcome.UP and row.firing else state.value


def _rank(state: str, row: Row) -> int:
    """Where the state stands among STATES; whatever has an alert firing stands with the worst."""
    return min(STATES.index(state), STATES.index("recovering") if row.firing else len(STATES))


def matches(row: Row, state: str, asked: Asked) -> bool:
    if asked.state and state != asked.state:
        return False
    text = asked.text.lower()
    if not text or text in row.check.name.lower() or text in row.info.target.lower():
        return True
    return any(text in f"{name}={value}".lower() for name, value in row.info.labels.items())


def line(row: Row, now: float, states: Mapping[Key, AlertState] = MappingProxyType({})) -> Line:
    state = state_of(row, now)
    said, told = _blind(row, now) if state == "unknown" else _seen(row, now), _told(row, state)
    return Line(
        name=row.check.name,
        kind=row.info.kind,
        state=state,
        severity=row.info.severity,
        since=moment(present(row, now)[1], now),
        last_run=moment(told.started_at if told else row.last_run_at, now),
        said=said,
        degraded=state in ("recovering", "up") and bool(row.verdict and row.verdict.degraded),
        latency=show_duration(row.verdict.seconds) if row.verdict and state != "unknown" else "",
        target=row.info.target,
        labels=tuple(row.info.labels.items()),
        alerts=tuple(
            _alert(rule, firing, states.get((row.check.name, rule)), now)
            for rule, firing in row.firing.items()
        ),
        maintenance=row.last.maintenance if row.last else "",
        values=_values(told),
        journey=journey(told),
    )


def _alert(rule: str, firing: Firing, state: AlertState | None, now: float) -> Alert:
    ago = _coarse(max(1.0, now - firing.since))
    if state is None or not state.firing:
        return Alert(rule, firing.severity, ago)
    note = f"held back: {state.held}" if is_held(state) else ""
    if state.acked_at is not None:
        note = f"acknowledged by {state.acked_by}"
    return Alert(rule, firing.severity, ago, note, incident_id(incident_key(state)))


def _values(result: Result | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, number(value)) for name, value in result.values.items()) if result else ()


def _told(row: Row, state: str) -> Result | None:
    """The run that `said` speaks of; none where it is too long ago."""
    if state != "unknown":
        return row.verdict
    return row.last if row.last and row.last.outcome is Outcome.UNKNOWN else None


def _seen(row: Row, now: float) -> Said:
    """What the last verdict says, and whether a run since then had none."""
    if row.verdict is None:
        return Said()
    note = ""
    if row.last is not None and row.last.outcome is Outcome.UNKNOWN:
        note = f"the last run, {_ago(now - row.last.started_at)}, was unknown: {row.last.message}"
    return Said(_reason(row.verdict), _message(row.verdict), note)


def _blind(row: Row, now: float) -> Said:
    """Why nothing is known at present, and what was known last."""
    note = ""
    if row.verdict is not None:
        ago = _coarse(now - row.verdict.started_at)
        why = ": ".join(filter(None, (_reason(row.verdict), row.verdict.message)))
        note = f"{row.verdict.outcome.value} {ago} ago{', ' if why else ''}{why}"
    if row.last is not None and row.last.outcome is Outcome.UNKNOWN:
        return Said(_reason(row.last), _message(row.last), note)
    return Said("", "no result since", note)


def moment(seconds: float | None, now: float) -> Moment | None:
    if seconds is None:
        return None
    stamp = rfc3339(seconds)
    day, time = stamp[:10], stamp[11:19]
    utc = time if day == rfc3339(now)[:10] else f"{day} {time[:5]}"
    return Moment(stamp, utc, _ago(now - seconds))


def _ago(seconds: float) -> str:
    return f"{_coarse(seconds)} ago" if seconds >= 1 else "just now"


def _coarse(seconds: float) -> str:
    """A duration in whole seconds."""
    return show_duration(float(int(seconds)))


def _reason(result: Result) -> str:
    return result.reason.value if result.reason else ""


def _message(result: Result) -> str:
    if step := told_by_a_step(result):
        return f"in “{step.name}”"
    code = result.facts.get("status_code")
    if result.outcome is Outcome.UP and not result.message:
        return f"status {code}" if code else "ok"
    return result.message
