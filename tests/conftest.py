"""What holds for all tests."""

from __future__ import annotations

LONG = 40  # bytes; longer ones say nothing as a test's name


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their length: packed ones hold the second they were made in.

    Workers that collect in different seconds must find the same tests.
    """
    if isinstance(val, bytes) and len(val) > LONG:
        return f"{argname} of {len(val)} bytes"
    return None
