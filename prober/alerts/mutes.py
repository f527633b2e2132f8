"""What holds notices back now: windows of the config, what people decided, no connectivity.

What the labels of a check and the time say is remembered until it may change,
since every run of every check asks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from prober.alerts.decisions import Mute
from prober.alerts.hold import OFFLINE
from prober.alerts.matchers import matches
from prober.alerts.windows import Maintenance, Span

# What only alerts have: maintenance is of checks, so it holds for all alerts of one or for none.
OF_ALERTS = frozenset({"alertname", "alert", "severity"})
FORGOTTEN_AFTER = (
    86400.0  # seconds that a mute is known after its end, should the clock be set back
)


class Open(NamedTuple):
    """A window that is active, and since when until when."""

    window: Maintenance
    span: Span


class _Cover(NamedTuple):
    """What windows say of one check."""

    name: str
    probed: bool


_NONE = _Cover("", True)


class Mutes:
    """The real `Holding`. `offline`: while the agent itself is cut off."""

    def __init__(self, windows: Sequence[Maintenance] = ()) -> None:
        self.offline = False
        self._windows = tuple(windows)
        self._mutes: dict[str, Mute] = {}
        self._open: dict[str, Open] = {}
        self._standing: tuple[Mute, ...] = ()
        self._covers: dict[str, _Cover] = {}  # by check, of those that were asked for
        self._since, self._until = math.inf, -math.inf  # while all this holds
        self._quiet = False  # no window and no maintenance is active

    def configure(self, windows: Sequence[Maintenance]) -> None:
        """The windows of a new config, whose checks may have other labels too."""
        self._windows = tuple(windows)
        self._look_anew()

    @property
    def mutes(self) -> Mapping[str, Mute]:
        """By id; also those that are yet to begin, and what ended lately."""
        return self._mutes

    def open(self, now: float) -> Mapping[str, Open]:
        """The windows of the config that are active, by name."""
        self._look(now)
        return self._open

    def put(self, mute: Mute) -> None:
        self._mutes[mute.id] = mute
        self._look_anew()

    def drop(self, id: str) -> None:  # noqa: A002 - as it is called everywhere
        self._mutes.pop(id, None)
        self._look_anew()

    def next(self, now: float) -> float | None:
        self._look(now)
        return self._until if self._until < math.inf else None

    def why(self, check: str, labels: Mapping[str, str], now: float) -> str:
        """`labels` are the alert's; those of its check are among them."""
        self._look(now)
        # Not as it is remembered for runs: an incident keeps the labels that it began with.
        if not self._quiet and (name := self._covered(labels).name):
            return f"maintenance {name}"
        for mute in self._standing:
            if mute.kind == "silence" and matches(mute.matchers, labels):
                return f"silence {mute.id}"
        # What the agent says of itself is not about a target.
        return OFFLINE if self.offline and check else ""

    def is_quiet(self, now: float) -> bool:
        """Whether no window and no maintenance is active, of whichever checks."""
        if not self._since <= now < self._until:
            self._look(now)
        return self._quiet

    def is_free(self, now: float) -> bool:
        """Whether nothing at all is held back."""
        return self.is_quiet(now) and not self._standing and not self.offline

    def maintenance_of(self, check: str, labels: Mapping[str, str], now: float) -> str:
        """The window, or the id of the maintenance by hand, that a run of `check` is in; "" for none.

        `labels` are those of `scope.labels_of`, the same at every run under one config.
        """
        if not self._since <= now < self._until:
            self._look(now)
        return "" if self._quiet else self._cover(check, labels).name

    def probes(self, check: str, labels: Mapping[str, str], now: float) -> bool:
        """Whether `check` is to be run at all."""
        if not self._since <= now < self._until:
            self._look(now)
        return self._quiet or self._cover(check, labels).probed

    def _cover(self, check: str, labels: Mapping[str, str]) -> _Cover:
        found = self._covers.get(check)
        if found is None:
            found = self._covers[check] = self._covered(labels)
        return found

    def _covered(self, labels: Mapping[str, str]) -> _Cover:
        windows = [one.window for one in self._open.values() if one.window.match.covers(labels)]
        names = [window.name for window in windows]
        own = {name: value for name, value in labels.items() if name not in OF_ALERTS}
        names += [one.id for one in self._maintenance() if matches(one.matchers, own)]
        return _Cover(names[0], all(one.probe for one in windows)) if names else _NONE

    def _maintenance(self) -> Iterator[Mute]:
        return (one for one in self._standing if one.kind == "maintenance")

    def _look_anew(self) -> None:
        """With the next question, whenever that is for."""
        self._since, self._until = math.inf, -math.inf

    def _look(self, now: float) -> None:
        """At the clock and the calendar, unless nothing can have changed."""
        if self._since <= now < self._until:
            return
        gone = [one.id for one in self._mutes.values() if one.ends_at + FORGOTTEN_AFTER <= now]
        for id_ in gone:
            del self._mutes[id_]
        spans = [(window, span) for window in self._windows if (span := window.span(now))]
        self._open = {
            window.name: Open(window, span) for window, span in spans if span.start <= now
        }
        self._standing = tuple(
            one for one in self._mutes.values() if one.starts_at <= now < one.ends_at
        )
        bounds = [bound for _, span in spans for bound in span]
        bounds += [one for mute in self._mutes.values() for one in (mute.starts_at, mute.ends_at)]
        self._since, self._until = now, min((b for b in bounds if b > now), default=math.inf)
        self._quiet = not self._open and not any(self._maintenance())
        self._covers.clear()
