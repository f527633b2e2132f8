"""What the config says of alerts: who is watched by which rules, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from prober.alerts.notice import MOVED, PLAIN, Event
from prober.alerts.route import Route, routed
from prober.alerts.rules import DEFAULT_SEVERITIES, EffectiveRule
from prober.alerts.windows import Maintenance

CHECK_GONE = "the check was removed from the config"
RULE_GONE = "the rule was removed from the config"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One check, as alerts see it. `labels` are the agent's and the check's together."""

    kind: str
    rules: tuple[EffectiveRule, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str | None = None
    depends_on: tuple[str, ...] = ()  # names of checks of the plan
    timeout: float = 10.0  # seconds until a run of it has said something, retries included


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Without `notify`, states move and no firing is told.

    `labels` and `severity` are those of the agent's own alerts. Where there are
    no routes `by_default` are told; None is everybody. `takes` says which events
    a notifier can do something with. `parents` are all checks that others
    depend on. `elsewhere` are checks that another agent of the region runs.
    `windows` are those of which this agent tells.
    """

    region: str
    checks: Mapping[str, Watched] = field(default_factory=dict)
    notifiers: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    notify: bool = True
    external_url: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    severity: str = DEFAULT_SEVERITIES[0]
    by_default: tuple[str, ...] | None = None
    takes: Mapping[str, frozenset[Event]] = field(default_factory=dict)
    parents: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    windows: tuple[Maintenance, ...] = ()

    def gone(self, check: str) -> str:
        """Why nothing of `check` fires here any more, if that is for the config."""
        if check in self.checks:
            return RULE_GONE
        return MOVED if check in self.elsewhere else CHECK_GONE

    def routed(self, labels: Mapping[str, str], now: float) -> tuple[str, ...]:
        """Who is told of an alert with these labels that fires now."""
        if not self.notify:
            return ()
        if self.routes or self.by_default is None:
            return routed(self.routes, self.notifiers, labels, now)
        return tuple(name for name in self.by_default if name in self.notifiers)

    def is_taken(self, event: Event, notifier: str) -> bool:
        """Whether this notifier is told of such events."""
        return event in self.takes.get(notifier, PLAIN)


class OnDemand(Mapping[str, Watched], Generic[T]):
    """A plan's checks, each made of `sources` when it is asked for: ten thousand take 30 ms."""

    def __init__(self, sources: Mapping[str, T], watched: Callable[[T], Watched]) -> None:
        self._sources = sources
        self._watched = watched
        self._last: tuple[T, Watched] | None = None  # what fires is asked for five times in a row

    def __getitem__(self, name: str) -> Watched:
        source = self._sources[name]
        if self._last is None or self._last[0] is not source:
            self._last = (source, self._watched(source))
        return self._last[1]

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)
