"""What is written together, and what is done about a row that cannot be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

from prober.alerts.decisions import Entry, Mute
from prober.alerts.notice import Delivery
from prober.alerts.records import Record
from prober.alerts.state import QUIET, AlertState, Key
from prober.result import Result
from prober.store import history, outbox, records
from prober.store.file import is_of_a_row, transaction
from prober.store.history import CheckState, Row
from prober.store.outbox import Mark

T = TypeVar("T")
# What a single row can raise while it is made into columns and bound.
ROW_FAULTS = (sqlite3.Error, ValueError, TypeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One transaction. Marks come last: they may be about deliveries of the same batch.

    With `whole` (the moment at which that was so) `states`, `deliveries` and
    `mutes` are all there are: what the file has besides is from another time, and
    over. `incidents` and `audit` are only ever added to. A mute that is None is over.
    """

    results: Sequence[Result] = ()
    checks: Sequence[CheckState] = ()
    states: Mapping[Key, AlertState] = field(default_factory=dict)
    deliveries: Sequence[Delivery] = ()
    marks: Sequence[Mark] = ()
    incidents: Sequence[Record] = ()
    mutes: Mapping[str, Mute | None] = field(default_factory=dict)
    audit: Sequence[Entry] = ()
    whole: float | None = None


class _Step(NamedTuple):
    """One statement and its rows. A row is made when it is written, which is off the loop."""

    what: str
    sql: str
    rows: list[Callable[[], Row]]


def write(connection: sqlite3.Connection, batch: Batch) -> tuple[str, ...]:
    """All of it in one transaction; what had to be left out, and why.

    Raises sqlite3.Error where it is not a row's fault; then nothing is written.
    """
    durable = _is_durable(batch)
    steps = _steps(batch)
    try:
        with transaction(connection, durable=durable):
            for step in steps:
                # A generator: the lock of the interpreter is let go between one row and the next.
                connection.executemany(step.sql, (row() for row in step.rows))
        return ()
    except ROW_FAULTS as error:
        if not is_of_a_row(error):
            raise
    with transaction(connection, durable=durable):
        return tuple(_one_by_one(connection, steps))


def _one_by_one(connection: sqlite3.Connection, steps: Sequence[_Step]) -> Iterator[str]:
    """A statement that fails by its row undoes itself, and the transaction goes on."""
    for step in steps:
        for row in step.rows:
            try:
                connection.execute(step.sql, row())
            except ROW_FAULTS as error:
                if not is_of_a_row(error):
                    raise
                yield f"{step.what}: {error}"


def _steps(batch: Batch) -> list[_Step]:
    moved = [item for item in batch.states.items() if item[1] != QUIET]
    quiet = [key for key, state in batch.states.items() if state == QUIET]
    whole = batch.whole is not None
    check = history.SET_CHECK if whole else history.UPSERT_CHECK
    delivery = outbox.OPEN_DELIVERY if whole else outbox.INSERT_DELIVERY
    marks = _Step("mark", outbox.MARK_DELIVERY, _rows(outbox.mark_row, batch.marks))
    steps = [
        *(_clean_slate(batch.whole, marks) if batch.whole is not None else ()),
        _Step("result", history.INSERT_RESULT, _rows(history.result_row, batch.results)),
        _Step("check state", check, _rows(history.check_row, batch.checks)),
        _Step("alert state", outbox.DELETE_STATE, _rows(_same, quiet)),
        _Step("alert state", outbox.UPSERT_STATE, [partial(outbox.state_row, *it) for it in moved]),
        _Step("delivery", delivery, outbox.delivery_rows(batch.deliveries)),
        marks,
        *_remembered(batch),
    ]
    return [step for step in steps if step.rows]


def _is_durable(batch: Batch) -> bool:
    """Whether a power cut must not take it: what is to be said, and what somebody was told is done."""
    claimed = any(mark.status == outbox.CLAIMED for mark in batch.marks)
    promised = batch.deliveries or batch.mutes or batch.audit
    return bool(promised) or claimed or batch.whole is not None


def _remembered(batch: Batch) -> list[_Step]:
    there = [mute for mute in batch.mutes.values() if mute is not None]
    over = [(id_,) for id_, mute in batch.mutes.items() if mute is None]
    closed = [] if batch.whole is None else [(batch.whole, batch.whole)]
    return [
        _Step("incident", records.UPSERT_INCIDENT, _rows(records.incident_row, batch.incidents)),
        _Step("incident", records.CLOSE_INCIDENTS, _rows(_same, closed)),
        _Step("mute", records.DELETE_MUTE, _rows(_same, over)),
        _Step("mute", records.UPSERT_MUTE, _rows(records.mute_row, there)),
        _Step("audit entry", records.INSERT_ENTRY, _rows(records.entry_row, batch.audit)),
    ]


def _clean_slate(moment: float, marks: _Step) -> list[_Step]:
    """Nothing fires and nothing is open, until the rows that follow say so.

    What is over is marked first, since only a mark knows why it is.
    """
    return [
        marks,
        _Step("delivery", outbox.CLOSE_DELIVERIES, _rows(_same, [(moment,)])),
        _Step("alert state", outbox.DELETE_STATES, _rows(_same, [()])),
        _Step("mute", records.DELETE_MUTES, _rows(_same, [()])),
    ]


def _rows(made: Callable[[T], Row], items: Iterable[T]) -> list[Callable[[], Row]]:
    return [partial(made, item) for item in items]


def _same(row: Row) -> Row:
    return row
