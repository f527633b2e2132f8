"""What lies ready while a config is built: the tree, the report, the files and the environment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from prober.config import shape, words
from prober.config.fill import Files
from prober.config.include import Others, Part
from prober.config.reach import Reach
from prober.config.report import Report
from prober.config.source import ABSENT
from prober.config.tree import Path, Tree, follow, replaced, without
from prober.probes.journey_settings import Script

Raw = dict[str, JsonValue]
M = TypeVar("M", bound=BaseModel)
_SCRIPT: tuple[Path, Path] = (("journey", "script"), ("journey",))  # in the long form, in the short


class Naming(NamedTuple):
    """Where a check names a script, and what it gives to it."""

    place: Path
    journey: JsonValue
    options: Path  # where `journey` stands

    def values(self, kind: str) -> Raw | None:
        """Its `params`, or its `secrets`; None for what is none."""
        found = self._whole.get(kind)
        return {} if found is None else found if isinstance(found, dict) else None

    def has(self, key: str) -> bool:
        return self._whole.get(key) is not None

    @property
    def holds_requests(self) -> bool:
        """Whether some wait for us, to be told of the run."""
        return self._whole.get("first_party") != []

    @property
    def _whole(self) -> Raw:
        return self.journey if isinstance(self.journey, dict) else {}


@dataclass(frozen=True, slots=True)
class Desk:
    tree: Tree
    report: Report
    files: Files
    env: Mapping[str, str]
    only: Collection[str] | None = None  # the checks whose scripts count; None: of all
    scripts: dict[Script, list[Naming]] = field(default_factory=dict)  # that are there
    others: Others = field(default_factory=Others)
    reach: Reach = field(default_factory=Reach)

    def beside(self, part: Part) -> Desk:
        """The same for another file of the config, whose paths are relative to itself."""
        return replace(self, files=self.files.beside(part.base))

    def section(self, key: str) -> JsonValue:
        """The top-level value under `key`; one that is empty is as good as not there."""
        root = self.tree.root
        return root.get(key) if isinstance(root, dict) else None

    def mapping(self, path: Path, value: JsonValue) -> Raw:
        """`value`, if it is a mapping; nothing is an empty one, all else a mistake."""
        if isinstance(value, dict):
            return value
        if value is not None:
            self.report.error(path, f"{self.report.found(path)} is not a mapping of keys")
        return {}

    def list(self, path: Path, value: JsonValue) -> list[JsonValue]:
        if isinstance(value, list):
            return value
        if value is not None:
            self.report.error(path, f"{self.report.found(path)} is not a list")
        return []

    def text(self, path: Path) -> str | None:
        """The text that is written at `path`, whatever else is wrong there; None for what is none."""
        at = self.tree.reach(path)
        if at.path != path or at.spot is None:
            return None
        return at.value if isinstance(at.value, str) else self.tree.written.get(at.spot)

    def texts(self, path: Path) -> Iterator[tuple[Path, str]]:
        """The same of a list of them, or of one alone, each with its own place."""
        at = self.tree.reach(path)
        count = len(at.value) if at.path == path and isinstance(at.value, list) else None
        for one in [path] if count is None else [(*path, index) for index in range(count)]:
            if (text := self.text(one)) is not None:
                yield one, text

    def validated(self, model: type[M], raw: JsonValue, *places: Path) -> M | None:
        """`raw` as a `model`, or None with every mistake reported at the first fitting place."""
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            first = error
        raw = self._as_texts(raw, first, places)
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            self.report.invalid(error, model, places)
            self._look_on(model, raw, error, places)
            return None

    def _look_on(
        self, model: type[BaseModel], raw: JsonValue, error: ValidationError, places: Sequence[Path]
    ) -> None:
        """A model looks at its keys together only where each is known: here are those that are."""
        known = raw
        for one in error.errors(include_url=False, include_input=False):
            *above, key = one["loc"] or ("",)
            if one["type"] == "extra_forbidden" and not words.meant(
                str(key), shape.known(model, tuple(above))
            ):
                known = without(known, follow(known, one["loc"]))
        if known is not raw:
            try:
                model.model_validate(known)
            except ValidationError as more:
                self.report.invalid(more, model, places)

    def picked(
        self, raw: Raw, kinds: Sequence[str], path: Path, known: Sequence[str]
    ) -> str | None:
        """The one key of `raw` that is a kind."""
        there = [kind for kind in kinds if kind in raw]
        if len(there) == 1:
            return there[0]
        listed = ", ".join(kinds)
        if there:
            pair = " and ".join(there)
            count = "two" if len(there) == 2 else "several"
            self.report.error(path, f"{count} kinds, {pair}; keep one")
        elif not _names_kinds(raw, kinds, known):
            self.report.error(path, f"no kind; add one of {listed}")
        return None

    def with_files(self, model: type[BaseModel], raw: Raw, *places: Path) -> Raw:
        """`raw` with every file it names by its whole path; one that cannot be read is a mistake."""
        for place in shape.file_places(model, raw):
            name = at(raw, place)
            if not isinstance(name, str) or not name:
                continue
            path = self.files.path(name)
            content = self.files.read(path)
            there = self.report.locate(place, places)
            if isinstance(content, str) and not self.tree.has_unset(there.path):
                self.report.error(place, f"{name!r} {content}", *places)
            changed = replaced(raw, place, str(path))
            raw = changed if isinstance(changed, dict) else raw
        return raw

    def with_script(self, raw: Raw, *places: Path) -> Raw:
        """The same for the script of a journey, which stands beside the name of its function."""
        for place in _SCRIPT:
            text = at(raw, place)
            script = Script.of(text) if isinstance(text, str) else None
            if script is None:
                continue
            path = self.files.path(script.path)
            content = self.files.read(path)
            there = self.report.locate(_SCRIPT[0], places)
            whole = Script(str(path), script.function)
            if isinstance(content, bytes):
                if self.only is None or raw.get("name") in self.only:
                    named = Naming(there.path, raw.get("journey"), (*places[0], "journey"))
                    self.scripts.setdefault(whole, []).append(named)
            else:
                right = "; name a script, relative to the config file" if content == ABSENT else ""
                self.report.error(_SCRIPT[0], f"{script.path!r} {content}{right}", *places)
            changed = replaced(raw, place, str(whole))
            raw = changed if isinstance(changed, dict) else raw
        return raw

    def _as_texts(
        self, raw: JsonValue, error: ValidationError, places: Sequence[Path]
    ) -> JsonValue:
        """A number where a text is wanted is a text: `labels: {tier: 1}`, as it is written."""
        for one in error.errors(include_url=False, include_input=False):
            there = self.report.locate(one["loc"], places)
            written = self.tree.written.get(there.spot) if there.spot else None
            if one["type"] == "string_type" and written is not None:
                raw = replaced(raw, follow(raw, one["loc"]), written)
        return raw


def merged(base: Raw, over: Raw) -> Raw:
    """`over` laid on `base`, key by key; null counts as a value."""
    both = {**base, **over}
    for key, value in over.items():
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            both[key] = merged(below, value)
    return both


def _names_kinds(raw: Raw, kinds: Sequence[str], known: Sequence[str]) -> bool:
    """Whether the message about an unknown key of `raw` will tell which kinds there are."""
    if any(words.meant(key, known) in kinds for key in raw):
        return True
    return bool(raw) and set(known) == set(kinds)


def at(raw: JsonValue, path: Path) -> JsonValue:
    """What stands at `path`, if anything does."""
    return _inside(raw, path) if follow(raw, path) == path else None


def _inside(raw: JsonValue, path: Path) -> JsonValue:
    for part in path:
        raw = raw[part]  # type: ignore[index] # `follow` went this way
    return raw
