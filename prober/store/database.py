"""Where results, alert states and the outbox are kept, and what happens when they cannot be.

One SQLite file in `data_dir`, written by one thread of our own and read by
another, never on the loop that probes. When the file is gone (disk full,
locked, corrupt, removed) every call says so with a StoreError, and the next
one tries again, if need be with a new file: the caller keeps what it could not
write. A file other than the one it was using so far (new, or back from where it
was) takes nothing but the whole truth, which the store asks for with Renewed.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from prober.alerts.decisions import Entry
from prober.clock import Clock
from prober.errors import ProberError, StartError
from prober.result import Result
from prober.store import file, history, hours, outbox, read, records
from prober.store.batch import Batch, write
from prober.store.lock import Lock
from prober.store.read import Loaded
from prober.store.records import Listed, Story, Wanted
from prober.store.thread import Worker

log = logging.getLogger(__name__)

T = TypeVar("T")
DAY = 86400.0
# Age alone would let an agent of many checks fill the disk: a row takes about 1 kB.
RETENTION = (
    (history.FORGET_RESULTS, 7 * DAY, history.SURPLUS_RESULTS, 500_000),
    (history.FORGET_FAILURES, 30 * DAY, history.SURPLUS_FAILURES, 500_000),
    (outbox.FORGET_DELIVERIES, 30 * DAY, None, 0),
    (history.FORGET_CHECKS, 30 * DAY, None, 0),
    (records.FORGET_INCIDENTS, 730 * DAY, None, 0),
    (records.FORGET_AUDIT, 365 * DAY, None, 0),
    (records.FORGET_MUTES, 0.0, None, 0),
    (hours.FORGET_HOURS, 400 * DAY, hours.SURPLUS_HOURS, 2_000_000),
    (hours.FORGET_BUDGETS, 400 * DAY, None, 0),
)
PATIENCE = 5.0  # seconds, for each of the steps of a start, that a disk gets to answer
STEP = 500  # rows forgotten in one transaction, so that commits get their turn in between


class StoreError(ProberError):
    """The store is gone for now; nothing was written."""


class Renewed(ProberError):
    """Nothing was written: it is another file than before, and wants a Batch that is `whole`.

    `unread` is what it holds, where that could not be read at the start.
    """

    def __init__(self, path: Path, unread: Loaded | None) -> None:
        super().__init__(f"{path} is not the file it was")
        self.unread = unread


class Store:
    def __init__(self, data_dir: Path, clock: Clock, lock: Lock) -> None:
        self._path = data_dir.absolute() / "prober.db"
        self._clock = clock
        self._lock = lock
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._used = False  # something was read or written, so that another file is another story
        self._other = False  # the connection is to a file that the whole truth is not yet in
        self._unread = False  # the load at the start failed: it may hold incidents
        self._found: Loaded | None = None  # by a load that may still be about the history
        self._writer = Worker("store-writer")
        self._reader = Worker("store-reader")

    @classmethod
    def open(cls, data_dir: Path, clock: Clock) -> Store:
        """Raises StartError: in use, not writable, or written by a newer prober.

        What passes (a full disk, a lock, a disk that does not answer) is no
        reason not to probe: each commit tries again. Only who else uses the
        folder has to be known.
        """
        store = cls(data_dir, clock, _locked(data_dir))
        try:
            store._writer.do_within(PATIENCE, store._try)
        except TimeoutError:
            log.error("started without history and alert states: %s", store._silence)  # noqa: TRY400 - the message says it all
        except StoreError as error:
            reason = error.__cause__
            if not isinstance(reason, sqlite3.Error) or file.code(reason) in file.REFUSED:
                store._lock.release()
                raise StartError(str(error)) from error
            log.error("started without history and alert states: %s", error)  # noqa: TRY400 - as above
        return store

    async def load(self) -> Loaded:
        """Never fails: what cannot be read, or not in time, is left out, and logged."""
        self._found = None
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._writer.do(self._load)
        except TimeoutError:
            log.error("not everything could be read: %s", self._silence)  # noqa: TRY400 - as above
            if self._found is None:
                self._unread = True  # the next commit finds it so, and reads it before it writes
                return Loaded()
            return self._found

    async def commit(self, batch: Batch) -> tuple[str, ...]:
        """Write all of it in one transaction. Raises StoreError, and then nothing is written.

        A row that can never be written is left out; the answer says which and why.
        """
        return await self._writer.do(partial(self._commit, batch))

    async def recent(self, check: str, limit: int = 100) -> list[Result]:
        """The newest first. Raises StoreError."""
        return await self.ask(partial(history.recent, check=check, limit=limit))

    async def incidents(self, wanted: Wanted) -> list[Listed]:
        """The newest first. Raises StoreError."""
        return await self.ask(partial(records.incidents, wanted=wanted))

    async def story(self, known: str) -> Story | None:
        """One incident, by its id, six or more digits of it, or its key. Raises StoreError."""
        return await self.ask(partial(records.story, known=known))

    async def audit(self, limit: int) -> list[Entry]:
        """The newest first. Raises StoreError."""
        return await self.ask(partial(records.entries, limit=limit))

    async def ask(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What is in the file, read beside whoever writes. Raises StoreError."""
        return await self._reader.do(partial(self._read_only, query))

    async def prune(self) -> None:
        """Forget what is old, in small steps between which commits go on. Raises StoreError."""
        for sql, age, surplus, most in RETENTION:
            before = self._clock.now() - age
            if surplus is not None:
                newest = partial(history.moment, query=surplus, offset=most - 1)
                before = max(before, await self.ask(newest))
            while await self.write(partial(_forget, sql=sql, before=before)) == STEP:
                pass

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction beside the commits. Raises StoreError, and then nothing is written."""
        return await self._writer.do(partial(self._write, change))

    async def close(self, seconds: float = 1.0) -> None:
        """Waits no longer than that for a disk that does not answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._writer.do(self._drop)
        self._writer.stop()
        self._reader.stop()
        self._lock.release()

    def _try(self) -> None:
        with self._guarded():
            self._connected()

    @property
    def _silence(self) -> str:
        return f"{self._path} has not answered for {PATIENCE:g} s"

    def _commit(self, batch: Batch) -> tuple[str, ...]:
        with self._guarded():
            connection = self._connected()
            if self._unread:
                unread = read.late(connection, self._clock.now())
                self._unread, self._other = False, True
                raise Renewed(self._path, unread)
            if self._other and batch.whole is None:
                raise Renewed(self._path, None)
            dropped = write(connection, batch)
            self._used, self._other = True, False
            return dropped

    def _load(self) -> Loaded:
        """Alert states first: they are read even where the history is damaged."""
        now = self._clock.now()
        try:
            with self._guarded():
                connection = self._connected()
                self._found = loaded = read.alerts(connection, now)
        except StoreError as error:
            self._used = True
            return self._load_frozen(error, now)
        self._used = True
        try:
            with self._guarded():
                return read.with_history(connection, loaded)
        except StoreError as error:
            log.error("history could not be read: %s", error)  # noqa: TRY400 - as above
            return loaded

    def _load_frozen(self, error: StoreError, now: float) -> Loaded:
        """From a file that cannot be used for now, but perhaps be looked at."""
        try:
            loaded = read.frozen(self._path, now)
        except (sqlite3.Error, OSError):
            self._unread = True
            log.error("alert states could not be read, to be taken up later: %s", error)  # noqa: TRY400 - as above
            return Loaded()
        log.warning("alert states were read from a file that cannot be used: %s", error)
        return loaded

    def _read_only(self, query: Callable[[sqlite3.Connection], T]) -> T:
        # Its own connection: reading neither waits for the writer nor makes it wait.
        address = f"{self._path.as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=file.BUSY)) as connection:
                return query(connection)
        except sqlite3.Error as error:
            raise StoreError(file.meaning(self._path, error)) from error

    def _write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        with self._guarded():
            connection = self._connected()
            with file.transaction(connection):
                return change(connection)

    def _connected(self) -> sqlite3.Connection:
        """The connection; made anew where the last one was lost."""
        if self._connection is not None:
            # Where somebody removed the file, SQLite would write on into what nobody finds again.
            if self._inode != self._path.stat().st_ino:
                raise FileNotFoundError(2, "it was replaced while in use", str(self._path))
            return self._connection
        self._lock.renew()
        try:
            self._connection = file.opened(self._path)
        except sqlite3.DatabaseError as error:
            if file.code(error) not in file.CORRUPT:
                raise
            self._set_aside(error)
            self._connection = file.opened(self._path)
        self._inode = self._path.stat().st_ino
        self._other = self._used
        return self._connection

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turns whatever means that the store is gone into a StoreError, ready for another try."""
        try:
            yield
        except sqlite3.Error as error:
            if file.code(error) not in file.PASSING:
                self._drop()
            if file.code(error) in file.CORRUPT:
                self._set_aside(error)
            raise StoreError(file.meaning(self._path, error)) from error
        except StartError as error:
            raise StoreError(str(error)) from error
        except OSError as error:
            self._drop()
            raise StoreError(f"cannot use {self._path}: {error.strerror}") from error

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Keep what is corrupt for whoever wants to look at it, and make room for a new one."""
        stamp = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = f"{self._path}.corrupt-{stamp}"
        for suffix in ("-wal", "-shm", ""):
            with suppress(OSError):
                Path(f"{self._path}{suffix}").rename(f"{aside}{suffix}")
        log.error("%s is corrupt (%s): moved to %s, begun anew", self._path, error, aside)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _forget(connection: sqlite3.Connection, sql: str, before: float) -> int:
    return connection.execute(sql, (before, STEP)).rowcount


def _locked(data_dir: Path) -> Lock:
    """Raises StartError, also where the disk does not answer: who else is there cannot be known."""
    worker = Worker("store-lock")
    try:
        return worker.do_within(PATIENCE, partial(Lock, data_dir))
    except TimeoutError:
        raise StartError(
            f"data_dir {data_dir} has not answered for {PATIENCE:g} s; "
            "see to its disk or choose another data_dir"
        ) from None
    finally:
        worker.stop()
