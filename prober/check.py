"""What to look at, and how often: the fields that all kinds of check share.

Each kind extends `Check` in its own file under `probes/` by one field, named
after the kind: `class TcpCheck(Check): tcp: TcpSettings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from prober.units import Count, Duration

# Prometheus' own rule for label names, less the ones we set ourselves (checked by config).
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]

_GIVEN: dict[frozenset[str], set[str]] = {}
_NOTHING: Mapping[str, object] = {}


class Model(BaseModel):
    """A piece of configuration: immutable, comparable by value, strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def model_post_init(self, _: object) -> None:
        """Of thousands of checks few have fields of their own given: one set for all that have the same."""
        given = self.__pydantic_fields_set__
        shared = _GIVEN.setdefault(frozenset(given), given)
        object.__setattr__(self, "__pydantic_fields_set__", shared)
        fields = self.__dict__
        for name, value in fields.items():
            if value == _NOTHING:
                fields[name] = _NOTHING

    def __deepcopy__(self, memo: object = None) -> Self:
        """Nobody changes it: where it is the default of a field, all have this one."""
        return self


class Check(Model):
    """The fields every kind has. Durations are in seconds."""

    kind: ClassVar[str]

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$", max_length=200)]
    interval: Annotated[Duration, Field(gt=0)] = 60.0
    timeout: Annotated[Duration, Field(gt=0)] = 10.0  # of one attempt, everything included
    retries: Annotated[Count, Field(ge=0)] = 0
    severity: str | None = None
    labels: Mapping[LabelName, str] = {}
    runbook: Annotated[str, Field(max_length=1000)] | None = None  # as long as an annotation is
    quorum: Annotated[Count, Field(ge=1)] | None = None  # regions that agree; the config's
    depends_on: tuple[str, ...] = ()  # checks while which are down nobody is told of this one
    alerts: Mapping[
        str, Mapping[str, JsonValue] | None
    ] = {}  # overrides by rule name; null removes

    @property
    def target(self) -> str:
        """What is probed, for people (each kind says its own); may hold a secret: scrub it."""
        return self.name
