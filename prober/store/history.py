"""How results are kept, read back, and forgotten.

Columns are what is searched by; the rest of a result is one compact JSON
text. Failures are kept longer than what was well. Times are Unix seconds.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import TypeAlias

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, to_json

from prober.result import (
    Assertion,
    Budget,
    Evidence,
    Finding,
    Outcome,
    Reason,
    Result,
    Step,
    Visit,
    fact_from_json,
)

log = logging.getLogger(__name__)

Row: TypeAlias = "tuple[str | float | None, ...]"
_Columns: TypeAlias = "tuple[str, float, str, str, str | None, float, str, str | None]"

# The unique index is also what `recent` reads by. Each of the other two holds
# the rows that one retention applies to, so that pruning finds them without a scan.
SCHEMA = (
    """CREATE TABLE results (
        id INTEGER PRIMARY KEY, check_name TEXT NOT NULL, started_at REAL NOT NULL,
        run_id TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT, seconds REAL NOT NULL,
        detail TEXT NOT NULL)""",
    "CREATE UNIQUE INDEX results_by_check ON results (check_name, started_at, run_id)",
    "CREATE INDEX results_to_forget ON results (started_at) WHERE outcome <> 'down'",
    "CREATE INDEX failures_to_forget ON results (started_at) WHERE outcome = 'down'",
    """CREATE TABLE check_states (
        check_name TEXT PRIMARY KEY, state TEXT NOT NULL, since REAL NOT NULL) WITHOUT ROWID""",
)
INSERT_RESULT = """INSERT INTO results
    (check_name, started_at, run_id, outcome, reason, seconds, detail, maintenance)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (check_name, started_at, run_id) DO NOTHING"""
UPSERT_CHECK = """INSERT INTO check_states (check_name, state, since) VALUES (?, ?, ?)
    ON CONFLICT (check_name) DO UPDATE SET state = excluded.state, since = excluded.since
    WHERE state <> excluded.state"""
SET_CHECK = """INSERT INTO check_states (check_name, state, since) VALUES (?, ?, ?)
    ON CONFLICT (check_name) DO UPDATE SET state = excluded.state, since = excluded.since"""

# All end with the limit of one step. The comparisons must stay as the partial indexes have them.
FORGET_RESULTS = """DELETE FROM results WHERE id IN
    (SELECT id FROM results WHERE outcome <> 'down' AND started_at < ? LIMIT ?)"""
FORGET_FAILURES = """DELETE FROM results WHERE id IN
    (SELECT id FROM results WHERE outcome = 'down' AND started_at < ? LIMIT ?)"""
# A check that has left the config: its last result is forgotten by then.
FORGET_CHECKS = """DELETE FROM check_states WHERE check_name IN
    (SELECT check_name FROM check_states AS old WHERE since < ? AND NOT EXISTS
        (SELECT 1 FROM results WHERE results.check_name = old.check_name) LIMIT ?)"""

# Since when there are at most so many of them; no row where there are not.
SURPLUS_RESULTS = """SELECT started_at FROM results WHERE outcome <> 'down'
    ORDER BY started_at DESC LIMIT 1 OFFSET ?"""
SURPLUS_FAILURES = """SELECT started_at FROM results WHERE outcome = 'down'
    ORDER BY started_at DESC LIMIT 1 OFFSET ?"""

COLUMNS = "check_name, started_at, run_id, outcome, reason, seconds, detail, maintenance"
_RECENT = f"""SELECT {COLUMNS} FROM results WHERE check_name = ?
    ORDER BY started_at DESC LIMIT ?"""  # noqa: S608 - the columns are the line above
_VERDICT = f"""SELECT {COLUMNS} FROM results WHERE check_name = ? AND outcome <> 'unknown'
    ORDER BY started_at DESC LIMIT 1"""  # noqa: S608 - as before
# One step of the index per name; DISTINCT would read every row.
_NAMES = """WITH RECURSIVE names (name) AS (
    SELECT min(check_name) FROM results
    UNION ALL
    SELECT (SELECT min(check_name) FROM results WHERE check_name > name)
    FROM names WHERE name IS NOT NULL)
    SELECT name FROM names WHERE name IS NOT NULL"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckState:
    """A check's verdict and since when it is that; unknown runs do not change it."""

    check: str
    state: Outcome
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Detail:
    """What the columns leave out, and only where there is something to say: every row pays."""

    kind: str
    region: str
    traceparent: str
    attempts: int = 1
    message: str = ""
    measured: float | None = None
    assertions: tuple[tuple[str, str, str, bool], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str | bool | int | float] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    visits: tuple[Visit, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    budgets: tuple[Budget, ...] = ()
    skipped: tuple[str, ...] = ()


_DETAIL = TypeAdapter(_Detail)


def result_row(result: Result) -> Row:
    return (
        result.check,
        result.started_at,
        result.run_id,
        result.outcome.value,
        result.reason.value if result.reason else None,
        result.seconds,
        _detail(result),
        result.maintenance or None,
    )


def check_row(state: CheckState) -> Row:
    return (state.check, state.state.value, state.since)


def recent(connection: sqlite3.Connection, check: str, limit: int) -> list[Result]:
    """The newest first."""
    return read(connection.execute(_RECENT, (check, limit)))


def moment(connection: sqlite3.Connection, query: str, offset: int) -> float:
    """What one of the SURPLUS queries finds; 0.0 for nothing."""
    found = connection.execute(query, (offset,)).fetchone()
    return float(found[0]) if found else 0.0


def last_results(connection: sqlite3.Connection) -> dict[str, Result]:
    """The last result of each check."""
    found = (read(connection.execute(_RECENT, (name, 1))) for name in _names(connection))
    return {result.check: result for results in found for result in results}


def last_verdicts(connection: sqlite3.Connection, last: Mapping[str, Result]) -> dict[str, Result]:
    """The last result of each check that is up or down; mostly it is the `last` one."""
    verdicts = {}
    for name in _names(connection):
        known = last.get(name)
        if known is not None and known.outcome is not Outcome.UNKNOWN:
            verdicts[name] = known
        else:
            found = read(connection.execute(_VERDICT, (name,)))
            verdicts |= {result.check: result for result in found}
    return verdicts


def check_states(connection: sqlite3.Connection) -> dict[str, CheckState]:
    states = {}
    for name, word, since in connection.execute(
        "SELECT check_name, state, since FROM check_states"
    ):
        try:
            states[name] = CheckState(check=name, state=Outcome(word), since=float(since))
        except (ValueError, TypeError) as error:
            log.warning("left out since when %s is %r: %s", name, word, error)
    return states


def _names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute(_NAMES)]


def _detail(result: Result) -> str:
    finding = result.finding
    detail: dict[str, object] = {
        "kind": result.kind,
        "region": result.region,
        "traceparent": result.traceparent,
    }
    if result.attempts != 1:
        detail["attempts"] = result.attempts
    if finding.message:
        detail["message"] = finding.message
    if finding.seconds is not None:
        detail["measured"] = finding.seconds
    if finding.assertions:
        detail["assertions"] = [(a.what, a.expected, a.actual, a.ok) for a in finding.assertions]
    # Mappings as they are, the others by their fields: whatever is empty is left out.
    for name, mapping in (
        ("labels", result.labels),
        ("phases", result.phases),
        ("facts", result.facts),
        ("values", result.values),
    ):
        if mapping:
            detail[name] = dict(mapping)
    for name, told in (
        ("steps", result.steps),
        ("visits", result.visits),
        ("evidence", result.evidence),
        ("budgets", result.budgets),
    ):
        if told:
            detail[name] = [_told(one) for one in told]
    if result.skipped:
        detail["skipped"] = list(result.skipped)
    return _encoded(detail)


def _told(one: Step | Visit | Evidence | Budget) -> dict[str, object]:
    """What of it is not as it is by default."""
    pairs = ((place, getattr(one, place.name)) for place in fields(one))
    return {place.name: value for place, value in pairs if value != _default(place)}


def _default(place: Field[object]) -> object:
    return place.default if place.default_factory is MISSING else place.default_factory()


def _encoded(detail: Mapping[str, object]) -> str:
    try:
        # Six times as fast as json.dumps, which would be most of what a commit costs.
        return to_json(detail, inf_nan_mode="constants").decode()
    except PydanticSerializationError:  # half a surrogate pair, which some target sent
        text = json.dumps(detail, separators=(",", ":"), ensure_ascii=False, default=str)
        return text.encode(errors="replace").decode()


def read(rows: Iterable[_Columns]) -> list[Result]:
    """Of COLUMNS. A row that this version cannot read (a newer one wrote it) is left out."""
    results = []
    for row in rows:
        try:
            results.append(_restored(*row))
        except (ValueError, TypeError) as error:
            log.warning("left out a result of %s that cannot be read: %s", row[0], error)
    return results


def _restored(
    check: str,
    started_at: float,
    run_id: str,
    outcome: str,
    reason: str | None,
    seconds: float,
    detail: str,
    maintenance: str | None,
) -> Result:
    more = _DETAIL.validate_json(detail)
    return Result(
        check=check,
        kind=more.kind,
        region=more.region,
        run_id=run_id,
        traceparent=more.traceparent,
        started_at=started_at,
        seconds=seconds,
        attempts=more.attempts,
        finding=Finding(
            outcome=Outcome(outcome),
            reason=Reason(reason) if reason else None,
            message=more.message,
            seconds=more.measured,
            assertions=tuple(Assertion(*assertion) for assertion in more.assertions),
        ),
        labels=more.labels,
        phases=more.phases,
        facts={name: fact_from_json(name, fact) for name, fact in more.facts.items()},
        steps=more.steps,
        visits=more.visits,
        values=more.values,
        evidence=more.evidence,
        budgets=more.budgets,
        skipped=more.skipped,
        maintenance=maintenance or "",
    )
