"""Which rules watch a check, and how bad it is when one fires.

`alerts:` of the config gives rules by name; a check's own `alerts:` overrides
them by name, key by key, and null removes one. What is left, with the
severity settled, is an `EffectiveRule`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import (
    Field,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from prober.alerts.conditions import Condition, Subject, Windowed, needed
from prober.alerts.flapping import Flapping
from prober.alerts.names import alertname as alertname
from prober.alerts.names import clash
from prober.alerts.when import When
from prober.check import Model
from prober.units import Count, Duration

RuleName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=60)]
MOST_CHANGES = 100  # that are kept with an alert
LEAST_REMIND = 1.0  # seconds; a reminder is for people
DEFAULT_SEVERITIES = ("critical", "high", "medium", "low", "info")


class Resolve(Model):
    """When it is over: so many runs in a row that are up or, of other rules than failures, do not meet it."""

    successes: Annotated[Count, Field(ge=1)] = 2


class FlappingSettings(Model):
    """It fired or was over so often in this time: one alert is held open instead of many."""

    changes: Annotated[Count, Field(ge=2, le=MOST_CHANGES)] = 6
    over: Annotated[Duration, Field(gt=0)] = 1800.0


def _long_enough(value: object, seconds: ValidatorFunctionWrapHandler) -> float:
    parsed = float(seconds(value))
    if parsed < LEAST_REMIND:
        raise ValueError(f"{value!r} is too short; 1s or more")
    return parsed


class Rule(Model):
    """A rule as the config has it; its name is the key it stands under."""

    when: When
    resolve: Resolve = Resolve()
    remind: Annotated[Duration, WrapValidator(_long_enough)] | None = None
    flapping: FlappingSettings | None = None
    severity: str | None = None


DEFAULT_RULES: Mapping[str, Rule] = {"down": Rule(when=When(failures=3))}


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveRule:
    """A rule as it holds for one check. `lasting` (the config's `for`) and `remind` are in seconds."""

    name: str
    condition: Condition
    lasting: float = 0.0
    successes: int = 2
    remind: float | None = None
    flapping: Flapping | None = None
    severity: str = DEFAULT_SEVERITIES[0]

    @property
    def alertname(self) -> str:
        return alertname(self.name)


class _Overridden(Model):
    """Gives a mistake the place it has in the check: `alerts.down.when.failures`."""

    alerts: Mapping[RuleName, Rule]


def effective(
    rules: Mapping[str, Rule],
    overrides: Mapping[str, Mapping[str, JsonValue] | None],
    check_severity: str | None,
    severities: Sequence[str],
) -> tuple[EffectiveRule, ...]:
    """The rules that watch a check, in the order of `rules`, the check's own after them.

    Raises pydantic's ValidationError (a ValueError) for a bad override; its
    locations begin with `alerts`, as the override stands in the check.
    """
    _refuse_wrong_words(rules, overrides, severities)
    changed = {name: over for name, over in overrides.items() if over is not None}
    merged = {name: {**_plain(rules.get(name)), **over} for name, over in changed.items()}
    valid = _Overridden.model_validate({"alerts": merged}).alerts
    held = {name: rule for name, rule in rules.items() if overrides.get(name, {}) is not None}
    fallback = check_severity or severities[0]
    return tuple(_settled(name, rule, fallback) for name, rule in {**held, **valid}.items())


def applying(rules: Sequence[EffectiveRule], subject: Subject) -> tuple[EffectiveRule, ...]:
    """Those that `subject` can meet, with windows that its runs can fill."""
    return tuple(
        rule
        if (over := needed(rule.condition, subject.interval)) is None
        else replace(rule, condition=_widened(rule.condition, over))
        for rule in rules
        if subject.can_meet(rule.condition)
    )


def _widened(condition: Condition, over: float) -> Condition:
    return replace(condition, over=over) if isinstance(condition, Windowed) else condition


def _settled(name: str, rule: Rule, fallback: str) -> EffectiveRule:
    flapping = rule.flapping
    return EffectiveRule(
        name=name,
        condition=rule.when.condition(),
        lasting=rule.when.for_,
        successes=rule.resolve.successes,
        remind=rule.remind,
        flapping=Flapping(flapping.changes, flapping.over) if flapping else None,
        severity=rule.severity or fallback,
    )


def _plain(rule: Rule | None) -> dict[str, JsonValue]:
    return rule.model_dump(mode="json", exclude_unset=True, by_alias=True) if rule else {}


def _refuse_wrong_words(
    rules: Mapping[str, Rule],
    overrides: Mapping[str, Mapping[str, JsonValue] | None],
    severities: Sequence[str],
) -> None:
    mistakes = []
    left = [name for name in {**rules, **overrides} if overrides.get(name, {}) is not None]
    for name, over in overrides.items():
        if over is not None and name not in rules and (said := clash(name, left)):
            mistakes.append(_mistake(said, name))
        if over is None and name not in rules:
            known = ", ".join(repr(rule) for rule in rules) or "none"
            mistakes.append(_mistake(f"no rule {name!r} to remove; the rules are {known}", name))
        word = over.get("severity") if over else None
        if isinstance(word, str) and word not in severities:
            said = f"{word!r} is not one of the severities: {', '.join(severities)}"
            mistakes.append(_mistake(said, name, "severity"))
    if mistakes:
        raise ValidationError.from_exception_data("alerts", mistakes, hide_input=True)


def _mistake(message: str, *place: str) -> InitErrorDetails:
    # The message is not a template: braces in it are the user's own.
    error = PydanticCustomError("override", "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=("alerts", *place), input=None)
