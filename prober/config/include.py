"""Which other files does a config consist of? Those of `include:` and of `targets_from:`.

They are read before anything is built, so that every secret is known by then.
What is wrong inside one is told with its own file and line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue
from yaml import ScalarEvent

from prober.config import hidden, source, words
from prober.config.compose import Composer
from prober.config.fill import Files, Filled, Filler
from prober.config.globs import Pattern
from prober.config.hidden import Field, Hidden
from prober.config.tree import Path as Place
from prober.config.tree import Spot, Tree
from prober.config.values import Values
from prober.config.watch import TargetFiles
from prober.errors import ConfigError, Problem


@dataclass(frozen=True, slots=True)
class Part:
    """A file that is included: what a path into it begins with, and where its own paths start."""

    key: str
    base: Path


@dataclass(slots=True)
class Others:
    """The other files. `wrong` and `odd` are about the places that name them."""

    included: list[Part] = field(default_factory=list)
    modules: Part | None = None  # what `modules_file` names
    targets: dict[Place, list[str]] = field(default_factory=dict)  # by the check's place
    watched: TargetFiles = field(default_factory=TargetFiles)
    wrong: list[tuple[Place, str]] = field(default_factory=list)
    odd: list[tuple[Place, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Named:
    """A file, and the place that names it."""

    place: Place
    pattern: Pattern
    name: str

    @property
    def path(self) -> Path:
        return Path(self.pattern.whole(self.name))

    @property
    def identity(self) -> str:
        return os.path.abspath(self.path)


@dataclass(frozen=True, slots=True)
class Reading:
    """What it takes to read one more file."""

    tree: Tree
    files: Files
    env: Mapping[str, str]
    found: Hidden
    allow_unset: bool = False
    others: Others = field(default_factory=Others)

    def read(self) -> Others:
        """All of them. Nothing is raised: a file that cannot be read has no values."""
        self._include()
        self._modules()
        self._targets()
        return self.others

    def _include(self) -> None:
        known = {os.path.abspath(path) for path in self.files.hashes}  # so far the config itself
        value = _at(self.tree.root, "include")
        for place, pattern in self._patterns(("include",), value, self.files.base):
            for file in self._named(place, pattern):
                if file.identity not in known:
                    known.add(file.identity)
                    self._included(file)
                elif not pattern.is_wild:
                    said = f"{file.name!r} is part of the config already; leave it out"
                    self.others.wrong.append((place, said))

    def _included(self, file: _Named) -> None:
        base = file.path.parent
        key, tree = self.tree.part(_shown(self.tree.file, file.name))
        filler = Filler(self.env, self.files.beside(base))
        if self._fill(tree, file, Values(tree, filler, self.found, self.allow_unset)):
            self.others.included.append(Part(key, base))

    def _modules(self) -> None:
        """blackbox_exporter fills nothing in: a `${1}` there is of a regex."""
        named = _at(self.tree.root, "modules_file")
        for at, pattern in self._patterns(("modules_file",), named, self.files.base):
            file = _Named(at, pattern, pattern.text)
            key, tree = self.tree.part(_shown(self.tree.file, file.name))
            if self._fill(tree, file, Values(tree, _Unfilled(self.env, self.files), self.found)):
                self.others.modules = Part(key, file.path.parent)

    def _targets(self) -> None:
        named = [
            (check, place, pattern)
            for check, value, base in self._checks()
            for place, pattern in self._patterns((*check, "targets_from"), value, base)
        ]
        self.others.watched = TargetFiles.of(pattern for *_, pattern in named)
        read: dict[str, str] = {}  # what a path into each file begins with
        for check, place, pattern in named:
            keys = self.others.targets.setdefault(check, [])
            for file in self._named(place, pattern):
                if file.identity not in read:
                    read[file.identity] = self._listing(file)
                if read[file.identity] not in keys:
                    keys.append(read[file.identity])

    def _checks(self) -> Iterator[tuple[Place, JsonValue, Path]]:
        """Those that take their targets from files; what they name, and what that is relative to."""
        yield from (((*at,), value, self.files.base) for at, value in _naming(self.tree.root))
        for part in self.others.included:
            for at, value in _naming(self.tree.parts[part.key].root):
                yield (part.key, *at), value, part.base

    def _listing(self, file: _Named) -> str:
        key, tree = self.tree.part(_shown(self.tree.where(file.place)[0], file.name))
        self._fill(tree, file, _AsWritten(tree, _Unfilled(self.env, self.files), self.found))
        return key

    def _patterns(
        self, place: Place, value: JsonValue, base: Path
    ) -> Iterator[tuple[Place, Pattern]]:
        """What is written at `place`, a text or a list of them, each with its own place."""
        if value is None:
            return
        if not isinstance(value, str | list):
            self.others.wrong.append((place, f"{words.found(value)} is not a list"))
            return
        each = [(place, value)] if isinstance(value, str) else _numbered(place, value)
        for at, text in each:
            if not isinstance(text, str) or not text:
                self.others.wrong.append((at, f"{words.found(text)} is not the name of a file"))
            elif not self.tree.has_unset(at):
                yield at, Pattern(str(base), text)

    def _named(self, place: Place, pattern: Pattern) -> list[_Named]:
        names = pattern.matches()
        if not names:
            self.others.odd.append((place, f"{pattern.text!r} matches no file"))
        return [_Named(place, pattern, name) for name in names]

    def _fill(self, tree: Tree, file: _Named, values: Values) -> bool:
        """Whether there is something to be read, right or wrong."""
        content = self.files.read(file.path)
        if isinstance(content, str):
            tree.is_broken = True
            self.others.wrong.append((file.place, f"{file.name!r} {content}"))
            return False
        composer = Composer(tree, values)
        try:
            composer.compose(source.events(source.decoded(content, tree.file), tree.file))
        except ConfigError as error:
            tree.is_broken = True
            self.others.problems += error.problems
        self.others.problems += composer.problems
        self.others.warnings += composer.warnings
        return True


class _Unfilled(Filler):
    """Leaves every `${…}` as it stands: what lists targets is written by other programs."""

    def fill(self, text: str) -> Filled:
        return Filled(text)


class _AsWritten(Values):
    """Knows the userinfo of a target that is a URL without its scheme, too."""

    def value(self, event: ScalarEvent, where: Field, spot: Spot | None) -> JsonValue:
        text = event.value
        if spot is not None and isinstance(spot[1], int) and "@" in text and "://" not in text:
            for userinfo in hidden.userinfos(f"http://{text}"):
                self._note(self.hidden.userinfo(userinfo))
        return super().value(event, where, spot)


def _naming(root: JsonValue) -> Iterator[tuple[Place, JsonValue]]:
    """The checks in a file that take their targets from others."""
    checks = _at(root, "checks")
    for index, check in enumerate(checks if isinstance(checks, list) else ()):
        if isinstance(check, dict) and "targets_from" in check:
            yield ("checks", index), check["targets_from"]


def _numbered(place: Place, values: list[JsonValue]) -> list[tuple[Place, JsonValue]]:
    return [((*place, index), value) for index, value in enumerate(values)]


def _shown(file: str, name: str) -> str:
    """A file that `file` names, from where the user stands."""
    return os.path.join(os.path.dirname(file), name)


def _at(root: JsonValue, key: str) -> JsonValue:
    return root.get(key) if isinstance(root, dict) else None
