"""Earlier runs, as the rules that look back are given them."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from prober.alerts.past import Ran
from prober.result import Budget, Reason, Result
from prober.store import file, history, past
from tests.alerts.samples import DOWN, UNKNOWN, UP, result
from tests.fake_clock import NOON

SPENT = Budget(budget="lcp", page="checkout", limit=2.5, actual=3.0, ok=False)


def insert(connection: sqlite3.Connection, *results: Result) -> None:
    connection.executemany(history.INSERT_RESULT, map(history.result_row, results))


def test_the_runs_of_a_check_are_read_back_the_oldest_first(
    connection: sqlite3.Connection,
) -> None:
    slow = result(DOWN, at=NOON + 60, reason=Reason.LATENCY)._replace(seconds=2.5)
    insert(connection, result(UNKNOWN, at=NOON + 120), slow, result(UP, at=NOON))
    insert(connection, result(UP, at=NOON, check="other"))

    assert past.runs(connection, "api", NOON, NOON + 999) == [
        Ran(NOON + 0.1, UP, None, 0.1),
        Ran(NOON + 62.5, DOWN, Reason.LATENCY, 2.5, message="status 503, expected 2xx"),
        Ran(NOON + 120.1, UNKNOWN, Reason.INTERNAL, 0.1),
    ]


def test_only_those_since_then_and_before_this_life_are_read(
    connection: sqlite3.Connection,
) -> None:
    insert(connection, *(result(UP, at=NOON + second) for second in range(5)))

    found = past.runs(connection, "api", NOON + 1, NOON + 3)
    assert [run.at for run in found] == [NOON + 1.1, NOON + 2.1]
    assert past.runs(connection, "gone", 0, NOON + 9) == []


def test_runs_in_maintenance_are_left_out(connection: sqlite3.Connection) -> None:
    within = result(DOWN, at=NOON + 1)._replace(maintenance="weekly")
    insert(connection, result(UP, at=NOON), within, result(UP, at=NOON + 2))

    assert [run.outcome for run in past.runs(connection, "api", 0, NOON + 9)] == [UP, UP]


def test_budgets_are_read_where_they_are_asked_for(connection: sqlite3.Connection) -> None:
    insert(connection, result(UP, at=NOON)._replace(budgets=(SPENT,)), result(UP, at=NOON + 1))

    plain, spent = (
        past.runs(connection, "api", 0, NOON + 9, budgets=budgets) for budgets in (False, True)
    )
    assert [run.budgets for run in plain] == [(), ()]
    assert [run.budgets for run in spent] == [(SPENT,), ()]


def test_what_a_newer_version_wrote_is_left_out_and_said_once(
    connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    insert(connection, result(UP, at=NOON), result(DOWN, at=NOON + 1), result(DOWN, at=NOON + 2))
    connection.execute("UPDATE results SET reason = 'gremlins' WHERE outcome = 'down'")

    with caplog.at_level(logging.WARNING):
        found = past.runs(connection, "api", 0, NOON + 9)
    assert [run.outcome for run in found] == [UP]
    assert [one.getMessage() for one in caplog.records] == [
        "left out 2 earlier runs of api that cannot be read"
    ]


def test_no_other_check_is_looked_at(connection: sqlite3.Connection) -> None:
    steps = list[str]()
    connection.set_trace_callback(steps.append)
    past.runs(connection, "api", 0, NOON)
    connection.set_trace_callback(None)

    (plan,) = connection.execute(f"EXPLAIN QUERY PLAN {steps[0]}").fetchall()
    assert (
        "USING INDEX results_by_check (check_name=? AND started_at>? AND started_at<?)" in plan[3]
    )


def test_a_file_of_the_schema_before_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as old:
        for statement in (*file.MIGRATIONS[0], "PRAGMA user_version = 1"):
            old.execute(statement)
        old.execute(
            "INSERT INTO results (check_name, started_at, run_id, outcome, seconds, detail)"
            " VALUES ('api', ?, 'r', 'up', 0.5, '{}')",
            (NOON,),
        )
        old.commit()

    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        file.as_if_of_today(connection)
        assert past.runs(connection, "api", 0, NOON + 9) == [Ran(NOON + 0.5, UP, None, 0.5)]
