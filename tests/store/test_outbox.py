from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from prober.alerts import notice
from prober.alerts.notice import Delivery, Ended, Links
from prober.alerts.state import AlertState
from prober.store import outbox
from prober.store.outbox import Mark
from tests.alerts.samples import rule
from tests.fake_clock import NOON


def fired(check: str = "api", incident: str = "run7") -> AlertState:
    labels = notice.identity("eu-west-1", check, "http", rule(), {})
    return AlertState(
        incident=incident, since=NOON, fired_at=NOON, notified_at=NOON, labels=labels, told=("ops",)
    )


def firing(state: AlertState, notifier: str = "ops") -> Delivery:
    return notice.delivery(notice.firing(state, Links()), notifier, 0)


def resolved(state: AlertState, notifier: str = "ops") -> Delivery:
    ended = notice.resolved(state, Links(), Ended(at=NOON + 60))
    return notice.delivery(ended, notifier, 0)


def insert(connection: sqlite3.Connection, *deliveries: Delivery) -> None:
    connection.executemany(outbox.INSERT_DELIVERY, map(outbox.delivery_row, deliveries))


def mark(connection: sqlite3.Connection, delivery: Delivery, status: str, at: float) -> None:
    row = outbox.mark_row(Mark(id=delivery.id, status=status, at=at))
    connection.execute(outbox.MARK_DELIVERY, row)


def keep(connection: sqlite3.Connection, state: AlertState, check: str = "api") -> None:
    connection.execute(outbox.UPSERT_STATE, outbox.state_row((check, "down"), state))


def test_a_state_comes_back_as_it_was(connection: sqlite3.Connection) -> None:
    keep(connection, AlertState(streak=2, since=NOON), check="web")
    keep(connection, AlertState(streak=1))
    keep(connection, fired())

    assert outbox.alert_states(connection) == {
        ("api", "down"): fired(),
        ("web", "down"): AlertState(streak=2, since=NOON),
    }


def test_a_state_that_cannot_be_read_is_left_out_and_logged(
    connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    keep(connection, fired())
    keep(connection, fired("web"), check="web")
    connection.execute("UPDATE alert_states SET state = '{' WHERE check_name = 'api'")

    assert list(outbox.alert_states(connection)) == [("web", "down")]
    assert "alert down of api" in caplog.text


def test_what_is_undelivered_comes_in_the_order_it_was_made(
    connection: sqlite3.Connection,
) -> None:
    state, other = fired(), fired(incident="a-later-run")
    made = (firing(state), firing(state, "mail"), resolved(state), firing(other))
    insert(connection, *made)
    mark(connection, made[0], "delivered", NOON)

    assert outbox.undelivered(connection) == made[1:]


def test_writing_a_delivery_again_does_not_send_it_again(connection: sqlite3.Connection) -> None:
    insert(connection, firing(fired()))
    mark(connection, firing(fired()), "delivered", NOON)
    insert(connection, firing(fired()))

    assert outbox.undelivered(connection) == ()


def test_the_first_mark_counts(connection: sqlite3.Connection) -> None:
    insert(connection, firing(fired()))
    mark(connection, firing(fired()), "dead", NOON)
    mark(connection, firing(fired()), "delivered", NOON + 1)

    status = connection.execute("SELECT status, done_at FROM deliveries").fetchone()
    assert status == ("dead", NOON)


def test_the_last_word_per_incident_and_notifier_is_kept_while_it_burns(
    connection: sqlite3.Connection,
) -> None:
    burning, over = fired(), fired("web")
    reminder = notice.delivery(notice.reminder(burning, Links()), "ops", 1)
    insert(connection, firing(burning), firing(burning, "mail"), reminder)
    insert(connection, firing(over), resolved(over))
    keep(connection, burning)

    assert outbox.last_said(connection, NOON + 10**6) == (firing(burning, "mail"), reminder)
    assert resolved(over) in outbox.last_said(connection, NOON + 30)
    assert firing(over) not in outbox.last_said(connection, NOON - 30)


def test_what_was_given_up_is_nobodys_last_word(connection: sqlite3.Connection) -> None:
    insert(connection, firing(fired()))
    mark(connection, firing(fired()), "dead", NOON)
    keep(connection, fired())

    assert outbox.last_said(connection, NOON) == ()


def test_a_reminder_that_was_given_up_leaves_the_firing_standing(
    connection: sqlite3.Connection,
) -> None:
    state = fired()
    reminder = notice.delivery(notice.reminder(state, Links()), "ops", 1)
    insert(connection, firing(state), reminder)
    mark(connection, reminder, "dead", NOON)
    keep(connection, state)

    assert outbox.last_said(connection, NOON) == (firing(state),)


def test_a_resolution_that_was_given_up_does_not_bring_the_firing_back(
    connection: sqlite3.Connection,
) -> None:
    over = fired()
    insert(connection, firing(over), resolved(over))
    mark(connection, resolved(over), "dead", NOON)

    assert outbox.last_said(connection, NOON - 30) == ()


def test_what_ended_without_a_word_is_not_said_again(connection: sqlite3.Connection) -> None:
    insert(connection, firing(fired()))
    mark(connection, firing(fired()), "delivered", NOON)

    assert outbox.last_said(connection, NOON - 30) == ()


def test_a_reminder_that_was_superseded_is_nobodys_last_word(
    connection: sqlite3.Connection,
) -> None:
    state = fired()
    reminder = notice.delivery(notice.reminder(state, Links()), "ops", 1)
    insert(connection, firing(state), reminder)
    mark(connection, reminder, "superseded", NOON)
    keep(connection, state)

    assert outbox.last_said(connection, NOON) == (firing(state),)


def test_old_deliveries_are_forgotten_unless_pending_or_still_burning(
    connection: sqlite3.Connection,
) -> None:
    burning, over, waiting = fired("api"), fired("web"), fired("dns")
    insert(connection, firing(burning), firing(over), firing(waiting))
    mark(connection, firing(burning), "delivered", NOON)
    mark(connection, firing(over), "delivered", NOON)
    keep(connection, burning)

    assert connection.execute(outbox.FORGET_DELIVERIES, (NOON, 10)).rowcount == 0
    assert connection.execute(outbox.FORGET_DELIVERIES, (NOON + 1, 10)).rowcount == 1
    keep(connection, replace(burning, incident=None))
    assert connection.execute(outbox.FORGET_DELIVERIES, (NOON + 1, 10)).rowcount == 1
    assert outbox.undelivered(connection) == (firing(waiting),)
