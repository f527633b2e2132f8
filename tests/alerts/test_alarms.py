from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prober.alerts.alarms import OUTDATED, Alarms

KEYS = [(name, "down") for name in ("api", "web", "dns")]
settings = st.tuples(st.sampled_from(KEYS), st.one_of(st.none(), st.floats(0, 100)))


@given(st.lists(settings, max_size=40), st.floats(0, 100), st.integers(1, 5))
def test_what_rings_is_what_was_set_last_and_is_due_in_order_and_once(
    told: list[tuple[tuple[str, str], float | None]], now: float, most: int
) -> None:
    alarms = Alarms()
    wanted: dict[tuple[str, str], float] = {}
    for key, moment in told:
        if moment is None:
            alarms.drop(key)
            wanted.pop(key, None)
        else:
            alarms.set(key, moment)
            wanted[key] = moment

    rung = []
    while keys := alarms.ringing(now, most):
        assert len(keys) <= most
        rung += keys
    due = {key: moment for key, moment in wanted.items() if moment <= now}
    assert [due[key] for key in rung] == sorted(due.values())
    assert set(rung) == set(due)
    assert alarms.next is None or alarms.next > now


def test_what_is_outdated_does_not_gather() -> None:
    alarms = Alarms()
    for moment in range(10 * OUTDATED):
        alarms.set(KEYS[0], moment)

    assert len(alarms._heap) <= OUTDATED + 2


def test_cleared_alarms_never_ring() -> None:
    alarms = Alarms()
    alarms.set(KEYS[0], 1.0)
    alarms.clear()

    assert alarms.next is None
    assert alarms.ringing(9.0, 9) == []
