"""What is known of a receiver before it is told anything: who it is, and how fast it may be asked?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from prober.alerts.notice import PLAIN, Event
from prober.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """One kind of notifier.

    `people`: read by somebody, who is spared what is out of date. `most` notices
    go into one message. `claims`: it is told at most once, whatever becomes of
    the agent meanwhile. `events` are those it can do something with.
    """

    people: bool
    at_once: int = 4  # sends under way
    per_second: float | None = None  # messages; None: as many as there are
    most: int = 1
    claims: bool = False
    events: frozenset[Event] = PLAIN


FOR_PEOPLE = frozenset(Event)  # also what is about no incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all notifiers of an agent share."""

    client: httpx.AsyncClient
    clock: Clock
    scrub: Callable[[str], str] = str  # what programs say may hold any secret of the config
