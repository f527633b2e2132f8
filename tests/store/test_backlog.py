from __future__ import annotations

from prober.alerts.state import QUIET, AlertState
from prober.store.backlog import Backlog
from prober.store.history import CheckState
from prober.store.outbox import Mark
from tests.alerts.samples import DOWN, UP, result
from tests.fake_clock import NOON
from tests.store.test_outbox import fired, firing, resolved

KEY, OTHER = ("api", "down"), ("web", "down")


def backlog() -> Backlog:
    lost: list[int] = []
    return Backlog(lost.append)


def test_what_is_new_is_taken_once_and_dirty_states_that_are_gone_are_quiet() -> None:
    box = backlog()
    box.add(result(DOWN))
    box.say([firing(fired())])

    batch = box.take({KEY: fired()}, {KEY, OTHER}, NOON)
    assert batch.states == {KEY: fired(), OTHER: QUIET}
    assert (len(batch.results), len(batch.checks), len(batch.deliveries)) == (1, 1, 1)
    assert batch.whole is None
    assert not box


def test_after_a_failure_the_whole_truth_is_owed() -> None:
    box = backlog()
    box.say([firing(fired())])
    box.add(result(UP))
    box.take({}, set(), NOON)
    box.say([resolved(fired())])
    failed = box.take({}, {OTHER}, NOON)
    box.put_back(failed)

    batch = box.take({KEY: AlertState(streak=1)}, set(), NOON + 9)
    assert batch.whole == NOON + 9
    assert batch.states == {KEY: AlertState(streak=1)}
    assert batch.deliveries == (firing(fired()), resolved(fired()))
    assert [one.check for one in batch.checks] == ["api"]
    assert not box


def test_a_mark_closes_a_delivery_and_outlives_a_failure() -> None:
    box = backlog()
    box.say([firing(fired()), resolved(fired())])
    mark = Mark(id=firing(fired()).id, status="delivered", at=NOON)
    box.mark(mark)
    box.put_back(box.take({}, set(), NOON))

    batch = box.take({}, set(), NOON)
    assert (batch.marks, batch.deliveries) == ([mark], (resolved(fired()),))


def test_what_is_found_late_comes_first_and_does_not_outdo_what_is_known() -> None:
    box = backlog()
    box.add(result(UP, at=NOON))
    box.add(result(DOWN, check="web", at=NOON))
    box.say([resolved(fired())])
    box.join(
        [firing(fired())],
        {
            "api": CheckState(check="api", state=UP, since=NOON - 99),
            "web": CheckState(check="web", state=UP, since=NOON - 99),
            "gone": CheckState(check="gone", state=UP, since=NOON - 99),
        },
    )

    batch = box.take({}, set(), NOON)
    assert batch.deliveries == (firing(fired()), resolved(fired()))
    assert {one.check: (one.state, one.since) for one in batch.checks} == {
        "api": (UP, NOON - 99),
        "web": (DOWN, NOON),
    }
