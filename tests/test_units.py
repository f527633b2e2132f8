"""How quantities are read and shown."""

from __future__ import annotations

import pytest

from prober.units import parse_duration, parse_ratio, parse_size, rfc3339, show_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("500ms", 0.5), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("7d", 604_800), ("1.5s", 1.5),
        (30, 30), (0.25, 0.25), ("45", 45), ("1m500ms", 60.5), ("0", 0), ("2w", 1_209_600),
    ],
)  # fmt: skip
def test_a_duration_is_read(written: object, seconds: float) -> None:
    assert parse_duration(written) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "written",
    [
        "", "s", "5x", "-5s", "5 s s", -1, True, None, [], "1h 30", "inf", float("nan"), float("inf"),
        10**400, "9" * 400, "9" * 400 + "d", 1e300,
    ],
)  # fmt: skip
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("64KiB", 65_536),
        ("10MiB", 10_485_760),
        ("1MB", 1_000_000),
        (7, 7),
        ("7", 7),
        ("1.5 KiB", 1536),
    ],
)
def test_a_size_is_read(written: object, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.parametrize("written", ["", "KiB", "5 parsecs", "-1", -1, True, 1.5])
def test_what_is_no_size_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_size(written)


@pytest.mark.parametrize(
    ("written", "ratio"), [("5%", 0.05), (0.05, 0.05), ("0.5", 0.5), (1, 1.0), ("99.9%", 0.999)]
)
def test_a_ratio_is_read(written: object, ratio: float) -> None:
    assert parse_ratio(written) == pytest.approx(ratio)


@pytest.mark.parametrize("written", ["5", "101%", -0.1, 2, True, "", "x%"])
def test_what_is_no_ratio_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"write it as 5% or 0\.05"):
        parse_ratio(written)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 ms"), (0.0004, "0.4 ms"), (0.085, "85 ms"), (0.0996, "100 ms"), (0.9996, "1 s"), (2.4, "2.4 s"),
        (10, "10 s"), (59.96, "1 m"), (192, "3 m 12 s"), (3600, "1 h"), (7500, "2 h 5 m"),
        (3599.7, "1 h"), (532_800, "6 d 4 h"), (86_400, "1 d"), (-3, "-3 s"),
    ],
)  # fmt: skip
def test_a_duration_is_shown_for_people(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown


def test_moments_are_rfc_3339_in_utc() -> None:
    assert rfc3339(1_763_683_200.25) == "2025-11-21T00:00:00.250Z"
