"""How alert states are kept, and what is still to be said to whom.

Both are written in one transaction, so that an incident and the notices about
it exist together or not at all.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from prober.alerts.notice import Delivery, Notice, incident_key
from prober.alerts.state import AlertState, Key
from prober.store.history import Row

log = logging.getLogger(__name__)

SCHEMA = (
    """CREATE TABLE alert_states (
        check_name TEXT NOT NULL, rule TEXT NOT NULL, incident TEXT, state TEXT NOT NULL,
        PRIMARY KEY (check_name, rule)) WITHOUT ROWID""",
    """CREATE TABLE deliveries (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, incident TEXT NOT NULL,
        notifier TEXT NOT NULL, notice TEXT NOT NULL, created_at REAL NOT NULL,
        status TEXT NOT NULL DEFAULT 'pending', done_at REAL, error TEXT)""",
    "CREATE INDEX deliveries_pending ON deliveries (seq) WHERE status = 'pending'",
    "CREATE INDEX deliveries_to_forget ON deliveries (done_at) WHERE status <> 'pending'",
)
UPSERT_STATE = """INSERT INTO alert_states (check_name, rule, incident, state) VALUES (?, ?, ?, ?)
    ON CONFLICT (check_name, rule)
    DO UPDATE SET incident = excluded.incident, state = excluded.state"""
DELETE_STATE = "DELETE FROM alert_states WHERE check_name = ? AND rule = ?"
INSERT_DELIVERY = """INSERT INTO deliveries (id, incident, notifier, notice, created_at)
    VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"""
# The two with which a file is brought to what is true now, whatever it held.
DELETE_STATES = "DELETE FROM alert_states"
CLOSE_DELIVERIES = """UPDATE deliveries SET status = 'dead', done_at = ?,
    error = iif(status = 'claimed', 'interrupted: not run again',
        'it was settled while this file was not in use')
    WHERE status IN ('pending', 'claimed')"""
OPEN_DELIVERY = """INSERT INTO deliveries (id, incident, notifier, notice, created_at)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET status = 'pending', done_at = NULL, error = NULL"""
MARK_DELIVERY = """UPDATE deliveries SET status = ?, done_at = ?, error = ?,
    answer = coalesce(?, answer) WHERE id = ? AND status IN ('pending', 'claimed')"""

# What was said of an incident that still burns is kept: after a restart it is said again
# to receivers that have to be reminded. Ends with the limit of one step.
FORGET_DELIVERIES = """DELETE FROM deliveries WHERE seq IN
    (SELECT seq FROM deliveries WHERE status <> 'pending' AND done_at < ? AND incident NOT IN
        (SELECT incident FROM alert_states WHERE incident IS NOT NULL) LIMIT ?)"""

_PENDING = """SELECT id, notifier, notice, created_at FROM deliveries
    WHERE status = 'pending' ORDER BY seq"""
_CLAIMED = """SELECT id, notifier, notice, created_at FROM deliveries
    WHERE status = 'claimed' ORDER BY seq"""
# A reminder that was given up takes nothing back; a resolution does, even if nobody took it.
# What is over without a word of it (its notifier was out of the config) is not said again.
_BURNING = "(SELECT incident FROM alert_states WHERE incident IS NOT NULL)"
_LAST = f"""SELECT id, notifier, notice, created_at FROM deliveries
    WHERE status NOT IN ('dead', 'superseded')
        AND (id LIKE '%/resolved/%' OR incident IN {_BURNING})
        AND seq IN (SELECT max(seq) FROM deliveries
            WHERE (status NOT IN ('dead', 'superseded') OR id LIKE '%/resolved/%')
                AND (created_at > ? OR incident IN {_BURNING})
            GROUP BY incident, notifier)
    ORDER BY seq"""  # noqa: S608 - the line above

CLAIMED = "claimed"

_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What became of a delivery: `status` is delivered, dead (given up), superseded, or not_run.

    A claimed one is being run, and never will be again. `answer` is what the
    receiver said to it: a receipt, or the output of a command.
    """

    id: str
    status: str
    at: float
    error: str = ""
    answer: str = ""


def state_row(key: Key, state: AlertState) -> Row:
    incident = incident_key(state) if state.firing else None
    return (*key, incident, _encode(state.to_json()))


def delivery_row(delivery: Delivery, texts: dict[int, str] | None = None) -> Row:
    """`texts` are those of notices that have one by now, by their identity."""
    notice, known = delivery.notice, {} if texts is None else texts
    if (text := known.get(id(notice))) is None:
        text = known[id(notice)] = _encode(notice.to_json())
    return (delivery.id, notice.key, delivery.notifier, text, delivery.created_at)


def delivery_rows(deliveries: Iterable[Delivery]) -> list[Callable[[], Row]]:
    """What several notifiers are told is one notice, whose text is made once."""
    texts: dict[int, str] = {}
    return [partial(delivery_row, one, texts) for one in deliveries]


def mark_row(mark: Mark) -> Row:
    done_at = None if mark.status == CLAIMED else mark.at
    return (mark.status, done_at, mark.error or None, mark.answer or None, mark.id)


def alert_states(connection: sqlite3.Connection) -> dict[Key, AlertState]:
    states = {}
    for check, rule, text in connection.execute("SELECT check_name, rule, state FROM alert_states"):
        try:
            states[check, rule] = AlertState.from_json(json.loads(text))
        except (ValueError, TypeError) as error:
            log.warning("left out the state of alert %s of %s: %s", rule, check, error)
    return states


def undelivered(connection: sqlite3.Connection) -> tuple[Delivery, ...]:
    """In the order in which they were made."""
    return tuple(_read(connection.execute(_PENDING)))


def interrupted(connection: sqlite3.Connection) -> tuple[Delivery, ...]:
    """What was being run when the agent ended."""
    return tuple(_read(connection.execute(_CLAIMED)))


def last_said(connection: sqlite3.Connection, since: float) -> tuple[Delivery, ...]:
    """The last delivery per incident and notifier, of incidents that fire or were heard of lately."""
    return tuple(_read(connection.execute(_LAST, (since,))))


def _read(rows: Iterable[tuple[str, str, str, float]]) -> Iterable[Delivery]:
    for id_, notifier, text, created_at in rows:
        try:
            notice = Notice.from_json(json.loads(text))
        except (ValueError, TypeError) as error:
            log.warning("left out delivery %s, which cannot be read: %s", id_, error)
            continue
        yield Delivery(id=id_, notifier=notifier, notice=notice, created_at=created_at)
