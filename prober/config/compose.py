"""How do YAML events become a tree of values?

In one pass over the events and without recursion, whatever the nesting.
Aliases and merge keys are followed; mistakes that leave the rest readable are
collected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

from pydantic import JsonValue
from yaml import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)
from yaml.events import CollectionEndEvent, CollectionStartEvent

from prober.config import hidden, scalars
from prober.config.hidden import Field
from prober.config.tree import Container, Lines, Path, Spot, Tree, show
from prober.config.values import SHORT, Values
from prober.errors import ConfigError, Problem

DEEPEST = 60  # levels
MANY = 1_000_000  # values that aliases may make of fewer

_MERGE = "\0<<"  # a plain << as a key; a quoted one is a key like any other
_Anchored: TypeAlias = "tuple[ScalarEvent | Container, int]"  # and how many values it is


@dataclass(slots=True)
class _Frame:
    """A mapping or a list that is not closed yet; `key` is the one whose value comes next."""

    value: Container
    line: int
    anchor: str | None
    holds: Field
    lines: Lines = field(default_factory=dict)
    wants_key: bool = False  # a mapping does, between two values
    key: str | None = None
    key_line: int = 0
    size: int = 1
    merged: tuple[dict[str, JsonValue], ...] = ()

    @property
    def next(self) -> str | int:
        """Under what the next value will stand."""
        return len(self.value) if isinstance(self.value, list) else self.key or ""


class Composer:
    def __init__(self, tree: Tree, values: Values) -> None:
        self._tree = tree
        self._read = values
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._open: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._written = 0  # values, without what aliases repeat
        self._keys: set[str] = set()  # that need no second look, quoted or not
        self._documents = 0

    def compose(self, events: Iterable[Event]) -> None:
        """Fills the tree. Raises ConfigError for what cannot be read on."""
        for event in events:  # the most frequent first: there are 370,000 in 10,000 checks
            if isinstance(event, ScalarEvent):
                frame = self._open[-1] if self._open else None
                if frame is not None and frame.wants_key:
                    self._on_key(event, frame)
                else:
                    self._on_scalar(event)
            elif isinstance(event, CollectionEndEvent):
                self._on_end()
            elif isinstance(event, CollectionStartEvent):
                self._on_start(event)
            elif isinstance(event, AliasEvent):
                self._on_alias(event)
            elif isinstance(event, DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    self._stop(_line(event), "a second document; keep one, without ---")

    def _on_scalar(self, event: ScalarEvent) -> None:
        self._written += 1
        if event.anchor:
            self._anchors[event.anchor] = (event, 1)
        line = _line(event)
        self._put(self._scalar(event, line), line, 1)

    def _on_key(self, event: ScalarEvent, frame: _Frame) -> None:
        key, line = event.value, _line(event)
        frame.wants_key = False
        frame.key_line = line
        if key in self._keys and event.tag is None and not event.anchor:
            frame.key = key
        else:
            self._on_new_key(event, frame, line)
        if first := frame.lines.get(frame.key or ""):
            said = f'repeated key "{key}"; it is first on line {first}, keep one'
            self._problem(line, said, self._path())

    def _on_new_key(self, event: ScalarEvent, frame: _Frame, line: int) -> None:
        key, plain = event.value, scalars.is_plain(event)
        frame.key = _MERGE if plain and key == "<<" else key
        if plain and not isinstance(scalars.plain(key), str):
            self._problem(
                line, f"the key {key or 'null'} is no text; put it in quotes", self._path()
            )
        elif event.tag is not None and event.tag not in scalars.TEXT_TAGS:
            self._problem(line, f'the key "{key}" has a tag; leave the tag out', self._path())
        elif key != "<<" and isinstance(scalars.plain(key), str):
            self._keys.add(key)
        if event.anchor:
            self._anchors[event.anchor] = (event, 1)

    def _on_start(self, event: CollectionStartEvent) -> None:
        self._written += 1
        line = _line(event)
        if self._open and self._open[-1].wants_key:
            self._stop(line, "a key that is a list or a mapping; write a text")
        if len(self._open) >= DEEPEST:
            self._stop(line, f"nested deeper than {DEEPEST} levels; no config needs as many")
        if event.tag not in scalars.COLLECTION_TAGS:
            self._problem(
                line, f"the unknown tag {scalars.short_tag(event.tag or '')}; leave it out"
            )
        is_mapping = isinstance(event, MappingStartEvent)
        value: Container = {} if is_mapping else []
        frame = _Frame(value, line, event.anchor, self._field(), wants_key=is_mapping)
        self._open.append(frame)

    def _on_end(self) -> None:
        frame = self._open.pop()
        for base in frame.merged:
            self._merge(frame, base)
        frame.lines.pop(_MERGE, None)
        self._tree.lines[id(frame.value)] = (frame.value, frame.lines)
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.value, frame.size)
        self._put(frame.value, frame.line, frame.size)

    def _on_alias(self, event: AliasEvent) -> None:
        self._written += 1
        line, name = _line(event), event.anchor
        if self._open and self._open[-1].wants_key:
            self._stop(line, f"the alias *{name} as a key; write the key out")
        if any(frame.anchor == name for frame in self._open):
            self._stop(line, f"*{name} inside &{name}; an alias cannot contain itself")
        if name not in self._anchors:
            self._stop(
                line, f"*{name} is not defined above; write &{name} before the value it means"
            )
        target, size = self._anchors[name]
        if isinstance(target, ScalarEvent):
            self._put(self._scalar(target, line), line, 1)
            return
        where = self._field()
        if where.hides:
            self._read.hide(target, where)
            self._report(line)
        self._put(target, line, size)

    def _put(self, value: JsonValue, line: int, size: int) -> None:
        """Puts a whole value where it belongs."""
        if not self._open:
            self._tree.root = value
            return
        frame = self._open[-1]
        frame.size += size
        if frame.size > MANY and frame.size > 10 * self._written:
            self._stop(line, f"aliases that make over {MANY:,} values; write out what is meant")
        if isinstance(frame.value, list):
            frame.lines[len(frame.value)] = line
            frame.value.append(value)
            return
        key, frame.key, frame.wants_key = frame.key or "", None, True
        frame.lines[key] = frame.key_line
        if key == _MERGE:
            self._on_merge(value, frame, line)
        else:
            frame.value[key] = value

    def _on_merge(self, value: JsonValue, frame: _Frame, line: int) -> None:
        bases = value if isinstance(value, list) else [value]
        mappings = [base for base in bases if isinstance(base, dict)]
        if len(mappings) < len(bases):
            said = "<< with something else than a mapping; name one, or a list of them"
            self._problem(line, said, self._path())
        frame.merged += tuple(mappings)

    def _merge(self, frame: _Frame, base: dict[str, JsonValue]) -> None:
        """What is written, or merged first, counts."""
        lines = self._tree.lines[id(base)][1]
        for key, value in base.items():
            if isinstance(frame.value, dict) and key not in frame.value:
                frame.value[key] = value
                frame.lines[key] = lines.get(key, frame.line)

    def _scalar(self, event: ScalarEvent, line: int) -> JsonValue:
        spot: Spot | None = None
        if self._open:
            spot = (id(self._open[-1].value), self._open[-1].next)
        value = self._read.value(event, self._field(), spot)
        if self._read.wrong or self._read.short:
            self._report(line)
        return value

    def _report(self, line: int) -> None:
        for message in self._read.wrong:
            self._problem(line, message)
        self._read.wrong.clear()
        if self._read.short:
            self._read.short = False
            self.warnings.append(Problem(self._tree.file, line, show(self._here()), SHORT))

    def _field(self) -> Field:
        """What kind of field the next value stands in."""
        if not self._open:
            return Field.PLAIN
        frame = self._open[-1]
        if frame.key is None:
            return frame.holds
        named = len(self._open) == 2 and self._open[0].key in hidden.NAMED
        return hidden.inner(frame.holds, frame.key, named=named)

    def _here(self) -> Path:
        """Where the next value stands."""
        return tuple(frame.next for frame in self._open if frame.key != _MERGE)

    def _path(self) -> Path:
        """Where the innermost open container stands."""
        return tuple(frame.next for frame in self._open[:-1] if frame.key != _MERGE)

    def _problem(self, line: int, message: str, path: Path | None = None) -> None:
        place = show(self._here() if path is None else path)
        self.problems.append(Problem(self._tree.file, line, place, message))

    def _stop(self, line: int, message: str) -> NoReturn:
        problem = Problem(self._tree.file, line, "", message)
        raise ConfigError([*self.problems, problem])


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
