from __future__ import annotations

from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.export import family as family_module
from prober.export.family import Family, Lines, label_pairs, number
from prober.export.pack import Packed, packed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1, "1"), (True, "1"), (5.0, "5"), (-2.0, "-2"), (0.25, "0.25"),
        (1_700_000_000.0, "1700000000"), (1e22, "1e+22"), (1e-7, "1e-07"),
        (inf, "+Inf"), (-inf, "-Inf"), (nan, "NaN"),
    ],
)  # fmt: skip
def test_numbers_are_written_without_noise(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats())
def test_a_number_reads_back_as_itself(value: float) -> None:
    read = float(number(value))

    assert read == value or (isnan(read) and isnan(value))


def test_label_values_are_escaped_and_empty_ones_left_out() -> None:
    assert label_pairs(a='say "hi"\\\n', b="", c="é") == 'a="say \\"hi\\"\\\\\\n",c="é"'


def test_only_openmetrics_takes_the_suffix_off_a_counters_head() -> None:
    family = Family("runs_total", "counter", 'Runs "so far".\nAll of them.')

    assert family.head(False) == (
        '# HELP runs_total Runs "so far".\\nAll of them.\n# TYPE runs_total counter\n'
    )
    assert family.head(True) == (
        '# HELP runs Runs \\"so far\\".\\nAll of them.\n# TYPE runs counter\n'
    )


def test_lines_that_are_as_they_were_are_not_packed_again() -> None:
    lines = Lines()
    lines.put("a", "one\n")
    first = lines.packed()
    lines.put("a", "one\n")
    lines.put("b", "")

    assert lines.packed() is first
    lines.put("a", "")
    assert lines.packed() == packed(b"")


def test_what_is_put_while_it_is_being_packed_is_packed_the_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = Lines()
    lines.put("a", "one\n")

    def meanwhile(text: bytes) -> Packed:
        lines.put("a", "two\n")
        return packed(text)

    with monkeypatch.context() as patched:
        patched.setattr(family_module, "packed", meanwhile)
        assert lines.packed() == packed(b"one\n")

    assert lines.packed() == packed(b"two\n")
