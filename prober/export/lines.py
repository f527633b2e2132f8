"""What do the lines of one check say, and which of them has a run changed?

Writing them is part of what every run costs, so what has not changed is not
written again: counters of what seldom happens, and facts that are as they
were the run before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import NamedTuple, TypeAlias

from prober.check import Check
from prober.export.board import CheckInfo, Row
from prober.export.family import GROUPS, Family, Lines, label_pairs, number
from prober.export.histogram import without_exemplars
from prober.export.tally import Tally
from prober.export.vitals import FAMILIES as _VITALS
from prober.result import Outcome, Result
from prober.series import Series

OURS = frozenset({"check", "region", "kind", "target", "severity", "device"})

_LAST = (
    ("probe_success", "Whether the last run was up."),
    ("probe_duration_seconds", "How long the last run's last attempt took."),
    ("probe_timeout_seconds", "How long an attempt may take."),
)
_WITH_EXEMPLARS = "prober_run_duration_seconds"
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


class Gauge(NamedTuple):
    """One gauge of the last result, for the checks of one group."""

    read: Callable[[Result], _Pairs]
    lines: Lines
    family: str


class Families:
    """All of them, in the order of the exposition. Those of last results may be withheld."""

    def __init__(self) -> None:
        self._last = {name: Family(name, "gauge", text) for name, text in _LAST}
        self._over_time = [_family(*one) for one in _OVER_TIME]
        # By group: the families that are there from the start, by name.
        self.lines: tuple[Mapping[str, Lines], ...] = tuple(map(self._of_group, range(GROUPS)))
        self._made: dict[tuple[str, int], tuple[Sequence[Series], tuple[Gauge, ...]]] = {}

    def __iter__(self) -> Iterator[Family]:
        yield from (*self._last.values(), *self._over_time)  # a reload may bring more meanwhile

    def gauges(self, kind: str, series: Sequence[Series], group: int) -> tuple[Gauge, ...]:
        """Those of a check of this kind. Mostly they are those of the last one: kept once."""
        found = self._made.get((kind, group))
        if found is not None and found[0] == series:
            return found[1]
        for name, help_text, _ in series:
            self._last.setdefault(name, Family(name, "gauge", help_text))
        made = tuple(Gauge(s.read, self._last[s.name].groups[group], s.name) for s in series)
        self._made[kind, group] = (tuple(series), made)
        return made

    def remove(self, check: str, group: int) -> None:
        for family in self:
            family.groups[group].put(check, "")

    def withhold(self, check: str, group: int) -> None:
        for family in self._last.values():
            family.groups[group].put(check, "")

    def _of_group(self, group: int) -> Mapping[str, Lines]:
        return {family.name: family.groups[group] for family in self}


def _family(name: str, type_: str, text: str) -> Family:
    return Family(name, type_, text, without_exemplars if name == _WITH_EXEMPLARS else None)


@lru_cache(4096)
def _one_of_many(pairs: _Pairs) -> _Pairs:
    """Of what many checks say (a status of 200) one is kept."""
    return pairs


@dataclass(slots=True)
class Child:
    """What is kept of one check; `lines` are its group's.

    Its last verdict is of `seen_at` and shown `until` (monotonic); `row` and
    `verdict` are what has come since its lines were written.
    """

    check: Check
    info: CheckInfo
    group: int
    lines: Mapping[str, Lines]
    labels: str
    tally: Tally
    gauges: tuple[Gauge, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict)
    firing: frozenset[str] = frozenset()
    muted: frozenset[str] = frozenset()
    in_maintenance: bool = False
    shown: list[_Pairs | None] = field(default_factory=list)  # by gauge, as written
    row: Row | None = None
    verdict: Result | None = None
    seen_at: float = 0.0
    horizon: float = inf
    until: float = inf

    def describe(self) -> None:
        info, name = self.info, self.check.name
        own = label_pairs(
            kind=info.kind, target=info.target, severity=info.severity, device=info.device
        )
        free = {label: text for label, text in info.labels.items() if label not in OURS}
        pairs = ",".join(filter(None, (self.labels, own, label_pairs(**free))))
        self.lines["prober_check_info"].put(name, f"prober_check_info{{{pairs}}} 1\n")
        self._set("prober_check_interval_seconds", number(self.check.interval))
        self._set("prober_maintenance_active", str(int(self.in_maintenance)))

    def start(self) -> None:
        """What is said before the first run."""
        self._set("prober_consecutive_failures", "0")

    def see(self, verdict: Result, at: float) -> None:
        self.verdict, self.seen_at = verdict, at
        self.until = at + self.horizon

    def forget(self) -> None:
        """The last verdict is too old to be shown; its lines are for others to take away."""
        self.until, self.verdict, self.shown = inf, None, [None] * len(self.gauges)

    def write(self) -> None:
        """Replaces the lines that results change."""
        lines, name = self.lines, self.check.name
        for family, text in self.tally.texts():
            lines[family].put(name, text)
        row, verdict = self.row, self.verdict
        self.row = self.verdict = None
        if row is not None:
            self._stamp(row)
        if verdict is not None:
            self._show(verdict)

    def write_alerts(self) -> None:
        firing, muted = [], []
        for rule, severity in self.rules.items():
            label = label_pairs(alert=rule)
            more = label_pairs(alert=rule, severity=severity)
            on = int(rule in self.firing)
            firing.append(f"prober_alert_firing{{{self.labels},{more}}} {on}\n")
            muted.append(f"prober_alert_muted{{{self.labels},{label}}} {int(rule in self.muted)}\n")
        name = self.check.name
        self.lines["prober_alert_firing"].put(name, "".join(firing))
        self.lines["prober_alert_muted"].put(name, "".join(muted))

    def _stamp(self, row: Row) -> None:
        self._set("prober_consecutive_failures", str(row.consecutive_failures))
        if row.last_run_at is not None:
            self._set("prober_last_run_timestamp_seconds", number(row.last_run_at))
        if row.last_success_at is not None:
            self._set("prober_last_success_timestamp_seconds", number(row.last_success_at))

    def _show(self, result: Result) -> None:
        """Replaces the gauges of the last result."""
        name, labels, shown = self.check.name, self.labels, self.shown
        self._set("probe_success", "1" if result.outcome is Outcome.UP else "0")
        self._set("probe_duration_seconds", number(result.seconds))
        self._set("probe_timeout_seconds", number(self.check.timeout))
        for place, (read, lines, family) in enumerate(self.gauges):
            pairs = read(result)
            if pairs == shown[place]:  # most facts are what they were, and writing is the dear part
                continue
            # Several of one gauge (phases) are never twice the same: not worth keeping.
            shown[place] = _one_of_many(tuple(pairs)) if len(pairs) < 2 else None
            start = f"{family}{{{labels}"
            texts = [f"{start}{',' * bool(m)}{m}}} {number(value)}\n" for m, value in pairs]
            lines.put(name, "".join(texts))

    def _set(self, family: str, value: str) -> None:
        self.lines[family].put(self.check.name, f"{family}{{{self.labels}}} {value}\n")
