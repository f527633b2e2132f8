"""Do the times of a check fit together, and whose mistake is it where they do not?"""

from __future__ import annotations

from collections.abc import Sequence

from prober.check import Check
from prober.config.desk import Desk
from prober.config.routes import NAMED
from prober.config.tree import Path, show
from prober.probes import AnyCheck
from prober.probes.journey_settings import JourneyCheck
from prober.units import show_duration

BETWEEN_ATTEMPTS = 1.0  # seconds
HASTY = 15.0  # seconds; a shorter timeout ends most journeys before their step can fail


class Pace:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._misfits: dict[tuple[Path, str], list[str]] = {}  # of the defaults: whom they misfit

    def report(self) -> None:
        """What is wrong with the defaults, once for all checks that have it from there."""
        for (path, said), names in self._misfits.items():
            self._desk.report.error(path, f"{some(names)}: {said}")

    def fits(self, check: Check, places: Sequence[Path]) -> None:
        """All attempts must be over before the next run is due."""
        attempts = check.retries + 1
        together = attempts * check.timeout + check.retries * BETWEEN_ATTEMPTS
        if together <= check.interval:
            return
        timeout = self._told("timeout", check.timeout, places)
        interval = self._told("interval", check.interval, places)
        keys: tuple[str, ...]
        if check.timeout > check.interval:
            keys = ("timeout", "interval")
            said = f"{timeout} is longer than {interval}; lower timeout or raise interval"
        else:
            keys = ("timeout", "retries", "interval")
            said = (
                f"{attempts} attempts of {timeout.removeprefix('timeout ')}, a second apart, take"
                f" {show_duration(together)}, longer than {interval};"
                " lower timeout or retries, or raise interval"
            )
        at = self._written(keys, places)
        if at[0] == "defaults":  # where many checks may have the same mistake
            self._misfits.setdefault((at, said), []).append(self._name(places[0]))
        else:
            self._desk.report.error(at, said)

    def _told(self, key: str, seconds: float, places: Sequence[Path]) -> str:
        """The key and its value, and whose it is where nobody has written it."""
        shown = f"{key} {show_duration(seconds)}"
        if self._written((key,), places)[-1] == key:
            return shown
        return f"{shown} (the default for {places[1][-1]} checks)"

    def _name(self, place: Path) -> str:
        name = self._desk.tree.reach((*place, "name")).value
        return name if isinstance(name, str) else show(place)

    def hasty(self, check: AnyCheck, places: Sequence[Path]) -> None:
        """A timeout that suits one request, and reaches journeys as nobody has thought of them."""
        if not isinstance(check, JourneyCheck) or check.timeout >= HASTY:
            return
        at = self._written(("timeout",), places)
        if at == ("defaults", "timeout"):
            said = (
                f"{show_duration(check.timeout)} is the journeys' too, and Playwright's expect alone"
                " waits 5 s: a failure would be told as timeout, not by its step;"
                " write journey: {timeout: 60s} beside it"
            )
            self._desk.report.warn(at, said)

    def idle(self, check: AnyCheck, place: Path) -> None:
        """A budget that the timeout keeps: whoever wrote 2500 meant milliseconds."""
        if not isinstance(check, JourneyCheck):
            return
        for keys, limit in check.journey.budgets.times():
            if limit > check.timeout:
                said = (
                    f"{show_duration(limit)} is longer than timeout {show_duration(check.timeout)}:"
                    " no run can break it; write 500ms or 2.5s, a bare number is seconds"
                )
                self._desk.report.warn((*place, "journey", "budgets", *keys), said)

    def _written(self, keys: Sequence[str], places: Sequence[Path]) -> Path:
        """Where the first of `keys` stands that somebody has written, nearest to the check."""
        candidates = ((*place, key) for place in places for key in keys)
        there = (path for path in candidates if self._desk.tree.reach(path).path == path)
        return next(there, places[0])


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
