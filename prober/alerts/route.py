"""Which notifiers are told of an alert.

The first route that matches decides; one with `continue: true` lets the next
ones be asked as well. A config without routes tells every notifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from prober.check import LabelName, Model


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


# A scalar is a list of one; an empty list could never match, so it is a mistake.
OneOf = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]


class Match(Model):
    """Keys are ANDed, the items of a list ORed; no keys match everything."""

    severity: OneOf | None = None
    labels: Mapping[LabelName, OneOf] = {}
    checks: OneOf | None = None
    kinds: OneOf | None = None
    regions: OneOf | None = None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels (ours among them) is meant."""
        wanted = {
            "severity": self.severity,
            "check": self.checks,
            "kind": self.kinds,
            "region": self.regions,
        }
        return all(
            items is None or labels.get(name) in items for name, items in wanted.items()
        ) and all(labels.get(name) in items for name, items in self.labels.items())


class Route(Model):
    """`notify` may be empty: what matches is told to nobody."""

    match: Match = Match()
    notify: Annotated[tuple[str, ...], BeforeValidator(_listed)]
    continue_: Annotated[bool, Field(alias="continue")] = False


def routed(
    routes: Sequence[Route], notifiers: Iterable[str], labels: Mapping[str, str]
) -> tuple[str, ...]:
    """The names of the notifiers to tell, each once, in the order of the routes."""
    there = dict.fromkeys(notifiers)
    if not routes:
        return tuple(there)
    told: dict[str, None] = {}
    for route in routes:
        if route.match.matches(labels):
            told |= dict.fromkeys(name for name in route.notify if name in there)
            if not route.continue_:
                break
    return tuple(told)
