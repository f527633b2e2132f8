"""What an earlier life of the agent left in the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from prober.alerts.decisions import Mute
from prober.alerts.notice import Delivery
from prober.alerts.state import AlertState, Key
from prober.result import Result
from prober.store import file, history, outbox, records
from prober.store.history import CheckState

SAID_LATELY = 3600.0  # seconds; whoever repeats a resolution does so for less


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """All that an agent needs at its start; empty where nothing could be read."""

    states: Mapping[Key, AlertState] = field(default_factory=dict)  # by (check, rule)
    undelivered: tuple[Delivery, ...] = ()  # in the order in which they were made
    last: tuple[Delivery, ...] = ()  # the last one per incident and notifier, for resending
    results: Mapping[str, Result] = field(default_factory=dict)  # the last one by check
    verdicts: Mapping[str, Result] = field(default_factory=dict)  # the last that is up or down
    since: Mapping[str, CheckState] = field(default_factory=dict)  # since when it is that
    interrupted: tuple[Delivery, ...] = ()  # that were being run, and never will be again
    mutes: tuple[Mute, ...] = ()  # that are not over
    # By (incident key, notifier), of incidents that burn or whose end is yet to be told.
    receipts: Mapping[tuple[str, str], str] = field(default_factory=dict)


def alerts(connection: sqlite3.Connection, now: float) -> Loaded:
    """What must not be lost; `with_history` reads the rest."""
    return Loaded(
        states=outbox.alert_states(connection),
        undelivered=outbox.undelivered(connection),
        interrupted=outbox.interrupted(connection),
        last=outbox.last_said(connection, now - SAID_LATELY),
        mutes=records.mutes(connection, now),
        receipts=records.receipts(connection),
    )


def late(connection: sqlite3.Connection, now: float) -> Loaded:
    """What still counts when the agent has been running for a while."""
    return replace(alerts(connection, now), since=history.check_states(connection))


def with_history(connection: sqlite3.Connection, loaded: Loaded) -> Loaded:
    results = history.last_results(connection)
    return replace(
        loaded,
        results=results,
        verdicts=history.last_verdicts(connection, results),
        since=history.check_states(connection),
    )


def frozen(path: Path, now: float) -> Loaded:
    """Everything, from a file beside which nothing can be made, as on a full disk.

    Raises sqlite3.Error and OSError. With a log beside it only SQLite knows
    what is in the file; without one nobody is writing, and it can be read as it is.
    """
    log = Path(f"{path}-wal")
    untouched = not log.exists() or log.stat().st_size == 0
    mode = "immutable=1" if untouched else "mode=ro"
    address = f"{path.as_uri()}?{mode}"
    with closing(sqlite3.connect(address, uri=True, timeout=file.BUSY)) as connection:
        file.as_if_of_today(connection)
        return with_history(connection, alerts(connection, now))
