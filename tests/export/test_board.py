from __future__ import annotations

from prober.export.board import AT_LEAST, Board, CheckInfo, Firing, horizon, present
from prober.result import Outcome
from tests.export.samples import OURS, REFUSED, UP, Bench, WebCheck, result
from tests.fake_clock import NOON

INFO = CheckInfo(kind="http", target="https://shop.example/")


def board(interval: float = 60.0) -> Board:
    made = Board()
    made.add(WebCheck(name="shop", interval=interval), INFO)
    return made


def test_a_check_that_never_ran_has_no_state() -> None:
    row = board().rows["shop"]

    assert present(row, NOON) == (None, None)
    assert row.last is None


def test_since_is_the_first_run_of_the_present_state() -> None:
    subject = board()
    for at, finding in enumerate((UP, UP, REFUSED, REFUSED, REFUSED)):
        subject.observe(result(finding=finding, at=NOON + at))
    row = subject.rows["shop"]

    assert (row.state, row.since) == (Outcome.DOWN, NOON + 2)
    assert row.consecutive_failures == 3
    assert row.last_success_at == NOON + 1
    assert row.last_run_at == NOON + 4


def test_unknown_leaves_state_verdict_and_streak() -> None:
    subject = board()
    subject.observe(result(finding=REFUSED, at=NOON))
    row = subject.observe(result(finding=OURS, at=NOON + 60))

    assert row is not None
    assert (row.state, row.since) == (Outcome.DOWN, NOON)
    assert row.verdict is not None
    assert row.verdict.outcome is Outcome.DOWN
    assert row.last is row.trouble
    assert row.consecutive_failures == 1
    subject.observe(result(finding=REFUSED, at=NOON + 120))
    assert row.since == NOON
    assert row.consecutive_failures == 2


def test_unknown_becomes_the_state_when_the_verdict_is_out_of_date() -> None:
    subject = board()
    subject.observe(result(finding=UP, at=NOON))
    row = subject.observe(result(finding=OURS, at=NOON + AT_LEAST + 1))

    assert row is not None
    assert (row.state, row.since) == (Outcome.UNKNOWN, NOON + AT_LEAST + 1)


def test_unknown_is_the_state_where_there_never_was_a_verdict() -> None:
    row = board().observe(result(finding=OURS))

    assert row is not None
    assert row.state is Outcome.UNKNOWN


def test_a_verdict_is_shown_for_three_intervals_and_at_least_five_minutes() -> None:
    assert horizon(WebCheck(name="a", interval=10)) == 300
    assert horizon(WebCheck(name="a", interval=600)) == 1800
    subject = board(interval=600)
    subject.observe(result(finding=UP, at=NOON))
    row = subject.rows["shop"]

    assert present(row, NOON + 1800) == (Outcome.UP, NOON)
    assert present(row, NOON + 1801) == (Outcome.UNKNOWN, NOON)


def test_an_edited_check_keeps_its_row_and_one_of_another_kind_does_not() -> None:
    subject = board()
    subject.observe(result(finding=REFUSED))
    subject.alert("shop", "down", "critical", True, NOON)
    subject.add(WebCheck(name="shop", interval=5), INFO)

    assert subject.rows["shop"].check.interval == 5
    assert subject.rows["shop"].state is Outcome.DOWN
    subject.add(WebCheck(name="shop"), CheckInfo(kind="tcp", target="shop:1"))
    assert subject.rows["shop"].state is None
    assert subject.rows["shop"].firing == {"down": Firing("critical", NOON)}


def test_a_removed_check_is_gone_and_its_late_result_is_dropped() -> None:
    subject = board()
    subject.remove("shop")

    assert subject.observe(result()) is None
    assert subject.restore(result(), None, None) is None
    subject.alert("shop", "down", "critical", True, NOON)
    assert not subject.rows


def test_an_alert_fires_and_ends() -> None:
    subject = board()
    subject.alert("shop", "down", "critical", True, NOON)
    assert subject.rows["shop"].firing == {"down": Firing("critical", NOON)}
    subject.alert("shop", "down", "critical", False, NOON + 1)

    assert not subject.rows["shop"].firing


def test_history_restores_the_row() -> None:
    subject = board()
    down, ours = result(finding=REFUSED, at=NOON), result(finding=OURS, at=NOON + 60)
    row = subject.restore(ours, down, NOON - 500, consecutive_failures=7, last_success_at=NOON - 9)

    assert row is not None
    assert (row.state, row.since) == (Outcome.DOWN, NOON - 500)
    assert (row.last, row.verdict, row.trouble) == (ours, down, ours)
    assert (row.consecutive_failures, row.last_success_at) == (7, NOON - 9)


def test_history_without_counts_counts_the_verdict_itself() -> None:
    down = board().restore(result(finding=REFUSED), result(finding=REFUSED), None)
    up = board().restore(result(at=NOON), result(at=NOON), None)

    assert down is not None
    assert (down.consecutive_failures, down.last_success_at, down.since) == (1, None, NOON)
    assert up is not None
    assert (up.consecutive_failures, up.last_success_at) == (0, NOON)


def test_rows_keep_the_order_of_the_config() -> None:
    bench = Bench()
    for name in ("zebra", "apple", "mango"):
        bench.add(name)

    assert list(bench.board.rows) == ["zebra", "apple", "mango"]
