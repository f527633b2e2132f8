"""What is the state of every check right now, and since when?

In memory only: the page and the API read it, history is the store's. A state
is the last verdict (up or down); a run that is `unknown` leaves it, unless
there has been no verdict for so long that the old one says nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from prober.check import Check
from prober.result import Outcome, Result

INTERVALS = 3  # without a verdict, after which the last one is out of date
AT_LEAST = 300.0  # seconds


def horizon(check: Check) -> float:
    """How many seconds a verdict of `check` may be shown as its present state."""
    return max(INTERVALS * check.interval, AT_LEAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInfo:
    """What is said about a check beside its results; `target` is scrubbed already."""

    kind: str
    target: str
    severity: str = ""
    device: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)  # the agent's and the check's


@dataclass(frozen=True, slots=True)
class Firing:
    severity: str
    since: float


@dataclass(slots=True)
class Row:
    """One check as it stands; times are Unix seconds. The board alone writes into it."""

    check: Check
    info: CheckInfo
    last: Result | None = None
    verdict: Result | None = None  # the last result that was up or down
    trouble: Result | None = None  # the last result that was not up
    state: Outcome | None = None
    since: float | None = None
    consecutive_failures: int = 0
    last_run_at: float | None = None
    last_success_at: float | None = None
    firing: dict[str, Firing] = field(default_factory=dict)  # by rule


class Board:
    """The rows, in the order in which their checks were added."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self.rows: Mapping[str, Row] = MappingProxyType(self._rows)

    def add(self, check: Check, info: CheckInfo) -> None:
        """A check that is new, or edited: of the same kind, it keeps what is known of it."""
        row = self._rows.get(check.name)
        if row is None or row.info.kind != info.kind:
            firing = row.firing if row else {}  # alerts have their own life: settle ends them
            self._rows[check.name] = Row(check, info, firing=firing)
        else:
            row.check, row.info = check, info

    def remove(self, name: str) -> None:
        self._rows.pop(name, None)

    def observe(self, result: Result) -> Row | None:
        """Enters a run's result; None where its check has been removed meanwhile."""
        row = self._rows.get(result.check)
        if row is None:
            return None
        at, outcome = result.started_at, result.finding.outcome
        row.last, row.last_run_at = result, at
        if outcome is Outcome.UNKNOWN:
            row.trouble = result
            if _outdated(row, at):
                _enter(row, Outcome.UNKNOWN, at)
            return row
        row.verdict = result
        if row.state is not outcome:
            _enter(row, outcome, at)
        if outcome is Outcome.UP:
            row.consecutive_failures = 0
            row.last_success_at = at
        else:
            row.consecutive_failures += 1
            row.trouble = result
        return row

    def restore(
        self,
        last: Result,
        verdict: Result | None,
        since: float | None,
        *,
        consecutive_failures: int | None = None,
        last_success_at: float | None = None,
    ) -> Row | None:
        """Enters what history knows; the last two where it knows more than these results."""
        row = self._rows.get(last.check)
        if row is None:
            return None
        row.last, row.verdict, row.last_run_at = last, verdict, last.started_at
        row.trouble = next((r for r in (last, verdict) if r and r.outcome is not Outcome.UP), None)
        shown = last if verdict is None or _outdated(row, last.started_at) else verdict
        row.state = shown.outcome
        row.since = shown.started_at if since is None else since
        down = verdict is not None and verdict.outcome is Outcome.DOWN
        row.consecutive_failures = (
            int(down) if consecutive_failures is None else consecutive_failures
        )
        row.last_success_at = last_success_at
        if last_success_at is None and verdict is not None and not down:
            row.last_success_at = verdict.started_at
        return row

    def alert(self, check: str, rule: str, severity: str, firing: bool, since: float) -> None:
        """Notes that a rule began to fire, or that it no longer does."""
        row = self._rows.get(check)
        if row is None:
            return
        if firing:
            row.firing[rule] = Firing(severity, since)
        else:
            row.firing.pop(rule, None)


def present(row: Row, now: float) -> tuple[Outcome | None, float | None]:
    """The state to be shown now, and since when; `unknown` once the last verdict is too old."""
    if row.state in (None, Outcome.UNKNOWN) or row.verdict is None or not _outdated(row, now):
        return row.state, row.since
    return Outcome.UNKNOWN, row.verdict.started_at


def _outdated(row: Row, at: float) -> bool:
    return row.verdict is None or at - row.verdict.started_at > horizon(row.check)


def _enter(row: Row, state: Outcome, at: float) -> None:
    if row.state is not state:
        row.state, row.since = state, at
