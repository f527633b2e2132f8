from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest

from prober.result import Assertion, Finding, Outcome, Reason, Result
from prober.store import history
from prober.store.history import CheckState
from tests.alerts.samples import DOWN, UNKNOWN, UP, result
from tests.fake_clock import NOON

FULL = Result(
    check="api",
    kind="http",
    region="eu-west-1",
    run_id="r1",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    started_at=NOON + 0.123456,
    seconds=0.0123456,
    attempts=3,
    finding=Finding.down(
        Reason.CERTIFICATE,
        'the certificate of "shop" expired 3 d ago',
        seconds=0.0119,
        assertions=(Assertion("status", "2xx", "503", False), Assertion("body", "ok", "ok", True)),
    ),
    labels={"team": "payments", "env": "prod"},
    phases={"resolve": 0.0, "connect": 1.5e-06, "tls": 0.004},
    facts={
        "status_code": 503,
        "http_ssl": True,
        "ratio": 0.25,
        "ip": "10.0.0.7",
        "cert_not_after": datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    },
)


def insert(connection: sqlite3.Connection, *results: Result) -> None:
    connection.executemany(history.INSERT_RESULT, map(history.result_row, results))


def test_a_result_comes_back_whole(connection: sqlite3.Connection) -> None:
    bare = result(UP, at=NOON + 1)
    insert(connection, FULL, bare)

    assert history.recent(connection, "api", 10) == [bare, FULL]
    (restored,) = history.recent(connection, "api", 10)[1:]
    assert restored.to_json() == FULL.to_json()
    assert [type(fact) for fact in restored.facts.values()] == [int, bool, float, str, datetime]


def test_a_message_with_half_a_surrogate_is_kept_as_far_as_it_can_be(
    connection: sqlite3.Connection,
) -> None:
    insert(connection, FULL._replace(finding=Finding.down(Reason.BODY, "bad \ud800 text")))

    (restored,) = history.recent(connection, "api", 1)
    assert restored.message == "bad ? text"
    assert restored.facts == FULL.facts


def test_writing_twice_is_writing_once(connection: sqlite3.Connection) -> None:
    insert(connection, FULL, FULL)
    insert(connection, FULL)

    assert len(history.recent(connection, "api", 10)) == 1


def test_two_runs_of_the_same_moment_are_two(connection: sqlite3.Connection) -> None:
    insert(connection, FULL, FULL._replace(run_id="r2"))

    assert len(history.recent(connection, "api", 10)) == 2


def test_recent_is_of_one_check_the_newest_first_and_bounded(
    connection: sqlite3.Connection,
) -> None:
    insert(connection, *(result(at=NOON + second) for second in (3, 1, 2)))
    insert(connection, result(check="other", at=NOON + 9))

    found = history.recent(connection, "api", 2)
    assert [one.started_at for one in found] == [NOON + 3, NOON + 2]


def test_the_last_result_and_the_last_verdict_of_each_check(
    connection: sqlite3.Connection,
) -> None:
    insert(connection, result(DOWN, at=NOON), result(UNKNOWN, at=NOON + 1))
    insert(connection, result(UNKNOWN, check="new"), result(UP, check="web"))

    last = history.last_results(connection)
    verdicts = history.last_verdicts(connection, last)

    assert {name: one.outcome for name, one in last.items()} == {
        "api": UNKNOWN,
        "new": UNKNOWN,
        "web": UP,
    }
    assert {name: one.outcome for name, one in verdicts.items()} == {"api": DOWN, "web": UP}
    assert verdicts["web"] is last["web"]


def test_an_empty_history_has_no_checks(connection: sqlite3.Connection) -> None:
    assert history.last_results(connection) == {}


def test_since_is_when_the_verdict_changed_not_when_it_was_last_seen(
    connection: sqlite3.Connection,
) -> None:
    for state, since in ((UP, 1.0), (UP, 2.0), (DOWN, 3.0), (DOWN, 4.0)):
        row = history.check_row(CheckState(check="api", state=state, since=since))
        connection.execute(history.UPSERT_CHECK, row)

    assert history.check_states(connection) == {
        "api": CheckState(check="api", state=Outcome.DOWN, since=3.0)
    }


def test_a_row_that_cannot_be_read_is_left_out_and_logged(
    connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    insert(connection, FULL, result(at=NOON + 5))
    connection.execute("UPDATE results SET reason = 'gremlins' WHERE run_id = 'r1'")

    assert len(history.recent(connection, "api", 10)) == 1
    assert "gremlins" in caplog.text


def test_failures_outlive_what_was_well(connection: sqlite3.Connection) -> None:
    insert(connection, result(UP, at=1.0), result(UNKNOWN, at=2.0), result(DOWN, at=3.0))
    insert(connection, result(UP, at=100.0), result(DOWN, at=101.0))

    assert connection.execute(history.FORGET_RESULTS, (50.0, 10)).rowcount == 2
    assert connection.execute(history.FORGET_FAILURES, (3.0, 10)).rowcount == 0
    assert connection.execute(history.FORGET_FAILURES, (50.0, 10)).rowcount == 1
    assert len(history.recent(connection, "api", 10)) == 2


@pytest.mark.parametrize("sql", [history.FORGET_RESULTS, history.FORGET_FAILURES])
def test_forgetting_reads_an_index_and_never_the_whole_table(
    connection: sqlite3.Connection, sql: str
) -> None:
    plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", (50.0, 10)).fetchall()

    assert any("to_forget" in row[3] for row in plan), plan
