"""Which notifiers are told of an alert.

The first route that matches decides; one with `continue: true` lets the next
ones be asked as well. A config without routes tells every notifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from prober.alerts.scope import Names, OneOf, Scope
from prober.alerts.times import Times
from prober.check import Model
from prober.units import Duration


def _some(times: tuple[Times, ...]) -> tuple[Times, ...]:
    """Said only where each of them is right."""
    if not times:
        raise ValueError("an empty list is no time; leave it out for any time")
    return times


class Match(Scope):
    """Keys are ANDed, the items of a list ORed; no keys match everything."""

    severity: OneOf | None = None
    times: Annotated[tuple[Times, ...], AfterValidator(_some)] | None = None

    def matches(self, labels: Mapping[str, str], now: float | None = None) -> bool:
        """Whether an alert with these labels (ours among them) is meant at `now`; None: at some time."""
        return (
            (self.severity is None or labels.get("severity") in self.severity)
            and self.covers(labels)
            and (self.times is None or now is None or any(one.have(now) for one in self.times))
        )


class Stage(Model):
    """So long after it was told, these are told as well, if nobody looks after it."""

    after: Annotated[Duration, Field(gt=0)]
    notify: Annotated[Names, Field(min_length=1)]


class Route(Model):
    """`notify` may be empty: what matches is told to nobody."""

    match: Match = Match()
    notify: Names
    continue_: Annotated[bool, Field(alias="continue")] = False
    escalate: tuple[Stage, ...] = ()


def routed(
    routes: Sequence[Route],
    notifiers: Iterable[str],
    labels: Mapping[str, str],
    now: float | None = None,
) -> tuple[str, ...]:
    """The names of the notifiers to tell at `now`, each once, in the order of the routes."""
    there = dict.fromkeys(notifiers)
    if not routes:
        return tuple(there)
    told: dict[str, None] = {}
    for route in meant(routes, labels, now):
        told |= dict.fromkeys(name for name in route.notify if name in there)
    return tuple(told)


def meant(
    routes: Iterable[Route], labels: Mapping[str, str], now: float | None = None
) -> Iterator[Route]:
    """The routes that such an alert takes at `now`."""
    for route in routes:
        if route.match.matches(labels, now):
            yield route
            if not route.continue_:
                return
