"""What can be written under `http.steps`: several requests, of which later ones are made of earlier answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from prober.probes.address import Url
from prober.probes.extract import Named, SourceField
from prober.probes.http_settings import HttpCommon, HttpSettings
from prober.probes.templates import LaterUrl, Place, Use, uses
from prober.probes.values import MOST_VALUES
from prober.secret import is_secret_name
from prober.series import MOST_STEPS

MOST_EXTRACTED = 50  # of a step
# How deep what a step writes is laid on what stands beside `steps`: 1 for key by key.
_DEPTHS = {"headers": 1, "resolve": 1, "tls": 1, "values": 1, "expect": 2}
_ONE_REQUEST = tuple(
    info.alias or name
    for name, info in HttpSettings.model_fields.items()
    if name not in HttpCommon.model_fields
)


def _step_name(name: str) -> str:
    if not name.strip():
        raise ValueError("the name is blank; write what the step does, as in: sign in")
    return name.strip()


def _few(steps: object) -> object:
    """Counted as written: pydantic would count those that are right."""
    if isinstance(steps, list | tuple) and not steps:
        raise ValueError("the list of steps is empty; write at least one")
    if isinstance(steps, list | tuple) and len(steps) > MOST_STEPS:
        raise ValueError(f"{len(steps)} steps are too many; at most {MOST_STEPS} a check")
    return steps


class HttpStep(HttpSettings):
    """One of several requests, and what is taken from its answer for those after it."""

    name: Annotated[str, Field(max_length=100), AfterValidator(_step_name)]
    url: Annotated[Url, BeforeValidator(LaterUrl.read)]
    extract: Annotated[Mapping[Named, SourceField], Field(max_length=MOST_EXTRACTED)] = {}
    always: bool = False  # also after a step that failed

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        return tuple(uses(self))


class HttpSteps(HttpCommon):
    """`steps` are whole: each has what stands beside them laid under its own."""

    steps: Annotated[tuple[HttpStep, ...], BeforeValidator(_few)]

    @model_validator(mode="wrap")
    @classmethod
    def _whole(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Everything is first read as it is written, so that a mistake is told where it stands."""
        if not isinstance(value, Mapping):
            return handler(value)
        _refuse(_misplaced(value))
        own = handler(value)
        defaults = {key: one for key, one in value.items() if key != "steps"}
        steps = own.steps
        if defaults:
            steps = _laid_on(defaults, value["steps"])
            own = own.model_copy(update={"steps": steps})
        _refuse([*_names_twice(steps), *_hosts(steps), *_unknown(steps), *_too_many_values(steps)])
        return own

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The names of what is extracted and must not show."""
        used = {use.name for step in self.steps for use in step.uses if use.secret}
        taken = {
            name
            for step in self.steps
            for name, source in step.extract.items()
            if is_secret_name(name) or source.names_secret
        }
        return frozenset(used | taken)

    @property
    def reads(self) -> bool:
        """Whether a step reads values."""
        return any(step.values for step in self.steps)


_Mistake = tuple[Place, str]


def _refuse(mistakes: Sequence[_Mistake]) -> None:
    if mistakes:
        raise ValidationError.from_exception_data(
            "steps",
            [
                InitErrorDetails(
                    # The message is not a template: braces in it are the user's own.
                    type=PydanticCustomError("steps", "{message}", {"message": said}),
                    loc=place,
                    input=None,
                )
                for place, said in mistakes
            ],
            hide_input=True,
        )


def _misplaced(value: Mapping[object, object]) -> list[_Mistake]:
    return [
        ((key,), f"{key} stands beside steps; write it in the step that is to have it")
        for key in _ONE_REQUEST
        if key in value
    ]


def _laid_on(defaults: Mapping[str, object], steps: Sequence[object]) -> tuple[HttpStep, ...]:
    whole: list[HttpStep] = []
    mistakes: list[InitErrorDetails] = []
    for index, step in enumerate(steps):
        if isinstance(step, HttpStep):  # nothing that was written
            whole.append(step)
            continue
        try:
            whole.append(HttpStep.model_validate(_merged(defaults, step)))
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                said = str(one.get("ctx", {}).get("error", one["msg"]))
                kind = PydanticCustomError("steps", "{message}", {"message": said})
                loc = ("steps", index, *one["loc"])
                mistakes.append(InitErrorDetails(type=kind, loc=loc, input=None))
    if mistakes:
        raise ValidationError.from_exception_data("steps", mistakes, hide_input=True)
    return tuple(whole)


def _merged(defaults: Mapping[str, object], step: object) -> object:
    if not isinstance(step, Mapping):
        return step
    return _laid(defaults, step, 1, _DEPTHS)


def _laid(
    below: Mapping[str, object], above: Mapping[str, object], depth: int, depths: Mapping[str, int]
) -> dict[str, object]:
    both = {**below, **above}
    for key in below.keys() & above.keys():
        under, over, deep = below[key], above[key], depths.get(key, depth - 1)
        if deep > 0 and isinstance(under, Mapping) and isinstance(over, Mapping):
            both[key] = _laid(_without(under, over, key), over, deep, {})
    return both


def _without(
    under: Mapping[str, object], over: Mapping[str, object], key: str
) -> Mapping[str, object]:
    """The names of headers are the same in any case."""
    if key != "headers":
        return under
    written = {str(name).lower() for name in over}
    return {name: one for name, one in under.items() if str(name).lower() not in written}


def _names_twice(steps: Sequence[HttpStep]) -> Iterator[_Mistake]:
    seen: dict[str, int] = {}
    for index, step in enumerate(steps):
        first = seen.setdefault(step.name, index)
        if first != index:
            said = f"{step.name!r} is the name of step {first + 1} too; names are unique in a check"
            yield ("steps", index, "name"), said


def _hosts(steps: Sequence[HttpStep]) -> Iterator[_Mistake]:
    for index, step in enumerate(steps):
        for use in step.uses:
            if use.place[0] == "headers" and str(use.place[1]).lower() == "host":
                said = f"{use.name!r} is filled in as the host, which no answer may choose"
                yield ("steps", index, *use.place), said


def _unknown(steps: Sequence[HttpStep]) -> Iterator[_Mistake]:
    known: set[str] = set()
    for index, step in enumerate(steps):
        for use in dict.fromkeys(use for use in step.uses if use.name not in known):
            later = any(use.name in one.extract for one in steps[index:])
            yield ("steps", index, *use.place), _said_of(use.name, step.name, known, later=later)
        known |= step.extract.keys()


def _said_of(name: str, step: str, known: set[str], *, later: bool) -> str:
    said = f"{name!r} is filled in by step {step!r}, but no step before it extracts that"
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    if close:
        return f"{said}; did you mean {close[0]}?"
    return said if later else f"{said}; write it under extract: of an earlier step"


def _too_many_values(steps: Sequence[HttpStep]) -> Iterator[_Mistake]:
    names: dict[str, None] = {}
    for index, step in enumerate(steps):
        before = len(names)
        names |= dict.fromkeys(step.values)
        if before <= MOST_VALUES < len(names):
            said = f"the steps read {len(names)} different values so far; at most {MOST_VALUES} a check"
            yield ("steps", index, "values"), said
