"""What a journey's run saw, and a run in steps or with values, kept and read back."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

import pytest

from prober.result import Budget, Evidence, Finding, Reason, Result, Step, Visit
from prober.store import history
from tests.alerts.samples import result

WAY = result()._replace(
    kind="journey",
    finding=Finding.down(Reason.STEP, "order.py:31: no such button"),
    steps=(
        Step(name="sign in", ok=True, seconds=1.25, url="https://shop.example/account"),
        Step(name="bezahlen €", ok=False, seconds=5.0, message="no such button"),
    ),
    visits=(
        Visit(
            page="/", url="https://shop.example/", lcp=1.2, inp=0.048, cls=0.0, fcp=0.5, ttfb=0.1,
            interactions=2, quality=("late", "noisy"), js_errors=1, failed_requests=3,
            long_task=0.125, requests=12, bytes=34567,
            attribution={"lcp_element": "#hero", "inp_delay": 0.004},
        ),
        Visit(page="checkout", url="https://shop.example/checkout"),
    ),
    values={"queue": 12.0, "ratio": 0.25, "few": 0.0},
    evidence=(Evidence("screenshot", "evidence/api/r1/screenshot.png"),),
    budgets=(
        Budget(budget="lcp", page="/", limit=1.0, actual=1.2, ok=False),
        Budget(budget="step sign in", page=None, limit=2.0, actual=1.25, ok=True),
    ),
    skipped=("bezahlen €", "sign out"),
)  # fmt: skip


def kept(connection: sqlite3.Connection, one: Result) -> dict[str, object]:
    """The detail as it is written."""
    connection.execute(history.INSERT_RESULT, history.result_row(one))
    ((detail,),) = connection.execute("SELECT detail FROM results").fetchall()
    return dict(json.loads(detail))


def restored(connection: sqlite3.Connection, detail: dict[str, object]) -> Result:
    connection.execute("UPDATE results SET detail = ?", (json.dumps(detail),))
    (one,) = history.recent(connection, "api", 1)
    return one


def test_a_journey_comes_back_whole(connection: sqlite3.Connection) -> None:
    kept(connection, WAY)

    (one,) = history.recent(connection, "api", 1)
    assert one == WAY
    assert one.to_json() == WAY.to_json()


def test_what_was_not_measured_comes_back_as_none_and_0_as_0(
    connection: sqlite3.Connection,
) -> None:
    detail = kept(connection, WAY)
    (one,) = history.recent(connection, "api", 1)

    assert [visit.cls for visit in one.visits] == [0.0, None]
    assert [visit.lcp for visit in one.visits] == [1.2, None]
    assert detail["visits"][1] == {"page": "checkout", "url": "https://shop.example/checkout"}  # type: ignore[index]  # JSON


def test_other_kinds_pay_nothing_for_it(connection: sqlite3.Connection) -> None:
    detail = kept(connection, result())

    assert not {"steps", "visits", "values", "evidence", "budgets", "skipped"} & detail.keys()


def test_a_run_that_was_degraded_still_is(connection: sqlite3.Connection) -> None:
    kept(connection, WAY._replace(finding=Finding.up()))

    (one,) = history.recent(connection, "api", 1)
    assert one.degraded
    assert one.to_json()["degraded"] is True


def test_a_row_from_before_there_were_journeys_is_read(connection: sqlite3.Connection) -> None:
    detail = kept(connection, WAY)
    for name in ("steps", "visits", "values", "evidence", "budgets", "skipped"):
        del detail[name]

    one = restored(connection, detail)
    assert (one.steps, one.visits, one.values, one.evidence) == ((), (), {}, ())
    assert (one.budgets, one.skipped) == ((), ())
    assert one.finding == WAY.finding


def test_what_a_newer_version_says_besides_loses_no_row(connection: sqlite3.Connection) -> None:
    detail = kept(connection, WAY)
    for name in ("steps", "visits", "evidence", "budgets"):
        said = detail[name]
        assert isinstance(said, list)
        said[0]["mood"] = {"of": ["day"]}
    detail["weather"] = [{"rain": False}]

    assert restored(connection, detail) == WAY


def test_a_row_whose_budgets_only_a_newer_version_can_read_is_left_out_alone(
    connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    detail = kept(connection, WAY)
    later = WAY._replace(run_id="later", started_at=WAY.started_at + 60)
    connection.execute(history.INSERT_RESULT, history.result_row(later))
    odd = json.dumps({**detail, "budgets": [{"budget": "lcp", "limits": [1, 2]}]})
    connection.execute("UPDATE results SET detail = ? WHERE run_id <> 'later'", (odd,))

    assert history.recent(connection, "api", 9) == [later]
    assert "left out a result of api that cannot be read" in caplog.text


def test_half_a_character_loses_no_row(connection: sqlite3.Connection) -> None:
    odd = Step(name="a \ud800", ok=True, seconds=1.0)
    kept(connection, WAY._replace(steps=(odd,)))

    (one,) = history.recent(connection, "api", 1)
    assert one.steps == (replace(odd, name="a ?"),)
    assert one.visits == WAY.visits
