"""What can be written under `when:`? One condition, and how long it has to hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from prober.alerts.conditions import (
    ANY,
    BudgetBroken,
    Condition,
    ErrorRate,
    Expiring,
    Failures,
    Percentile,
    StepSlow,
    ValueIs,
)
from prober.check import Model
from prober.units import Count, Duration, Ratio

MOST_RUNS = 100  # that `of` looks back
_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_ALONE = ("failures", "error_rate", *_PERCENTILES, "budget", "certificate_expires_within", "value", "step")  # fmt: skip
_WINDOWED = ("error_rate", *_PERCENTILES, "budget")
# What goes only with some of them, and with which.
_WITH: Mapping[str, tuple[str, ...]] = {
    "of": ("failures",),
    "over": _WINDOWED,
    "min_runs": _WINDOWED,
    "min_failures": ("error_rate",),
}
_BUDGETS = ("lcp", "inp", "cls", "fcp", "ttfb", "js_errors", "failed_requests", "duration")
_OPERATORS = ("lt", "le", "gt", "ge")


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"{str(value).lower()} is not a number; write one like 100")  # noqa: TRY004  # pydantic's way
    return value


def _budget(name: str) -> str:
    if name == ANY or name in _BUDGETS or name.removeprefix("step ").strip() not in ("", name):
        return name
    known = ", ".join((ANY, *_BUDGETS))
    raise ValueError(f"{name!r} is no budget; write one of {known}, or 'step NAME'")


_Number = Annotated[float, BeforeValidator(_no_bool), Field(allow_inf_nan=False)]
_Time = Annotated[Duration, Field(gt=0)]
_Several = Annotated[Count, Field(ge=1)]
_Name = Annotated[str, Field(min_length=1)]


class Bounds(Model):
    """Between what a value is reported; all that are given have to hold."""

    lt: _Number | None = None
    le: _Number | None = None
    gt: _Number | None = None
    ge: _Number | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        given = dict(self.given())
        if not given:
            raise ValueError(f"no bound is there; write one of {', '.join(_OPERATORS)}")
        most = min(given.get("lt", math.inf), given.get("le", math.inf))
        least = max(given.get("gt", -math.inf), given.get("ge", -math.inf))
        if least > most or (least == most and given.keys() & {"lt", "gt"}):
            raise ValueError(
                f"no number is above {least:g} and below {most:g} at once; write two rules"
            )
        return self

    def given(self) -> Iterable[tuple[str, float]]:
        for name in _OPERATORS:
            if (limit := getattr(self, name)) is not None:
                yield name, limit


class When(Model):
    """The condition, of which there is one. An unknown run neither meets nor misses it."""

    failures: _Several | None = None
    of: Annotated[Count, Field(ge=1, le=MOST_RUNS)] | None = None
    error_rate: Annotated[Ratio, Field(gt=0)] | None = None
    p50: _Time | None = None
    p90: _Time | None = None
    p95: _Time | None = None
    p99: _Time | None = None
    budget: Annotated[str, AfterValidator(_budget)] | None = None
    over: _Time | None = None
    min_runs: _Several | None = None
    min_failures: _Several | None = None
    certificate_expires_within: _Time | None = None
    value: Mapping[_Name, Bounds] | None = None
    step: Mapping[_Name, _Time] | None = None
    for_: Annotated[Duration, Field(alias="for", ge=0)] = 0.0

    @model_validator(mode="after")
    def _one(self) -> Self:
        """There is exactly one condition, with what belongs to it."""
        there = [name for name in _ALONE if getattr(self, name) is not None]
        if len(there) != 1:
            raise ValueError(_not_one(there))
        (name,) = there
        for key, owners in _WITH.items():
            if getattr(self, key) is not None and name not in owners:
                raise ValueError(f"{key} says nothing of {name}; it goes with {', '.join(owners)}")
        if name in _WINDOWED and self.over is None:
            raise ValueError(f'{name} needs "over", how far it looks back; write over: 15m')
        if self.of is not None and self.failures is not None and self.of < self.failures:
            raise ValueError(
                f"{self.failures} failures of {self.of} runs cannot be; raise of or lower failures"
            )
        for key in ("value", "step"):
            if (named := getattr(self, key)) is not None and len(named) != 1:
                raise ValueError(f"{key} has {len(named)} names; write one, and a rule for each")
        return self

    def condition(self) -> Condition:
        if self.failures is not None:
            return Failures(self.failures, self.of)
        if self.certificate_expires_within is not None:
            return Expiring(self.certificate_expires_within)
        for name, bounds in (self.value or {}).items():
            return ValueIs(name, tuple(bounds.given()))
        for name, limit in (self.step or {}).items():
            return StepSlow(name, limit)
        return self._windowed(self.over or 0.0)

    def _windowed(self, over: float) -> Condition:
        least = 10 if self.min_runs is None else self.min_runs
        if self.error_rate is not None:
            return ErrorRate(
                rate=self.error_rate,
                over=over,
                min_runs=least,
                min_failures=2 if self.min_failures is None else self.min_failures,
            )
        for name, share in _PERCENTILES.items():
            if (limit := getattr(self, name)) is not None:
                least = 20 if self.min_runs is None else self.min_runs
                return Percentile(share=share, limit=limit, over=over, min_runs=least)
        return BudgetBroken(budget=self.budget or ANY, over=over, min_runs=least)


def _not_one(there: list[str]) -> str:
    if not there:
        return f"no condition is there; write one of {', '.join(_ALONE)}"
    return f"{', '.join(there[:-1])} and {there[-1]} are there; keep one"
