"""Which checks does a check depend on? Names become checks, and a circle is a mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from prober.check import Check
from prober.config.desk import Desk
from prober.config.tree import Path

KEY = "depends_on"


class Depends:
    """Gathers what every check says of it; only when all are known it can be judged."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._said: dict[str, tuple[Path, tuple[str, ...]]] = {}
        self._names: dict[str, None] = {}
        self._targets: dict[str, list[str]] = {}  # the checks that one with targets stands for

    def note(self, check: Check, place: Path, template: str | None = None) -> None:
        """`template` is the name of the check with `targets_from` that made this one."""
        self._names[check.name] = None
        if template is not None:
            self._targets.setdefault(template, []).append(check.name)
        if check.depends_on:
            self._said[check.name] = (place, check.depends_on)

    def parents(self, wrong: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """By check, the checks it depends on; what cannot be is reported and left out.

        `wrong` are names of checks that are there and have other mistakes.
        """
        found = {name: tuple(self._of(name, *said, wrong)) for name, said in self._said.items()}
        seen: set[tuple[str, ...]] = set()
        for name in found:
            circle = _circle(name, found)
            if circle and tuple(sorted(circle)) not in seen:
                seen.add(tuple(sorted(circle)))
                way = " → ".join((*circle, circle[0]))
                self._wrong(name, 0, f"the checks depend on each other in a circle: {way}")
        return {name: parents for name, parents in found.items() if parents}

    def _of(
        self, name: str, place: Path, wanted: tuple[str, ...], wrong: Collection[str]
    ) -> Iterator[str]:
        for index, parent in enumerate(wanted):
            if parent == name:
                self._wrong(name, index, f"{parent!r} is the check itself")
            elif parent in self._names:
                yield parent
            elif parent in self._targets:
                yield from (one for one in self._targets[parent] if one != name)
            elif parent not in wrong:
                near = get_close_matches(parent, [*self._names, *self._targets], n=1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                self._wrong(name, index, f"no check {parent!r}{meant}")

    def _wrong(self, name: str, index: int, said: str) -> None:
        place, _ = self._said[name]
        self._desk.report.error((*place, KEY, index), said)


def _circle(name: str, parents: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The shortest way from `name` back to itself, without the second `name`; none is empty."""
    ways: list[tuple[str, ...]] = [(name,)]
    seen: set[str] = set()
    for way in ways:  # grows while it is walked
        for parent in parents.get(way[-1], ()):
            if parent == name:
                return way
            if parent not in seen:
                seen.add(parent)
                ways.append((*way, parent))
    return ()
