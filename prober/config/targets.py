"""Which checks does one with `targets_from` stand for? One for each target in the files it names.

The files are Prometheus' file_sd: a list of groups, each `{targets: […],
labels: {…}}`. A check's name is `NAME:TARGET` and depends on nothing but the
target, so that an alert outlives whatever happens to the other targets; what
of a target no name can have is folded and a hash of it put behind.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, JsonValue, ValidationError

from prober.check import LabelName, Model
from prober.config import hidden, words
from prober.config.desk import Desk, Raw
from prober.config.labels import refuse_taken
from prober.config.tree import Path
from prober.probes import AnyCheck

KEY = "targets_from"
LONGEST_NAME = 200  # characters, as of every check
_HASH = 8  # hex digits behind a name that is not the whole target
_GROUP = ("targets", "labels")
_OTHERS = re.compile(r"[^A-Za-z0-9_.:/-]+")
# By kind: the field that a target fills, and what stands there while the rest is looked at.
FILLED = {"http": ("url", "https://target.invalid/"), "tcp": ("address", "target.invalid:1")}


@dataclass(frozen=True, slots=True)
class Target:
    place: Path
    text: str
    labels: Mapping[str, str]


class _Labels(Model):
    labels: Mapping[LabelName, str] = {}


def stood_in(desk: Desk, kind: str, raw: Raw, place: Path) -> Raw:
    """`raw` as a check of its own; where targets come from files, with something in their place."""
    if KEY not in raw:
        return raw
    if not raw[KEY] and not desk.tree.has_unset((*place, KEY)):
        desk.report.error((*place, KEY), "names no file; write it as [targets/*.yaml]")
    raw = {key: value for key, value in raw.items() if key != KEY}
    own = raw[kind]
    if kind not in FILLED:
        said = f"{kind} checks have no targets from files; {' and '.join(FILLED)} checks do"
        desk.report.error((*place, KEY), said)
        return raw
    filled, stand_in = FILLED[kind]
    if own is None:
        return raw | {kind: {filled: stand_in}}
    if isinstance(own, dict) and not own.keys() & {filled, "steps"}:
        return raw | {kind: {**own, filled: stand_in}}
    if isinstance(own, dict | str):
        there = "steps" if isinstance(own, dict) and "steps" in own else filled
        said = f"{KEY} stands beside {kind}'s own {there}; keep one of them"
        desk.report.error((*place, KEY), said)
    return raw


class Targets:
    """The targets of one check, `template`, which is right but for having none; `raw` made it."""

    def __init__(self, desk: Desk, template: AnyCheck, raw: Raw, place: Path) -> None:
        self._desk = desk
        self._template = template
        self._groups = Groups(desk, place)
        self._filled, stand_in = FILLED.get(template.kind, ("", ""))
        self._names: dict[str, int] = {}
        self._common = {key: value for key, value in raw.items() if key != template.kind}
        own = raw[template.kind]
        self._settings = getattr(template, template.kind)
        self._own = _shared(self._settings, own if isinstance(own, dict) else {})
        self._is_right = bool(self._filled) and self._own.get(self._filled) == stand_in

    def checks(self) -> Iterator[tuple[Path, AnyCheck]]:
        """Each with the place of its target."""
        if not self._is_right:
            self._groups.look_over()
            return
        seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
        for target in self._groups.targets():
            both = (target.text, tuple(sorted(target.labels.items())))
            if both not in seen:  # twice the same is once, as in Prometheus
                seen.add(both)
                if check := self._check(target):
                    yield target.place, check

    def _check(self, target: Target) -> AnyCheck | None:
        text = target.text
        if self._filled == "url" and "://" not in text:
            text = f"http://{text}"
        common = self._common | {
            "name": self._name(target.text),
            "labels": {**self._template.labels, **target.labels},
        }
        try:
            settings = type(self._settings).model_validate(self._own | {self._filled: text})
            return type(self._template).model_validate(common | {self._template.kind: settings})
        except ValidationError as error:
            found = self._desk.report.found(target.place)
            for one in error.errors(include_url=False, include_input=False):
                if one["type"] != "is_instance_of":  # what a URL can be as well, made by ourselves
                    said = words.message(one, found)
                    if len(text) > words.LONGEST:  # a validator may have quoted all of it
                        said = said.replace(repr(text), found)
                    self._desk.report.error(target.place, said)
            return None

    def _name(self, text: str) -> str:
        name = name_of(self._template.name, text)
        count = self._names[name] = self._names.get(name, 0) + 1
        return name if count == 1 else f"{name[: LONGEST_NAME - 7]}-{count}"


class Groups:
    """What the files that the check at `place` names have, whatever the check makes of it."""

    def __init__(self, desk: Desk, place: Path) -> None:
        self._desk = desk
        self._keys = desk.others.targets.get(place, [])

    def look_over(self) -> None:
        """For a check that has no use of them: what is wrong with the files is told."""
        for _ in self.targets():
            pass

    def targets(self) -> Iterator[Target]:
        for key in self._keys:
            tree = self._desk.tree.parts[key]
            if tree.root is None and not tree.is_broken:
                self._desk.report.error((key,), "is empty; write [] where there are no targets")
            for index, group in enumerate(self._desk.list((key,), tree.root)):
                yield from self._group((key, index), group)

    def _group(self, place: Path, group: JsonValue) -> Iterator[Target]:
        if not isinstance(group, dict) or "targets" not in group:
            found = self._desk.report.found(place)
            said = f"{found} is no group; write {{targets: [host:port], labels: {{}}}}"
            self._desk.report.error(place, said)
            return
        for key in group:
            if key not in _GROUP:
                self._desk.report.unknown(place, key, _GROUP)
        labels = self._labels((*place, "labels"), group.get("labels"))
        at: Path = (*place, "targets")
        for index, target in enumerate(self._desk.list(at, group["targets"])):
            text = self._text((*at, index), target)
            if text:
                yield Target((*at, index), text, labels)

    def _text(self, place: Path, target: JsonValue) -> str:
        """As it is written: a number is a text as well."""
        at = self._desk.tree.reach(place)
        text = self._desk.tree.written.get(at.spot) if at.spot else None
        if isinstance(target, str):
            text = target
        if not text or not text.strip():
            found = self._desk.report.found(place)
            self._desk.report.error(place, f"{found} is no target; write host:port or a URL")
            return ""
        return text.strip()

    def _labels(self, place: Path, raw: JsonValue) -> Mapping[str, str]:
        ours = {n: v for n, v in self._desk.mapping(place, raw).items() if n[:2] != "__"}
        if not ours:
            return {}
        refuse_taken(self._desk, place, ours)
        valid = self._desk.validated(_Labels, {"labels": ours}, place[:-1])
        return valid.labels if valid else {}


def name_of(name: str, target: str) -> str:
    """`many:https://shop.example/`; without userinfo, and told apart from what folds to the same."""
    plain = _without_userinfo(target)
    folded = _OTHERS.sub("-", plain)
    whole = f"{name}:{folded}"
    if folded == plain and len(whole) <= LONGEST_NAME:
        return whole
    digest = hashlib.sha256(plain.encode(errors="replace")).hexdigest()[:_HASH]
    return f"{whole[: LONGEST_NAME - _HASH - 1].rstrip('-')}-{digest}"


def _without_userinfo(target: str) -> str:
    if "@" not in target:
        return target
    scheme, slashes, rest = target.rpartition("://") if "://" in target else ("", "", target)
    shown = hidden.without_userinfo(f"{scheme or 'http'}://{rest}")
    return f"{scheme}{slashes}{shown.partition('://')[2].removeprefix('***@')}"


def _shared(settings: BaseModel, own: Raw) -> dict[str, object]:
    """What is written in `settings`; parts that are models as they are, once for all targets."""
    shared: dict[str, object] = dict(own)
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name in settings.model_fields_set and isinstance(value, BaseModel):
            shared[info.alias or name] = value
    return shared
