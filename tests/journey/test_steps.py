from __future__ import annotations

import pytest

from prober.journey.cleanup import Cleanups
from prober.journey.steps import NAME, allowed, behind, label


def test_a_name_is_something_to_read() -> None:
    with pytest.raises(ValueError, match="a cleanup needs a name, not ' '"):
        Cleanups()(" ", print)

    assert label("a step", 7) == "7"
    assert len(label("a step", "x" * 1000)) == NAME


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), "5s"])
def test_the_time_of_a_step_is_one_that_can_be_over(timeout: float) -> None:
    with pytest.raises(ValueError, match=r"the timeout of a step is in seconds, more than 0; not"):
        allowed(timeout)

    assert (allowed(None), allowed(0.5)) == (None, 0.5)


@pytest.mark.parametrize(
    ("begun", "skipped"),
    [
        ([], ("a", "b", "c", "d")),
        (["a"], ("b", "c", "d")),
        (["a", "other"], ("b", "c", "d")),
        (["a", "c"], ("d",)),  # b stands in a branch
        (["c", "a", "c"], ("d",)),
        (["a", "b", "c", "d"], ()),
    ],
)
def test_a_step_is_skipped_where_the_journey_had_yet_to_come_to_it(
    begun: list[str], skipped: tuple[str, ...]
) -> None:
    assert behind(["a", "b", "c", "a", "d"], begun) == skipped


def test_a_name_that_was_cut_is_known_again() -> None:
    assert behind(["x" * 200, "y"], [label("a step", "x" * 200)]) == ("y",)
