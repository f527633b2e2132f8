"""How is a number, a duration, a text or a set of checks written in PromQL?"""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")  # as Go's regexp.QuoteMeta


def duration(seconds: float) -> str:
    """`500ms`, `2m`, `1h30m`: as Prometheus reads it, to the millisecond and never 0."""
    left = max(1, round(seconds * 1000))
    parts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def number(value: float) -> str:
    return f"{value:.10g}"


def quoted(text: str) -> str:
    """A string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def names(checks: Iterable[str]) -> str:
    """A literal of the expression (RE2) that matches each of them and nothing else."""
    return quoted("|".join(_SPECIAL.sub(r"\\\g<0>", name) for name in checks))
