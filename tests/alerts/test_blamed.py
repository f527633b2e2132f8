"""Of all that failed in a window the first and the last words are known."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from prober.alerts.blamed import MOST, Blamed
from prober.result import Reason
from tests.alerts.samples import DOWN, UP, result
from tests.fake_clock import NOON

OVER = 30.0
errors = st.lists(
    st.tuples(st.sampled_from(["refused", "reset", "late"]), st.integers(0, 20)), max_size=MOST
)


@settings(deadline=None)
@given(errors, st.integers(0, MOST))
def test_it_agrees_with_a_list_of_everything(told: list[tuple[str, int]], split: int) -> None:
    blamed, now = Blamed(), NOON
    earlier, everything = list[tuple[float, str]](), list[tuple[float, str]]()
    for index, (message, gap) in enumerate(told):
        now += gap
        everything.append((now, f"connect: {message}"))
        if index < split:
            earlier.append(everything[-1])
        else:
            blamed.add(result(DOWN, reason=Reason.CONNECT, message=message), now)
    blamed.put_before(earlier)
    blamed.forget(now - OVER)
    there = [text for at, text in everything if at > now - OVER] or [""]

    assert (blamed.first, blamed.last) == (there[0], there[-1])


def test_of_very_many_different_errors_the_first_and_the_newest_are_kept() -> None:
    blamed = Blamed()
    for number in range(1000):
        blamed.add(result(DOWN, message=f"{number}"), NOON + number)

    assert (blamed.first, blamed.last) == ("status: 0", "status: 999")
    assert len(blamed._said) == MOST


def test_a_run_that_was_only_slow_is_known_without_words() -> None:
    blamed, slow = Blamed(), result(UP)
    blamed.add(slow, NOON)

    assert (blamed.run, blamed.first, blamed.last) == (slow, "", "")


def test_a_clock_that_is_set_back_keeps_no_error_for_ever() -> None:
    blamed = Blamed()
    blamed.add(result(DOWN, message="a"), NOON)
    blamed.add(result(DOWN, message="b"), NOON - 5000)
    blamed.forget(NOON - 5000)

    assert blamed.last == ""
