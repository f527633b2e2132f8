"""What the runs of an hour come to is kept long after the runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.alerts.figures import EDGES, Figures
from prober.result import Budget, Outcome, Result
from prober.store import hours
from prober.store.database import Store, StoreError
from prober.store.hours import HOUR, MOST, Hours
from tests.alerts.samples import DOWN, UNKNOWN, UP, result
from tests.fake_clock import FakeClock
from tests.store.test_database import opened

BEGIN = 1_700_000_000 // HOUR * HOUR
LATE = Budget(budget="duration", page="cart", limit=3.0, actual=4.0, ok=False)


def run(outcome: Outcome = UP, *, at: float = 0.0, check: str = "api") -> Result:
    return result(outcome, check=check, at=BEGIN + at)


def gathered(results: Iterable[Result]) -> Hours:
    one = Hours()
    for each in results:
        one.count(each)
    return one


def direct(results: Iterable[Result], since: float, until: float) -> dict[str, Figures]:
    """The same by looking at every run."""
    found: dict[str, Figures] = {}
    for one in results:
        if since <= one.started_at < until:
            found.setdefault(one.check, Figures()).count(one)
    return found


def test_what_is_written_in_parts_is_read_as_one(connection: sqlite3.Connection) -> None:
    hours.write(connection, gathered([run(), run(DOWN, at=10)]).take())
    hours.write(connection, gathered([run(UNKNOWN, at=20), run(at=3599)]).take())

    found = hours.read(connection, BEGIN, BEGIN + HOUR)

    assert (found["api"].up, found["api"].down, found["api"].unknown) == (2, 1, 1)
    assert found["api"].measured == 2


def test_broken_budgets_add_up(connection: sqlite3.Connection) -> None:
    for at in (0, 5, HOUR):
        broken = run(at=at)._replace(budgets=(LATE,))
        hours.write(connection, gathered([broken, broken]).take())

    found = hours.read(connection, BEGIN, BEGIN + 2 * HOUR)["api"]

    assert found.budgets == {"duration of cart": 6}
    assert found.degraded == 6


def test_an_hour_is_of_the_period_in_which_it_begins(connection: sqlite3.Connection) -> None:
    hours.write(connection, gathered([run(at=-1), run(), run(at=HOUR)]).take())

    assert hours.read(connection, BEGIN, BEGIN + HOUR)["api"].up == 1
    assert hours.read(connection, BEGIN - HOUR, BEGIN + 2 * HOUR)["api"].up == 3
    assert hours.read(connection, BEGIN + 2 * HOUR, BEGIN + 9 * HOUR) == {}


def test_what_was_taken_is_not_taken_again() -> None:
    one = gathered([run(), run(at=HOUR)])

    assert [each.begins for each in one.take()] == [BEGIN // HOUR, BEGIN // HOUR + 1]
    assert one.take() == []


def test_what_could_not_be_written_waits_and_is_written_once(
    connection: sqlite3.Connection,
) -> None:
    one = gathered([run(), run(DOWN, at=HOUR)])
    taken = one.take()
    one.count(run(at=5))
    one.count(run(DOWN, at=HOUR + 5))
    one.put_back(taken)
    hours.write(connection, one.take())

    found = hours.read(connection, BEGIN, BEGIN + 2 * HOUR)["api"]
    assert (found.up, found.down) == (2, 2)


def test_what_waits_for_a_store_that_is_gone_has_an_end() -> None:
    one = Hours()
    for at in range(MOST + 100):
        one.count(run(at=at * HOUR))

    taken = one.take()

    assert len(taken) == MOST + 1
    assert taken[-1].begins == BEGIN // HOUR + MOST + 99


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([UP, DOWN, UNKNOWN]),
            st.integers(0, 5 * HOUR),
            st.sampled_from(["api", "web"]),
            st.sampled_from([0.001, 0.25, 7.0, 500.0]),
            st.booleans(),
            st.booleans(),
        ),
        max_size=40,
    ),
    st.integers(1, 7),
    st.integers(0, 5),
)
def test_a_period_is_what_its_runs_are(
    given_: list[tuple[Outcome, int, str, float, bool, bool]], every: int, first: int
) -> None:
    """However often it is written meanwhile, and in whatever order they come."""
    runs = [
        run(outcome, at=at, check=check)._replace(
            seconds=seconds,
            budgets=(LATE,) if broken else (),
            maintenance="weekly" if window else "",
        )
        for outcome, at, check, seconds, broken, window in given_
    ]
    connection = sqlite3.connect(":memory:")
    for statement in hours.SCHEMA:
        connection.execute(statement)
    one = Hours()
    for number, each in enumerate(runs):
        one.count(each)
        if number % every == 0:
            hours.write(connection, one.take())
    hours.write(connection, one.take())

    since, until = BEGIN + first * HOUR, BEGIN + 4 * HOUR
    found, expected = hours.read(connection, since, until), direct(runs, since, until)
    connection.close()

    assert found.keys() == expected.keys()
    for name, figures in found.items():
        assert figures.seconds == pytest.approx(expected[name].seconds)
        expected[name].seconds = figures.seconds
    assert found == expected


async def test_a_store_keeps_them_for_400_days(tmp_path: Path) -> None:
    clock = FakeClock(now=BEGIN + 401 * 86400.0)
    store = Store.open(tmp_path, clock)
    old = run(DOWN)._replace(budgets=(LATE,))
    new = old._replace(started_at=BEGIN + 2 * 86400.0)
    taken = gathered([old, new]).take()

    await store.write(lambda connection: hours.write(connection, taken))
    await store.prune()
    found = await store.ask(lambda connection: hours.read(connection, 0, clock.now()))
    left = await store.ask(
        lambda connection: connection.execute("SELECT count(*) FROM hours_budgets").fetchone()[0]
    )
    await store.close()

    assert found["api"].down == 1
    assert left == 1


async def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:

        def half(connection: sqlite3.Connection) -> None:
            hours.write(connection, gathered([run()]).take())
            raise sqlite3.OperationalError("disk I/O error")

        with pytest.raises(StoreError):
            await store.write(half)

        assert await store.ask(lambda one: hours.read(one, 0, BEGIN * 2)) == {}


def test_a_row_has_a_column_for_every_edge(connection: sqlite3.Connection) -> None:
    names = [row[1] for row in connection.execute("PRAGMA table_info(hours)")]

    assert sum(name.startswith("d") and name[1:].isdigit() for name in names) == len(EDGES) + 1
