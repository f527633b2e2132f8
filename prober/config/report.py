"""Where does a mistake stand, and how is it said? Every message to the user goes through here.

A secret is never shown: values in secret fields are not quoted, and whatever
is said is scrubbed at the end, when all secrets are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from prober.config import hidden, hints, shape, words
from prober.config.tree import Path, Reached, Tree, show
from prober.errors import Problem
from prober.secret import SHOWN, Scrubber

_KEY = "[key]"  # pydantic's mark that not the value but its key is wrong


@dataclass(frozen=True, slots=True)
class _Mistake:
    """One of pydantic's errors, and the place in the file that it is about."""

    error: ErrorDetails
    at: Reached
    branch: Path | None  # of a union, which has an error for each of its branches


class Report:
    def __init__(self, tree: Tree, scrub: Scrubber) -> None:
        self._tree = tree
        self._scrub = scrub
        self._problems: dict[Problem, None] = {}
        self._warnings: dict[Problem, None] = {}
        self._elsewhere: dict[Problem, None] = {}

    def add(self, problems: Sequence[Problem], warnings: Sequence[Problem]) -> None:
        """What was found before anything could be located."""
        self._problems |= dict.fromkeys(problems)
        self._warnings |= dict.fromkeys(warnings)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._sorted(self._problems)

    @property
    def elsewhere(self) -> tuple[Problem, ...]:
        """Mistakes in other files than the config itself."""
        return self._sorted(self._elsewhere)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return self._sorted(self._warnings)

    def error(self, path: Path, message: str, *places: Path) -> None:
        """`path` lies under one of `places` (default: the root): the one that has most of it."""
        at = self.locate(path, places or ((),))
        if at.spot is None or at.spot not in self._tree.unset:
            self._put(self._problems, at.path, at.line, message)

    def warn(self, path: Path, message: str) -> None:
        at = self._tree.reach(path)
        self._put(self._warnings, at.path, at.line, message)

    def other(self, file: str, line: int, path: Path, message: str) -> None:
        """A mistake in another file, which is named at `path`."""
        names, place = self._tree.where(self._tree.reach(path).path)
        field = show(place) if names == self._tree.file else f"{names}: {show(place)}"
        self._elsewhere[Problem(file, line, field, message)] = None

    def unknown(self, path: Path, key: str, known: Sequence[str], right: str | None = None) -> None:
        """A key that is not `known` here; what would be `right`, where that is another place."""
        line = self._tree.reach((*path, key)).line
        said = f'unknown key "{key}"; {right}' if right else words.unknown(key, known)
        self._put(self._problems, path, line, said)

    def found(self, path: Path) -> str:
        """How a message shows the value at `path`."""
        at = self._tree.reach(path)
        return self._found(at)

    def invalid(
        self, invalid: ValidationError, model: type[BaseModel], places: Sequence[Path]
    ) -> None:
        """Everything that pydantic has against a value of `model` that stands at `places`."""
        groups: dict[Path, list[_Mistake]] = {}
        for error in _told_apart(invalid.errors(include_url=False, include_input=False), model):
            mistake = self._mistake(error, places)
            groups.setdefault(mistake.at.path, []).append(mistake)
        for path, group in groups.items():
            elsewhere = {m.branch for p, ms in groups.items() if len(p) > len(path) for m in ms}
            own = [m for m in group if m.branch is None or m.branch not in elsewhere]
            self._say(own, model)

    def locate(self, path: Path, places: Sequence[Path]) -> Reached:
        """`path` under the first of `places` where most of it is there.

        A scalar, as a short form is, stands for all that is below: it is not merged.
        """
        reached = [(self._tree.reach((*place, *path)), len(place)) for place in places]
        for at, above in reached:
            if len(at.path) > above and not isinstance(at.value, dict | list):
                return at
        return max(reached, key=lambda one: len(one[0].path) - one[1])[0]

    def _mistake(self, error: ErrorDetails, places: Sequence[Path]) -> _Mistake:
        loc: Path = tuple(part for part in error["loc"] if part != _KEY)
        at = self.locate(loc, places)
        tags = [i for i, part in enumerate(loc) if part not in at.path]
        in_union = bool(tags) and error["type"] != "missing" and len(loc) > 1
        return _Mistake(error, at, loc[: tags[0]] if in_union else None)

    def _say(self, group: Sequence[_Mistake], model: type[BaseModel]) -> None:
        """One line for each mistake at a place, but one for all branches of a union."""
        kinds = dict.fromkeys(kind for m in group if (kind := words.kind(m.error)))
        branches = [m for m in group if m.error["type"] != "is_instance_of"] or group
        if len(kinds) > 1 and len(kinds) == len(branches):
            at = branches[0].at
            if not self._tree.has_unset(at.path):
                said = f"{self._found(at)} is not {' or '.join(kinds)}"
                self._put(self._problems, at.path, at.line, said)
            return
        for mistake in branches:
            self._say_one(mistake, model)

    def _say_one(self, mistake: _Mistake, model: type[BaseModel]) -> None:
        error, at = mistake.error, mistake.at
        loc: Path = error["loc"]
        if error["type"] == "missing":
            self._put(self._problems, at.path, at.line, f'no "{loc[-1]}"; it is required here')
        elif error["type"] == "extra_forbidden":
            key, known = str(loc[-1]), shape.known(model, loc[:-1])
            right = hints.of_kind(model, loc[:-1], key)
            self.unknown(at.path[:-1], key, known, right)
        elif not self._tree.has_unset(at.path):
            is_key = loc[-1:] == (_KEY,)
            found = repr(at.path[-1]) if is_key and at.path else self._found(at)
            said = words.message(error, found, shape.known(model, loc))
            self._put(self._problems, at.path, at.line, self._masked(said, at))

    def _found(self, at: Reached) -> str:
        if hidden.is_secret(at.path) and at.value is not None:
            return "the value" if isinstance(at.value, str) else words.found(at.value)
        value = self._without_secrets(at.value)
        return words.found(value, self._tree.written.get(at.spot) if at.spot else None)

    def _masked(self, message: str, at: Reached) -> str:
        """A validator may have quoted the value; quoting can make a secret unrecognizable."""
        if not isinstance(at.value, str) or not at.value:
            return message
        if hidden.is_secret(at.path):
            shown = message.replace(repr(at.value), SHOWN)
            return shown.replace(at.value, SHOWN) if len(at.value) > 1 else shown
        return message.replace(repr(at.value), words.found(self._without_secrets(at.value)))

    def _without_secrets(self, value: JsonValue) -> JsonValue:
        if not isinstance(value, str):
            return value
        return hidden.without_userinfo(self._scrub(value))

    def _put(self, where: dict[Problem, None], path: Path, line: int, message: str) -> None:
        file, place = self._tree.where(path)
        where[Problem(file, line, show(place), message)] = None

    def _sorted(self, problems: dict[Problem, None]) -> tuple[Problem, ...]:
        clean = dict.fromkeys(self._clean(problem) for problem in problems)
        return tuple(sorted(clean, key=lambda problem: (problem.file, problem.line)))

    def _clean(self, problem: Problem) -> Problem:
        file, line = self._line(problem.file), problem.line
        return Problem(file, line, self._line(problem.field), self._line(problem.message))

    def _line(self, text: str) -> str:
        """One line that shows no secret."""
        text = hidden.without_userinfo(self._scrub(text))
        if text.isprintable():
            return text
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _told_apart(errors: list[ErrorDetails], model: type[BaseModel]) -> list[ErrorDetails]:
    """Without the keys that are missing because they are misspelt: that is one mistake."""
    meant = {
        (*loc[:-1], words.meant(str(loc[-1]), shape.known(model, loc[:-1])))
        for loc in (error["loc"] for error in errors if error["type"] == "extra_forbidden")
    }
    return [error for error in errors if error["type"] != "missing" or error["loc"] not in meant]
