"""Which value stands where: the plain values of a config's files, and the line of each.

Values are ordinary dicts, lists and scalars, so that pydantic reads them as
they are; lines are kept beside them, by the identity of the container. A path
into another file than the config begins with a key that no YAML can have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from pydantic import JsonValue

Path: TypeAlias = tuple[str | int, ...]
Container: TypeAlias = "dict[str, JsonValue] | list[JsonValue]"
Lines: TypeAlias = "dict[str | int, int]"
Spot: TypeAlias = tuple[int, str | int]  # a container's identity, and the key or index in it

_SIMPLE = re.compile(r"[\w-]+")


class Reached(NamedTuple):
    """How far a path leads: what is there, its spot (the root has none) and its line."""

    path: Path
    value: JsonValue
    spot: Spot | None
    line: int


@dataclass(slots=True)
class Tree:
    """The values of one file, and the trees of the files that it names.

    `written` has the text of plain scalars that are not texts.
    """

    file: str
    root: JsonValue = None
    lines: dict[int, tuple[Container, Lines]] = field(default_factory=dict)
    written: dict[Spot, str] = field(default_factory=dict)
    unset: set[Spot] = field(default_factory=set)  # left as they were written
    parts: dict[str | int, Tree] = field(
        default_factory=dict
    )  # by what a path into one begins with
    is_broken: bool = False  # its syntax is wrong: what it says is not known

    def part(self, file: str) -> tuple[str, Tree]:
        """An empty tree for another file, and what a path into it begins with."""
        tree = Tree(file, lines=self.lines, written=self.written, unset=self.unset)
        key = f"\0{file}"
        self.parts[key] = tree
        return key, tree

    def where(self, path: Path) -> tuple[str, Path]:
        """The file that `path` leads into, and the rest of the way."""
        part = self.parts.get(path[0]) if path and self.parts else None
        return (part.file, path[1:]) if part else (self.file, path)

    def reach(self, path: Path) -> Reached:
        """Follows `path`, passing over parts that are not there.

        What pydantic calls a place can have parts that nobody has written: the
        branch of a union, the key that a short form stands for.
        """
        if path and self.parts and (inner := self.parts.get(path[0])):
            at = inner.reach(path[1:])
            return at._replace(path=(path[0], *at.path))
        real, spot, value, line = follow(self.root, path), None, self.root, 0
        for part in real:
            if not isinstance(value, dict | list):
                break
            spot = (id(value), part)
            _, lines = self.lines.get(id(value), (value, {}))
            line = lines.get(part, line)
            value = value[part]  # type: ignore[index] # `follow` went this way
        return Reached(real, value, spot, line)

    def has_unset(self, path: Path) -> bool:
        """Whether something at or below `path` could not be filled in."""
        if not self.unset:
            return False
        found = self.reach(path)
        return found.spot in self.unset or self._unset_below(found.value)

    def _unset_below(self, value: JsonValue) -> bool:
        if isinstance(value, dict):
            return any(
                (id(value), k) in self.unset or self._unset_below(v) for k, v in value.items()
            )
        if isinstance(value, list):
            return any(
                (id(value), i) in self.unset or self._unset_below(v) for i, v in enumerate(value)
            )
        return False


def follow(value: JsonValue, path: Path) -> Path:
    """The parts of `path` that are there."""
    real: list[str | int] = []
    for part in path:
        if isinstance(value, dict) and isinstance(part, str):
            if part not in value:
                continue
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int):
            if not 0 <= part < len(value):
                continue
            value = value[part]
        else:
            continue
        real.append(part)
    return tuple(real)


def replaced(value: JsonValue, path: Path, new: JsonValue) -> JsonValue:
    """A copy with `new` at `path`; what does not lie on the way is shared."""
    if not path:
        return new
    part, rest = path[0], path[1:]
    if isinstance(value, dict):
        return {**value, str(part): replaced(value[str(part)], rest, new)}
    if isinstance(value, list) and isinstance(part, int):
        return [*value[:part], replaced(value[part], rest, new), *value[part + 1 :]]
    return value


def without(value: JsonValue, path: Path) -> JsonValue:
    """A copy without the key that `path` leads to; as it is where that is not there, or is all there is."""
    if follow(value, path) != path:
        return value
    holder = value
    for part in path[:-1]:
        holder = holder[part]  # type: ignore[index] # `follow` went this way
    if not isinstance(holder, dict) or len(holder) < 2:
        return value
    kept = {key: one for key, one in holder.items() if key != path[-1]}
    return replaced(value, path[:-1], kept)


def show(path: Path) -> str:
    """`checks[2].http.expect.status`; keys with other signs stand as `["$.a"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _SIMPLE.fullmatch(part):
            text += f".{part}" if text else part
        else:
            quoted = part.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{quoted}"]'
    return text
