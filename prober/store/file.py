"""How the SQLite file is opened and written to, and what its errors mean.

Whatever a commit has returned from survives kill -9: in WAL mode the pages are
with the kernel by then. A power cut may take the last commits made with
`synchronous=NORMAL` (never the consistency of the file); so those that hold
deliveries, which are rare, are made with FULL and wait for the disk.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from prober.errors import StartError
from prober.store import history, hours, outbox, records

BUSY = 2.0  # seconds to wait for a lock that somebody's sqlite3 shell holds
# By user_version; never edited, only added to.
MIGRATIONS = ((*history.SCHEMA, *outbox.SCHEMA), (*records.SCHEMA, *hours.SCHEMA))
PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -8192",
)

CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})
REFUSED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_OF_A_ROW = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_RANGE,
    }
)
_MEANINGS = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_BUSY: "another program has locked it; close that program",
    sqlite3.SQLITE_LOCKED: "another program has locked it; close that program",
    sqlite3.SQLITE_CORRUPT: "it is corrupt",
    sqlite3.SQLITE_NOTADB: "it is corrupt",
    sqlite3.SQLITE_READONLY: "it cannot be written; make it writable",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; is its folder there and writable?",
    sqlite3.SQLITE_IOERR: "the disk fails",
}


def opened(path: Path) -> sqlite3.Connection:
    """A connection for one writing thread, with today's schema.

    Raises sqlite3.Error, OSError, and StartError for a file of a newer prober.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "not writable", str(path))
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    with ExitStack() as undo:
        undo.callback(connection.close)
        for pragma in PRAGMAS:
            connection.execute(pragma)
        _migrate(connection, path)
        undo.pop_all()
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, *, durable: bool = False) -> Iterator[None]:
    """All or nothing; `durable` also waits for the disk."""
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where the error is Python's own (a value it cannot bind)."""
    extended: int = getattr(error, "sqlite_errorcode", 0)
    return extended & 0xFF


def is_of_a_row(error: Exception) -> bool:
    """Whether one row is to blame, and not the file or the disk."""
    return not isinstance(error, sqlite3.Error) or code(error) in _OF_A_ROW | {0}


def meaning(path: Path, error: sqlite3.Error) -> str:
    """For people."""
    found = _MEANINGS.get(code(error))
    return f"cannot use {path}: {found} ({error})" if found else f"cannot use {path}: {error}"


def as_if_of_today(connection: sqlite3.Connection) -> None:
    """For reading a file that cannot be brought up to date: what it lacks is shown as empty."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 1:
        for statement in ("PRAGMA temp_store = MEMORY", *records.AS_BEFORE):
            connection.execute(statement)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StartError(
            f"{path} was written by a newer prober (schema {version}, this one knows "
            f"{len(MIGRATIONS)}); upgrade prober or choose another data_dir"
        )
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        with transaction(connection, durable=True):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
