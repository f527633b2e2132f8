"""What numbers does a check read out of its answers?

Pure. What is not there, or is no number, is absent: never 0, and no failure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from pydantic import JsonValue

from prober.probes.answer import Reading
from prober.probes.extract import Source, found
from prober.probes.json_paths import Unreadable

MOST_VALUES = 20  # of a check

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def read(values: Mapping[str, Source], reading: Reading) -> dict[str, float]:
    """The numbers that are there, by name."""
    numbers = ((name, _first(source, reading)) for name, source in values.items())
    return {name: number for name, number in numbers if number is not None}


def _first(source: Source, reading: Reading) -> float | None:
    try:
        numbers = map(_number, found(source, reading))
        return next((number for number in numbers if number is not None), None)
    except Unreadable:
        return None


def _number(value: JsonValue) -> float | None:
    """A number that can be a metric's value, also where it is written as a text."""
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None
