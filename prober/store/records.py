"""How incidents, mutes and the audit log are kept, read back, and forgotten.

An incident is written in the transaction of the state that made it, and over
again whenever that moves: what a later record leaves empty stays as it was.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import TypeAdapter

from prober.alerts.decisions import Entry, Mute
from prober.alerts.records import Record
from prober.result import Result
from prober.store import history
from prober.store.history import Row

log = logging.getLogger(__name__)

SCHEMA = (
    "ALTER TABLE deliveries ADD COLUMN answer TEXT",
    "ALTER TABLE results ADD COLUMN maintenance TEXT",
    "CREATE INDEX deliveries_by_incident ON deliveries (incident)",
    """CREATE TABLE incidents (
        id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, check_name TEXT NOT NULL, rule TEXT NOT NULL,
        fired_at REAL NOT NULL, resolved_at REAL, record TEXT NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX incidents_by_time ON incidents (fired_at)",
    "CREATE INDEX incidents_by_check ON incidents (check_name, fired_at)",
    "CREATE INDEX incidents_open ON incidents (fired_at) WHERE resolved_at IS NULL",
    """CREATE TABLE mutes (
        id TEXT PRIMARY KEY, ends_at REAL NOT NULL, mute TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE audit (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at REAL NOT NULL, who TEXT NOT NULL,
        did TEXT NOT NULL, what TEXT NOT NULL, why TEXT NOT NULL)""",
    "CREATE INDEX audit_by_time ON audit (at)",
)
# Over a file of the schema before, to be read only.
AS_BEFORE = (
    "CREATE TEMP VIEW deliveries AS SELECT *, NULL AS answer FROM main.deliveries",
    "CREATE TEMP VIEW results AS SELECT *, NULL AS maintenance FROM main.results",
    "CREATE TEMP TABLE mutes (id TEXT, ends_at REAL, mute TEXT)",
)
UPSERT_INCIDENT = """INSERT INTO incidents
    (id, key, check_name, rule, fired_at, resolved_at, record) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        resolved_at = coalesce(excluded.resolved_at, resolved_at),
        record = json_patch(record, excluded.record)"""
# With the whole truth: what nobody holds for burning any more is over, whenever that was.
CLOSE_INCIDENTS = """UPDATE incidents SET resolved_at = ?,
    record = json_set(record, '$.resolved_at', ?,
        '$.because', 'it was settled while this file was not in use')
    WHERE resolved_at IS NULL
        AND key NOT IN (SELECT incident FROM alert_states WHERE incident IS NOT NULL)"""
UPSERT_MUTE = """INSERT INTO mutes (id, ends_at, mute) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET ends_at = excluded.ends_at, mute = excluded.mute"""
DELETE_MUTE = "DELETE FROM mutes WHERE id = ?"
DELETE_MUTES = "DELETE FROM mutes"
INSERT_ENTRY = """INSERT INTO audit (id, at, who, did, what, why) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO NOTHING"""

# All end with the limit of one step.
FORGET_INCIDENTS = """DELETE FROM incidents WHERE id IN
    (SELECT id FROM incidents WHERE resolved_at IS NOT NULL AND fired_at < ? LIMIT ?)"""
FORGET_AUDIT = "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at < ? LIMIT ?)"
FORGET_MUTES = "DELETE FROM mutes WHERE id IN (SELECT id FROM mutes WHERE ends_at < ? LIMIT ?)"

# Of incidents that burn, and of those whose end somebody has yet to hear of.
# That a command was not run is the last word only where it never was; one that was interrupted was.
_RECEIPTS = """SELECT incident, notifier, coalesce(answer, error) FROM deliveries
    WHERE (answer IS NOT NULL AND status = 'delivered' OR status = 'not_run'
            OR status = 'dead' AND error = 'interrupted: not run again') AND incident IN
        (SELECT incident FROM alert_states WHERE incident IS NOT NULL
         UNION SELECT incident FROM deliveries WHERE status = 'pending')
    ORDER BY status <> 'not_run', seq"""
_TOLD = """SELECT notifier, json_extract(notice, '$.event'), status, created_at, done_at, error, answer
    FROM deliveries WHERE incident = ? ORDER BY seq DESC LIMIT ?"""
_HEARD = """SELECT incident, notifier, status, min(done_at) FROM deliveries
    WHERE incident IN (SELECT value FROM json_each(?))
    GROUP BY incident, notifier, status ORDER BY min(seq)"""
_RUN = f"""SELECT {history.COLUMNS} FROM results WHERE check_name = ? AND outcome = 'down'
    AND started_at BETWEEN ? AND ? ORDER BY started_at DESC LIMIT 1"""  # noqa: S608 - columns
LEAST = 6  # digits of an id, of which one incident may be known
_DIGITS = frozenset("0123456789abcdef")
_OPEN = frozenset({"pending", "claimed"})
MOST_TOLD = 500  # lines of what was said about one incident; the oldest are left out

_encode = json.JSONEncoder(separators=(",", ":")).encode
_MUTE = TypeAdapter(Mute)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What was said to one notifier, and what became of it."""

    notifier: str
    event: str
    status: str
    at: float
    done_at: float | None
    error: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """By name, what became of what was said to the notifiers; each is in one of the three."""

    told: tuple[str, ...] = ()  # accepted something
    untold: tuple[str, ...] = ()  # could be told nothing
    waiting: tuple[str, ...] = ()  # nothing yet
    at: float | None = None  # when the first of them accepted something


class Listed(NamedTuple):
    """`heard` is None where what was said is not known, or was forgotten."""

    record: Record
    heard: Heard | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One incident and all that is known about it."""

    record: Record
    told: tuple[Telling, ...] = ()
    run: Result | None = None  # the last failed one, while that is kept

    @property
    def heard(self) -> Heard | None:
        return heard(self.record, [(one.notifier, one.status, one.done_at) for one in self.told])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which incidents: None means any. The newest first."""

    firing: bool | None = None
    check: str | None = None
    limit: int = 100


def incident_row(record: Record) -> Row:
    its = (record.id, record.key, record.check, record.rule, record.fired_at, record.resolved_at)
    return (*its, _encode(record.to_json()))


def mute_row(mute: Mute) -> Row:
    return (mute.id, mute.ends_at, _MUTE.dump_json(mute).decode())


def entry_row(entry: Entry) -> Row:
    return (entry.id, entry.at, entry.who, entry.did, entry.what, entry.why)


def mutes(connection: sqlite3.Connection, now: float) -> tuple[Mute, ...]:
    """Those that are not over."""
    found = []
    for id_, text in connection.execute("SELECT id, mute FROM mutes WHERE ends_at > ?", (now,)):
        try:
            found.append(_MUTE.validate_json(text))
        except ValueError as error:
            log.warning("left out mute %s, which cannot be read: %s", id_, error)
    return tuple(found)


def receipts(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """The last answer by (incident key, notifier)."""
    return {(key, name): answer for key, name, answer in connection.execute(_RECEIPTS)}


def heard(record: Record, said: Sequence[tuple[str, str, float | None]]) -> Heard | None:
    """`said` are notifier, status and when that was; one notifier may come more than once."""
    if record.told and not said:
        return None
    became: dict[str, set[str]] = {}
    for name, status, _ in said:
        became.setdefault(name, set()).add(status)
    told = tuple(name for name, ends in became.items() if "delivered" in ends)
    waiting = tuple(name for name, ends in became.items() if name not in told and ends & _OPEN)
    moments = [at for _, status, at in said if status == "delivered" and at is not None]
    return Heard(
        told=told,
        untold=tuple(name for name in became if name not in (*told, *waiting)),
        waiting=waiting,
        at=min(moments, default=None),
    )


def incidents(connection: sqlite3.Connection, wanted: Wanted) -> list[Listed]:
    terms, values = ["1"], list[str | float]()
    if wanted.firing is not None:
        terms.append("resolved_at IS NULL" if wanted.firing else "resolved_at IS NOT NULL")
    if wanted.check is not None:
        terms.append("check_name = ?")
        values.append(wanted.check)
    query = f"""SELECT record FROM incidents WHERE {" AND ".join(terms)}
        ORDER BY fired_at DESC LIMIT ?"""  # noqa: S608 - of our own words
    found = list(_records(connection.execute(query, (*values, wanted.limit))))
    said: dict[str, list[tuple[str, str, float | None]]] = {}
    for key, *one in connection.execute(_HEARD, (_encode([its.key for its in found]),)):
        said.setdefault(key, []).append((one[0], one[1], one[2]))
    return [Listed(its, heard(its, said.get(its.key, ()))) for its in found]


def between(connection: sqlite3.Connection, since: float, until: float) -> list[Record]:
    """Those of which something lies in that time, in the order in which they fired."""
    query = """SELECT record FROM incidents
        WHERE fired_at < ? AND (resolved_at IS NULL OR resolved_at > ?) ORDER BY fired_at"""
    return list(_records(connection.execute(query, (until, since))))


def story(connection: sqlite3.Connection, known: str) -> Story | None:
    """By id, by the first six or more of its digits, or by its key; None where there is none."""
    record = _named(connection, known)
    if record is None:
        return None
    rows = connection.execute(_TOLD, (record.key, MOST_TOLD)).fetchall()
    told = tuple(
        Telling(
            notifier=notifier,
            event=event,
            status=status,
            at=at,
            done_at=done_at,
            error=error or "",
            answer=answer or "",
        )
        for notifier, event, status, at, done_at, error, answer in reversed(rows)
    )
    until = record.resolved_at or float("inf")
    between = (record.check, record.since or record.fired_at, until)
    runs = history.read(connection.execute(_RUN, between))
    return Story(record=record, told=told, run=runs[0] if runs else None)


def entries(connection: sqlite3.Connection, limit: int) -> list[Entry]:
    """The newest first."""
    rows = connection.execute(
        "SELECT id, at, who, did, what, why FROM audit ORDER BY seq DESC LIMIT ?", (limit,)
    )
    return [
        Entry(id=i, at=at, who=who, did=d, what=what, why=why) for i, at, who, d, what, why in rows
    ]


def _named(connection: sqlite3.Connection, known: str) -> Record | None:
    rows = connection.execute(
        "SELECT record FROM incidents WHERE id = ? OR key = ? LIMIT 1", (known, known)
    )
    found = list(_records(rows))
    if not found and len(known) >= LEAST and set(known) <= _DIGITS:
        rows = connection.execute(
            "SELECT record FROM incidents WHERE id BETWEEN ? AND ? LIMIT 2", (known, known + "g")
        )
        found = list(_records(rows))
    return found[0] if len(found) == 1 else None


def _records(rows: sqlite3.Cursor) -> Iterator[Record]:
    for (text,) in rows:
        try:
            yield Record.from_json(json.loads(text))
        except (ValueError, TypeError) as error:
            log.warning("left out an incident that cannot be read: %s", error)
