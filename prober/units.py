"""How people write quantities in a config, and how we write them back.

A duration is `500ms`, `30s`, `5m`, `1h30m`, `7d`, or a bare number of seconds;
a size `64KiB`, `10MB` or a bare number of bytes; a ratio `5%` or `0.05`.
Inside the program a duration is a float of seconds, a size an int of bytes,
a ratio a float from 0 to 1.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer
from pydantic_core import PydanticKnownError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {
    "": 1, "B": 1,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
MOST = 10**9  # of anything that is counted
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?i?B)?")


def parse_duration(value: object) -> float:
    """Seconds. Raises ValueError with what would be right."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _lasting(value, value)
    text = str(value).strip() if isinstance(value, str) else ""
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return _lasting(float(text), value)
    if text and not _DURATION.sub("", text):
        parts = (float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))
        return _lasting(sum(parts), value)
    raise ValueError(f"{value!r} is not a duration; write it as 500ms, 30s, 5m, 1h30m or 7d")


def parse_size(value: object) -> int:
    """Bytes. Raises ValueError with what would be right."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int(_not_negative(value, value))
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a size; write it as 64KiB, 10MiB or a number of bytes")
    return int(float(match[1]) * _BYTES[match[2] or ""])


def parse_ratio(value: object) -> float:
    """A share from 0 to 1. Raises ValueError with what would be right."""
    ratio = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        ratio = float(value)
    elif isinstance(value, str) and re.fullmatch(r"\d+(?:\.\d+)?%?", value.strip()):
        ratio = float(value.strip().rstrip("%")) / (100 if value.strip().endswith("%") else 1)
    if ratio is None or not 0 <= ratio <= 1:
        raise ValueError(f"{value!r} is not a ratio; write it as 5% or 0.05")
    return ratio


def _no_bool(value: object) -> object:
    """Python takes True for 1; a person who writes `true` meant something else."""
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a number; write a whole number")  # noqa: TRY004  # pydantic's way
    return value


def _countable(number: int) -> int:
    if abs(number) > MOST:
        raise PydanticKnownError("int_parsing_size")
    return number


def _lasting(seconds: float, value: object) -> float:
    if seconds == float("inf") or _not_negative(seconds, value) > MOST * 86400.0:
        raise ValueError(f"{value!r} is longer than anything lasts; write less")
    return float(seconds)


def _not_negative(number: float, value: object) -> float:
    if not 0 <= number < float("inf"):
        raise ValueError(f"{value!r} is negative or not a number; write 0 or more")
    return number


def show_duration(seconds: float) -> str:
    """For people: `85 ms`, `2.4 s`, `3 m 12 s`, `2 h 5 m`, `6 d 4 h`."""
    if seconds < 0:
        return f"-{show_duration(-seconds)}"
    if seconds < 0.0995:
        return f"{seconds * 1000:.2g} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for size, big, small_size, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "m")):
        if whole >= size:
            rest = whole % size // small_size
            return f"{whole // size} {big} {rest} {small}" if rest else f"{whole // size} {big}"
    return f"{whole // 60} m {whole % 60} s" if whole % 60 else f"{whole // 60} m"


def rfc3339(moment: float | datetime) -> str:
    """A moment (Unix seconds, or an aware datetime) in UTC, to the millisecond."""
    if not isinstance(moment, datetime):
        moment = datetime.fromtimestamp(moment, UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Duration = Annotated[float, BeforeValidator(parse_duration)]
Size = Annotated[int, BeforeValidator(parse_size)]
Count = Annotated[int, BeforeValidator(_no_bool), AfterValidator(_countable)]
Ratio = Annotated[float, BeforeValidator(parse_ratio), PlainSerializer(float)]
