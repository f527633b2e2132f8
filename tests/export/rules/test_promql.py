from __future__ import annotations

import re

import pytest

from prober.export.rules.promql import duration, names, number, quoted


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.5, "500ms"), (1, "1s"), (90, "1m30s"), (120, "2m"), (5400.25, "1h30m250ms"),
        (86400, "1d"), (30 * 86400, "30d"), (0.0, "1ms"), (0.0001, "1ms"),
    ],
)  # fmt: skip
def test_a_duration_is_never_nothing(seconds: float, written: str) -> None:
    assert duration(seconds) == written


@pytest.mark.parametrize(
    ("value", "written"), [(2, "2"), (0.1, "0.1"), (1209600.0, "1209600"), (1e-7, "1e-07")]
)
def test_a_number_has_no_more_digits_than_it_needs(value: float, written: str) -> None:
    assert number(value) == written


def test_a_text_can_have_anything_in_it() -> None:
    assert quoted('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'


def test_names_are_matched_to_the_letter() -> None:
    checks = ["a.b", "targets:http://x/y-z", "c+(d)[e]{f}^$|*?"]
    expression = names(checks).strip('"').replace("\\\\", "\\")

    assert [bool(re.fullmatch(expression, one)) for one in checks] == [True] * 3
    assert not re.fullmatch(expression, "aXb")
