"""Are the names that a config refers to there, and are those that it gives its own?

All of it is asked of what is written, not of what came of it: a place that has
another mistake is looked at all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from prober.config.desk import Desk
from prober.config.tree import Path


def refuse_unknown(desk: Desk, place: Path) -> None:
    """Names under `notify` at `place` that no notifier has."""
    known = desk.section("notifiers")
    names = tuple(known) if isinstance(known, dict) else ()
    for at, name in desk.texts((*place, "notify")):
        if name not in names:
            listed = f"the notifiers are {', '.join(names)}" if names else "there are none"
            desk.report.error(at, f"no notifier {name!r}; {listed}")


def refuse_severity(desk: Desk, at: Path, word: str, severities: Sequence[str] | None) -> None:
    """`severities` is None where they are wrong themselves."""
    if severities and word not in severities:
        said = f"{word!r} is not one of the severities: {', '.join(severities)}"
        desk.report.error(at, said)


class Names:
    """Those of the items of a section, each of which has one of its own."""

    def __init__(self, desk: Desk, section: str) -> None:
        self._desk = desk
        self._section = section
        self._first: dict[str, int] = {}

    def note(self, index: int) -> None:
        at: Path = (self._section, index, "name")
        name = self._desk.text(at)
        if name is not None and (first := self._first.setdefault(name, index)) != index:
            other = f"{self._section}[{first}]"
            self._desk.report.error(at, f"{name!r} is the name of {other} too; names are unique")
