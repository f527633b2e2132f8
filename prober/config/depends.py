"""Which checks does a check depend on? Names become checks, and a circle is a mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from prober.check import Check
from prober.config.desk import Desk
from prober.config.tree import Path

KEY = "depends_on"


class _Said(NamedTuple):
    """What a check depends on, each with its place in the list."""

    name: str
    place: Path
    wanted: tuple[tuple[str | int, str], ...]


class Depends:
    """Gathers what every check says of it; only when all are known it can be judged."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._said: list[_Said] = []
        self._names: dict[str, None] = {}
        self._targets: dict[str, list[str]] = {}  # the checks that one with targets stands for

    def note(self, check: Check, place: Path, template: str | None = None) -> None:
        """`template` is the name of the check with `targets_from` that made this one."""
        self._names[check.name] = None
        if template is not None:
            self._targets.setdefault(template, []).append(check.name)
        if check.depends_on:
            self._said.append(_Said(check.name, place, tuple(enumerate(check.depends_on))))

    def note_wrong(self, place: Path) -> None:
        """What the one at `place` says of it, which has another mistake."""
        name = self._desk.text((*place, "name")) or ""
        if name:
            self._names[name] = None
        wanted = self._desk.texts((*place, KEY))
        self._said.append(_Said(name, place, tuple((at[-1], one) for at, one in wanted)))

    def parents(self, wrong: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """By check, the checks it depends on; what cannot be is reported and left out.

        `wrong` are names of checks that are there and have other mistakes.
        """
        found: dict[str, tuple[str, ...]] = {}
        for said in self._said:
            found[said.name] = (*found.get(said.name, ()), *self._of(said, wrong))
        seen: set[tuple[str, ...]] = set()
        for name in found:
            circle = _circle(name, found)
            if circle and tuple(sorted(circle)) not in seen:
                seen.add(tuple(sorted(circle)))
                way = " → ".join((*circle, circle[0]))
                first = next(said for said in self._said if said.name == name)
                self._wrong(first, 0, f"the checks depend on each other in a circle: {way}")
        return {name: parents for name, parents in found.items() if parents}

    def _of(self, said: _Said, wrong: Collection[str]) -> Iterator[str]:
        for index, parent in said.wanted:
            if parent == said.name:
                self._wrong(said, index, f"{parent!r} is the check itself")
            elif parent in self._names:
                yield parent
            elif parent in self._targets:
                yield from (one for one in self._targets[parent] if one != said.name)
            elif parent not in wrong:
                near = get_close_matches(parent, [*self._names, *self._targets], n=1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                self._wrong(said, index, f"no check {parent!r}{meant}")

    def _wrong(self, said: _Said, index: str | int, message: str) -> None:
        self._desk.report.error((*said.place, KEY, index), message)


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
