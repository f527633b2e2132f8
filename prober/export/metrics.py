"""What does Prometheus see of the checks?

Each family keeps the ready lines of each check. A result is only counted, in
a few microseconds; the lines of its check are written anew when somebody
scrapes, so that a check is written once a scrape, however often it ran. A
scrape gives the loop back again and again, since the same loop is probing.

Gauges of the last result show the last run that had a verdict. When there has
been none for too long they are withheld: a target that nobody sees is neither
up nor down. Counters stay.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

from prober.check import Check
from prober.clock import Clock, quiet_turn
from prober.export.agent import AgentMetrics
from prober.export.board import CheckInfo, Row, horizon
from prober.export.family import Family, label_pairs, number
from prober.export.tally import Tally
from prober.export.vitals import FAMILIES as _VITALS
from prober.result import Outcome, Reason, Result
from prober.series import Series

PIECE = 128 * 1024  # characters that are joined before the loop is given back: some 1,000 lines
LOOKS = 2000  # checks that are looked at before the loop is given back: about a millisecond
WRITING = 150  # writing the lines of a check is worth so many looks
OURS = frozenset({"check", "region", "kind", "target", "severity", "device"})

_LAST = (
    ("probe_success", "Whether the last run was up."),
    ("probe_duration_seconds", "How long the last run's last attempt took."),
    ("probe_timeout_seconds", "How long an attempt may take."),
)
_OVER_TIME = (
    ("prober_check_info", "gauge", "What the check is; 1, to be joined by check and region."),
    ("prober_check_interval_seconds", "gauge", "How often the check is to run."),
    ("prober_runs_total", "counter", "Runs by outcome; in maintenance they count as that alone."),
    ("prober_failures_total", "counter", "Runs that were down, by the reason."),
    ("prober_runs_flaky_total", "counter", "Runs that were up, but not at the first attempt."),
    ("prober_run_duration_seconds", "histogram", "Durations of runs up, or down for taking long."),
    ("prober_http_responses_total", "counter", "Runs that got an HTTP response, by status code."),
    *_VITALS,
    ("prober_last_run_timestamp_seconds", "gauge", "When the last run began, whatever came of it."),
    ("prober_last_success_timestamp_seconds", "gauge", "When the last run that was up began."),
    ("prober_consecutive_failures", "gauge", "Runs down in a row, up to the last verdict."),
    ("prober_maintenance_active", "gauge", "Whether the check is in a maintenance window."),
    ("prober_alert_firing", "gauge", "Whether the alert rule fires for the check."),
    ("prober_alert_muted", "gauge", "Whether notices of the alert rule are held back."),
)  # fmt: skip

_Pairs: TypeAlias = Sequence[tuple[str, float]]
_Gauge: TypeAlias = tuple[Callable[[Result], _Pairs], dict[str, str], str]


@dataclass(slots=True)
class _Child:
    """What is kept of one check.

    Its last verdict is of `seen_at` and shown `until` (monotonic); `row` and
    `verdict` are what has come since its lines were written.
    """

    check: Check
    info: CheckInfo
    labels: str
    gauges: tuple[_Gauge, ...]
    tally: Tally
    rules: Mapping[str, str] = field(default_factory=dict)
    firing: set[str] = field(default_factory=set)
    shown: list[_Pairs | None] = field(default_factory=list)  # by gauge, as written
    row: Row | None = None
    verdict: Result | None = None
    seen_at: float = 0.0
    horizon: float = inf
    until: float = inf


class Metrics:
    """The families of all checks of a region, and of the agent."""

    def __init__(self, region: str, clock: Clock) -> None:
        self.agent = AgentMetrics()
        self._region = region
        self._clock = clock
        self._children: dict[str, _Child] = {}
        self._last = {name: Family(name, "gauge", text) for name, text in _LAST}
        self._own = [(name, family.lines) for name, family in self._last.items()]
        self._over_time = {name: Family(name, type_, text) for name, type_, text in _OVER_TIME}
        self._lines = {name: family.lines for name, family in self._over_time.items()}

    def add(
        self,
        check: Check,
        info: CheckInfo,
        *,
        series: Sequence[Series],
        reasons: Sequence[Reason],
        rules: Sequence[tuple[str, str]],
    ) -> None:
        """A check that is new, or edited: of the same kind, it keeps what was counted.

        `series` is its kind's table, `rules` are pairs of a rule's name and severity.
        """
        child = self._children.get(check.name)
        if child is None or child.info.kind != info.kind:
            firing = child.firing if child else set()
            self.remove(check.name)
            labels = label_pairs(check=check.name, region=self._region)
            child = _Child(
                check, info, labels, (), Tally(info.kind, labels, reasons), firing=firing
            )
            self._children[check.name] = child
            self._set(child, "prober_consecutive_failures", 0)
        child.check, child.info, child.rules = check, info, dict(rules)
        child.horizon = horizon(check)
        child.firing &= child.rules.keys()
        if child.until < inf:
            child.until = child.seen_at + child.horizon
        child.gauges = self._gauges(series)
        child.shown = [None] * len(series)
        child.tally.expect(reasons)
        self._describe(child)
        self._write(child)
        self._write_alerts(child)

    def remove(self, name: str) -> None:
        """The check is gone, and so is everything that was said of it."""
        if self._children.pop(name, None):
            for family in (*self._last.values(), *self._over_time.values()):
                family.lines.pop(name, None)

    def observe(self, result: Result, row: Row) -> None:
        """A run is over; `row` is what the board made of it."""
        child = self._children.get(result.check)
        if child is None:
            return
        child.tally.count(result)
        child.row = row
        if result.finding.outcome is not Outcome.UNKNOWN:
            _see(child, result, self._clock.monotonic())

    def restore(self, result: Result, row: Row) -> None:
        """The last verdict out of history: shown until it is too old, and counted as nothing."""
        child = self._children.get(result.check)
        if child is None:
            return
        child.row = row
        if result.outcome is not Outcome.UNKNOWN:
            age = max(0.0, self._clock.now() - result.started_at - result.seconds)
            _see(child, result, self._clock.monotonic() - age)

    def alert(self, check: str, rule: str, severity: str, firing: bool) -> None:
        """A rule began to fire for a check, or ceased to."""
        child = self._children.get(check)
        if child is None:
            return
        if firing:
            child.rules = {rule: severity, **child.rules}
            child.firing.add(rule)
        else:
            child.firing.discard(rule)
        self._write_alerts(child)

    async def render(self, openmetrics: bool = False) -> AsyncGenerator[bytes, None]:
        """The whole exposition, piece by piece; other tasks run between the pieces."""
        await self._catch_up()
        yield self.agent.render(openmetrics)
        await quiet_turn(self._clock)
        parts: list[str] = []
        room = PIECE
        for family in (*self._last.values(), *self._over_time.values()):
            lines = list(family.lines.values())
            parts += [family.head(openmetrics)] if lines else []
            start = 0
            while start < len(lines):
                many = room // len(lines[start]) + 1
                text = "".join(lines[start : start + many])
                parts.append(text)
                start, room = start + many, room - len(text)
                if room <= 0:
                    yield "".join(parts).encode(errors="replace")
                    await quiet_turn(self._clock)
                    parts, room = [], PIECE
        yield ("".join(parts) + "# EOF\n" * openmetrics).encode(errors="replace")

    def _gauges(self, series: Sequence[Series]) -> tuple[_Gauge, ...]:
        for name, help_text, _ in series:
            self._last.setdefault(name, Family(name, "gauge", help_text))
        return tuple((s.read, self._last[s.name].lines, s.name) for s in series)

    def _describe(self, child: _Child) -> None:
        info, name = child.info, child.check.name
        own = label_pairs(
            kind=info.kind, target=info.target, severity=info.severity, device=info.device
        )
        free = {label: text for label, text in info.labels.items() if label not in OURS}
        pairs = ",".join(filter(None, (child.labels, own, label_pairs(**free))))
        self._lines["prober_check_info"][name] = f"prober_check_info{{{pairs}}} 1\n"
        self._set(child, "prober_check_interval_seconds", child.check.interval)
        self._set(child, "prober_maintenance_active", 0)

    def _set(self, child: _Child, name: str, value: float) -> None:
        self._lines[name][child.check.name] = f"{name}{{{child.labels}}} {number(value)}\n"

    async def _catch_up(self) -> None:
        """Writes what has come since the last scrape, and takes back what is too old to be shown."""
        now = self._clock.monotonic()
        looks = 0
        for name in list(self._children):
            child = self._children.get(name)
            if child is not None and child.until < now:
                self._take_back(child)
                looks += WRITING
            if child is not None and child.row is not None:
                self._write(child)
                looks += WRITING
            looks += 1
            if looks >= LOOKS:
                await quiet_turn(self._clock)
                looks = 0

    def _take_back(self, child: _Child) -> None:
        child.until, child.verdict, child.shown = inf, None, [None] * len(child.gauges)
        for family in self._last.values():
            family.lines.pop(child.check.name, None)

    def _write(self, child: _Child) -> None:
        """Replaces the lines that results change."""
        for family, text in child.tally.texts():
            _put(self._lines[family], child.check.name, text)
        row, verdict = child.row, child.verdict
        child.row = child.verdict = None
        if row is not None:
            self._stamp(child, row)
        if verdict is not None:
            self._show(child, verdict)

    def _stamp(self, child: _Child, row: Row) -> None:
        self._set(child, "prober_consecutive_failures", row.consecutive_failures)
        if row.last_run_at is not None:
            self._set(child, "prober_last_run_timestamp_seconds", row.last_run_at)
        if row.last_success_at is not None:
            self._set(child, "prober_last_success_timestamp_seconds", row.last_success_at)

    def _show(self, child: _Child, result: Result) -> None:
        """Replaces the gauges of the last result."""
        name, labels = result.check, child.labels
        own = (result.outcome is Outcome.UP, result.seconds, child.check.timeout)
        for (family, lines), value in zip(self._own, own, strict=True):
            lines[name] = f"{family}{{{labels}}} {number(value)}\n"
        shown = child.shown
        for place, (read, lines, family) in enumerate(child.gauges):
            pairs = read(result)
            if pairs != shown[place]:  # most facts are what they were, and writing is the dear part
                shown[place] = pairs
                start = f"{family}{{{labels}"
                texts = [f"{start}{',' * bool(m)}{m}}} {number(value)}\n" for m, value in pairs]
                _put(lines, name, "".join(texts))

    def _write_alerts(self, child: _Child) -> None:
        firing, muted = [], []
        for rule, severity in child.rules.items():
            label = label_pairs(alert=rule)
            more = label_pairs(alert=rule, severity=severity)
            on = int(rule in child.firing)
            firing.append(f"prober_alert_firing{{{child.labels},{more}}} {on}\n")
            muted.append(f"prober_alert_muted{{{child.labels},{label}}} 0\n")
        name = child.check.name
        _put(self._lines["prober_alert_firing"], name, "".join(firing))
        _put(self._lines["prober_alert_muted"], name, "".join(muted))


def _see(child: _Child, verdict: Result, at: float) -> None:
    child.verdict, child.seen_at = verdict, at
    child.until = at + child.horizon


def _put(lines: dict[str, str], check: str, text: str) -> None:
    if text:
        lines[check] = text
    else:
        lines.pop(check, None)
