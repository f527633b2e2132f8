"""What was promised of a check, and how fast may its error budget burn before somebody is told?

It is asked in pairs of windows: the long one says that enough of the budget
has gone for it to matter, the short one that it still burns. A check that runs
too seldom for a short window to be certain of two runs has a wider one; where
that would be most of the long one, the pair says nothing more and is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple, Self

from pydantic import (
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from prober.alerts.scope import Scope
from prober.check import Model
from prober.units import Duration, Ratio, show_duration

DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0
RUNS = 2  # that a short window is to have
SCRAPES = 4  # as well: with fewer, what it counts is mostly guessed
WIDEST = 1 / 4  # of the long window: what the short one may be


class _Usual(NamedTuple):
    """A pair, and which share of the budget has gone in its long window when somebody is told.

    `brief` is that share where the promise is for less than two weeks, so that
    it takes about as many failures.
    """

    long: float
    short: float
    share: float
    brief: float
    pages: bool


_USUAL = (
    _Usual(HOUR, 5 * MINUTE, 0.02, 0.08, True),
    _Usual(6 * HOUR, 30 * MINUTE, 0.05, 0.125, True),
    _Usual(DAY, 2 * HOUR, 0.1, 0.2, False),
    _Usual(3 * DAY, 6 * HOUR, 0.1, 0.42, False),
)
_BRIEF = 14 * DAY


def _some(value: object, ratio: ValidatorFunctionWrapHandler) -> float:
    """Raises ValueError for a promise that nothing, or anything, can break."""
    parsed = float(ratio(value))
    if parsed == 1:
        raise ValueError(f"{value!r} leaves no error budget; write less, like 99.99%")
    if parsed == 0:
        raise ValueError(f"{value!r} promises nothing; write more, like 99.9%")
    return parsed


def _period(value: object, seconds: ValidatorFunctionWrapHandler) -> float:
    parsed = float(seconds(value))
    if not 7 * DAY <= parsed <= 90 * DAY:
        raise ValueError(f"{value!r} is too {'short' if parsed < DAY * 7 else 'long'}; 7d to 90d")
    return parsed


Objective = Annotated[Ratio, WrapValidator(_some)]


class Latency(Model):
    """At least `ratio` of the runs whose duration counts take less than `under` seconds."""

    under: Annotated[Duration, Field(gt=0)]
    ratio: Objective


class Slo(Model):
    """Which share of the runs of what `match` covers is to be good within `window` seconds.

    Exactly one of `availability` and `latency` is given.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=60)]
    match: Scope = Scope()
    availability: Objective | None = None
    latency: Latency | None = None
    window: Annotated[Duration, WrapValidator(_period)] = 30 * DAY

    @model_validator(mode="after")
    def _one_promise(self) -> Self:
        if self.availability is not None and self.latency is not None:
            raise ValueError("availability and latency; keep one of them, and write a second SLO")
        if self.availability is None and self.latency is None:
            raise ValueError("it promises nothing; write availability: 99.9%, or latency")
        return self

    @property
    def objective(self) -> float:
        """From 0 to 1."""
        return self.latency.ratio if self.latency else self.availability or 0.0

    @property
    def budget(self) -> float:
        """The share of runs that may be bad."""
        return round(1 - self.objective, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two windows, in seconds, in both of which the budget burns `factor` times too fast."""

    long: float
    short: float
    factor: float
    pages: bool


def windows(
    slo: Slo, interval: float, regions: int, scrape: float = 30.0
) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """The pairs for a check that runs every `interval` seconds in each of so many regions.

    `scrape` is how often that is looked at. Beside them, what is not as usual.
    """
    pairs = []
    odd: dict[str, list[str]] = {}  # by the reason for it
    for usual in _USUAL:
        factor = (usual.brief if slo.window < _BRIEF else usual.share) * slo.window / usual.long
        short, why = _short(usual, interval, regions, scrape)
        shown = f"{show_duration(usual.long)}/{show_duration(usual.short)}"
        if factor * slo.budget >= 1:
            never = f"not even {factor:.3g} times its budget of {slo.budget:.4g} could be bad"
            odd.setdefault(never, []).append(f"{shown} left out")
        elif short > usual.long * WIDEST:
            odd.setdefault(why, []).append(f"{shown} left out")
        else:
            pairs.append(Pair(long=usual.long, short=short, factor=factor, pages=usual.pages))
            if short > usual.short:
                odd.setdefault(why, []).append(f"{shown} widened to {show_duration(short)}")
    return tuple(pairs), tuple(f"{', '.join(what)}: {why}" for why, what in odd.items())


def _short(usual: _Usual, interval: float, regions: int, scrape: float) -> tuple[float, str]:
    """How long a short window has to be, in whole minutes, and why it is not as usual."""
    # Each region is in it, whatever the moments at which they run, and two runs in all.
    runs = max(interval, interval * RUNS / regions)
    needed = max(runs, scrape * SCRAPES)
    where = f" in {regions} regions" if regions > 1 else ""
    why = f"it runs every {show_duration(interval)}{where}"
    if needed > runs:
        why = f"it is scraped every {show_duration(scrape)}"
    return max(usual.short, math.ceil(needed / MINUTE) * MINUTE), why
