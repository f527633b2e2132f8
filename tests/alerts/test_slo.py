from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prober.alerts.slo import Pair, Slo, windows

M, H, D = 60.0, 3600.0, 86400.0


def slo(**given: object) -> Slo:
    return Slo.model_validate({"name": "a", "availability": "99.9%", **given})


def shown(pairs: tuple[Pair, ...]) -> list[tuple[float, float]]:
    return [(pair.long / M, pair.short / M) for pair in pairs]


def test_a_month_is_looked_at_in_four_pairs_two_of_which_page() -> None:
    pairs, said = windows(slo(), 60, 1)

    assert [(p.long, p.short, p.pages) for p in pairs] == [
        (H, 5 * M, True),
        (6 * H, 30 * M, True),
        (D, 2 * H, False),
        (3 * D, 6 * H, False),
    ]
    assert [p.factor for p in pairs] == pytest.approx([14.4, 6, 3, 1])
    assert said == ()


def test_a_week_takes_more_of_its_budget() -> None:
    pairs, _ = windows(slo(window="7d"), 60, 1)

    assert [p.factor for p in pairs] == pytest.approx([13.44, 3.5, 1.4, 0.98])


def test_a_short_window_has_two_runs_in_whole_minutes() -> None:
    pairs, said = windows(slo(), 170, 1)

    assert shown(pairs)[0] == (60, 6)
    assert said == ("1 h/5 m widened to 6 m: it runs every 2 m 50 s",)


def test_a_pair_of_a_rare_check_is_left_out() -> None:
    pairs, said = windows(slo(), 15 * M, 1)

    assert shown(pairs) == [(360, 30), (1440, 120), (4320, 360)]
    assert said == ("1 h/5 m left out: it runs every 15 m",)


def test_a_check_of_six_hours_has_three_days_alone() -> None:
    pairs, said = windows(slo(), 6 * H, 1)

    assert shown(pairs) == [(4320, 720)]
    assert said == (
        "1 h/5 m left out, 6 h/30 m left out, 1 d/2 h left out, 3 d/6 h widened to 12 h:"
        " it runs every 6 h",
    )


def test_regions_run_it_more_often_but_each_of_them_has_a_run() -> None:
    two, said = windows(slo(), 15 * M, 2)
    many, _ = windows(slo(), 15 * M, 20)

    assert shown(two)[0] == shown(many)[0] == (60, 15)
    assert said == ("1 h/5 m widened to 15 m: it runs every 15 m in 2 regions",)


def test_a_short_window_has_four_scrapes() -> None:
    pairs, said = windows(slo(), 60, 1, 5 * M)

    assert shown(pairs)[0] == (360, 30)
    assert said == ("1 h/5 m left out: it is scraped every 5 m",)


def test_what_can_never_be_is_left_out() -> None:
    pairs, said = windows(slo(availability="90%"), 60, 1)

    assert shown(pairs)[0] == (360, 30)
    assert said == ("1 h/5 m left out: not even 14.4 times its budget of 0.1 could be bad",)


@given(
    st.floats(1, 2 * D),
    st.integers(1, 30),
    st.floats(0.5, 300),
    st.floats(0.01, 0.99999),
    st.floats(7 * D, 90 * D),
)
def test_each_pair_can_fire_and_has_runs_to_go_by(
    interval: float, regions: int, scrape: float, objective: float, window: float
) -> None:
    promise = slo(availability=objective, window=window)
    pairs, said = windows(promise, interval, regions, scrape)

    assert len(pairs) == 4 or said
    for pair in pairs:
        assert pair.short <= pair.long / 4
        assert pair.short >= max(interval, 4 * scrape)
        assert pair.short * regions >= 2 * interval * 0.999999
        assert pair.short % M == 0
        assert pair.factor * promise.budget < 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"availability": 1}, "leaves no error budget; write less, like 99.99%"),
        ({"availability": "0%"}, "promises nothing; write more, like 99.9%"),
        ({"availability": None}, "it promises nothing; write availability: 99.9%, or latency"),
        ({"latency": {"under": 1, "ratio": 0.9}}, "availability and latency; keep one of them"),
        ({"window": "6d"}, "'6d' is too short; 7d to 90d"),
        ({"window": "91d"}, "'91d' is too long; 7d to 90d"),
    ],
)
def test_what_cannot_be_promised_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        slo(**given)


def test_the_objective_is_that_of_whichever_is_promised() -> None:
    fast = slo(availability=None, latency={"under": "1s", "ratio": "95%"})

    assert (slo().objective, fast.objective) == pytest.approx((0.999, 0.95))
    assert (slo().budget, fast.budget) == (0.001, 0.05)
