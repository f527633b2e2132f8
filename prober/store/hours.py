"""What is kept of the runs of each hour, long after the runs themselves are forgotten?

Gathered in memory and added to the file now and then: what a kill takes is
missing in reports, and in nothing else. Hours are those of UTC, in Unix seconds
at which they begin; a run belongs to the hour in which it began.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from prober.alerts.figures import EDGES, Figures
from prober.result import Result

HOUR = 3600
MOST = 50_000  # hours of checks that wait for a store that is gone; the oldest go first

_COUNTS = ("up", "down", "unknown", "maintenance", "degraded")
_BUCKETS = tuple(f"d{at}" for at in range(len(EDGES) + 1))
_SUMS = (*_COUNTS, "seconds", *_BUCKETS)
# By time first: what is read is a period, what is written the end, what is forgotten the beginning.
SCHEMA = (
    f"""CREATE TABLE hours (
        hour INTEGER NOT NULL, check_name TEXT NOT NULL,
        {", ".join(f"{name} {'REAL' if name == 'seconds' else 'INTEGER'} NOT NULL" for name in _SUMS)},
        PRIMARY KEY (hour, check_name)) WITHOUT ROWID""",
    """CREATE TABLE hours_budgets (
        hour INTEGER NOT NULL, check_name TEXT NOT NULL, budget TEXT NOT NULL,
        broken INTEGER NOT NULL, PRIMARY KEY (hour, check_name, budget)) WITHOUT ROWID""",
)
# Both end with the limit of one step.
FORGET_HOURS = """DELETE FROM hours WHERE (hour, check_name) IN
    (SELECT hour, check_name FROM hours WHERE hour < ? ORDER BY hour LIMIT ?)"""
FORGET_BUDGETS = """DELETE FROM hours_budgets WHERE (hour, check_name, budget) IN
    (SELECT hour, check_name, budget FROM hours_budgets WHERE hour < ? ORDER BY hour LIMIT ?)"""
# Since when there are at most so many of them; no row where there are not.
SURPLUS_HOURS = "SELECT hour FROM hours ORDER BY hour DESC LIMIT 1 OFFSET ?"

_ADD = f"""INSERT INTO hours (hour, check_name, {", ".join(_SUMS)})
    VALUES (?, ?, {", ".join("?" for _ in _SUMS)})
    ON CONFLICT (hour, check_name) DO UPDATE SET
    {", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS)}"""  # noqa: S608 - our own columns
_ADD_BUDGET = """INSERT INTO hours_budgets (hour, check_name, budget, broken) VALUES (?, ?, ?, ?)
    ON CONFLICT (hour, check_name, budget) DO UPDATE SET broken = broken + excluded.broken"""
_READ = f"""SELECT check_name, {", ".join(f"sum({name})" for name in _SUMS)} FROM hours
    WHERE hour >= ? AND hour < ? GROUP BY check_name"""  # noqa: S608 - as before
_READ_BUDGETS = """SELECT check_name, budget, sum(broken) FROM hours_budgets
    WHERE hour >= ? AND hour < ? GROUP BY check_name, budget"""


class Hour(NamedTuple):
    """What is new of one check's hour."""

    begins: float
    check: str
    figures: Figures


class Hours:
    """Gathers what is new since it was last taken."""

    def __init__(self) -> None:
        self._now: dict[str, Hour] = {}  # by check
        self._past: deque[Hour] = deque(maxlen=MOST)

    def count(self, result: Result) -> None:
        """Called a thousand times a second on the loop that probes."""
        begins = result.started_at // HOUR
        one = self._now.get(result.check)
        if one is None or one[0] != begins:
            one = self._turn(begins, result.check)
        one[2].count(result)

    def take(self) -> list[Hour]:
        """What is to be written; `put_back` is to be given it if that fails."""
        taken = [*self._past, *self._now.values()]
        self._past.clear()
        self._now = {}
        return taken

    def put_back(self, taken: Sequence[Hour]) -> None:
        merged: dict[tuple[float, str], Hour] = {}
        for one in (*taken, *self._past):
            known = merged.setdefault(one[:2], one)
            if known is not one:
                known.figures.add(one.figures)
        self._past = deque(merged.values(), maxlen=MOST)

    def _turn(self, begins: float, check: str) -> Hour:
        """The check's first run of an hour, or since the last was taken."""
        if (old := self._now.get(check)) is not None:
            self._past.append(old)
        new = self._now[check] = Hour(begins, check, Figures())
        return new


def write(connection: sqlite3.Connection, taken: Sequence[Hour]) -> None:
    """Adds them to what is there."""
    connection.executemany(_ADD, map(_row, taken))
    connection.executemany(
        _ADD_BUDGET,
        (
            (int(one.begins) * HOUR, one.check, name, count)
            for one in taken
            for name, count in one.figures.budgets.items()
        ),
    )


def read(connection: sqlite3.Connection, since: float, until: float) -> dict[str, Figures]:
    """By check, of the hours that begin from `since` on and before `until`."""
    found: dict[str, Figures] = {}
    for check, *sums in connection.execute(_READ, (since, until)):
        up, down, unknown, maintenance, degraded, seconds, *durations = sums
        found[check] = Figures(
            up=up,
            down=down,
            unknown=unknown,
            maintenance=maintenance,
            degraded=degraded,
            seconds=seconds,
            durations=durations,
        )
    for check, budget, broken in connection.execute(_READ_BUDGETS, (since, until)):
        if check in found:
            found[check].budgets[budget] = broken
    return found


def _row(one: Hour) -> tuple[object, ...]:
    counts = (getattr(one.figures, name) for name in _COUNTS)
    its = one.figures
    return (int(one.begins) * HOUR, one.check, *counts, its.seconds, *its.durations)
