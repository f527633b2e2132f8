"""What checks does a config have, and by which rules is each watched?

A check is the defaults, the agent's labels and what is written, merged key by
key, then validated once, as the one class that its kind key names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError

from prober.alerts.rules import EffectiveRule, Rule
from prober.check import Check
from prober.config import depends, hints, targets, tls
from prober.config.alerts import Ruling
from prober.config.desk import Desk, Raw, merged
from prober.config.labels import refuse_taken
from prober.config.named import refuse_severity
from prober.config.pace import Pace
from prober.config.tree import Path
from prober.probes import KINDS, AnyCheck

BY_KIND = {kind.kind: kind for kind in KINDS}
FIELDS = tuple(Check.model_fields)
KNOWN = (*FIELDS, targets.KEY, *BY_KIND)
# A parent of all checks would be its own.
DEFAULTABLE = tuple(name for name in FIELDS if name not in ("name", depends.KEY))
_PLACEHOLDER: Raw = {"name": "defaults"}
_RIGHT = {
    "name": "every check has one of its own",
    depends.KEY: "write it in the checks that depend on others",
}


_OF_TIME = frozenset({"interval", "timeout", "retries"})


@dataclass(frozen=True, slots=True)
class Around:
    """What a check is seen against. No `rules` or `severities`: these are wrong themselves."""

    labels: Mapping[str, str]
    rules: Mapping[str, Rule] | None
    severities: tuple[str, ...] | None


@dataclass(slots=True)
class Built:
    checks: list[AnyCheck] = field(default_factory=list)
    rules: dict[str, tuple[EffectiveRule, ...]] = field(default_factory=dict)
    depends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Checks:
    def __init__(self, desk: Desk, around: Around) -> None:
        self._desk = desk
        self._around = around
        self._built = Built()
        self._names: dict[str, Path] = {}
        self._ruling = Ruling(desk, around.rules, around.severities)
        self._pace = Pace(desk)
        self._depends = depends.Depends(desk)
        self._defaults = self._read_defaults()

    def build(self) -> Built:
        if self._desk.tree.has_unset(("include",)):
            self._desk.reach.lose()
        self._of_file(self._desk, (), self._desk.section("checks"))
        for part in self._desk.others.included:
            root = self._desk.tree.parts[part.key].root
            checks = root.get("checks") if isinstance(root, dict) else None
            self._of_file(self._desk.beside(part), (part.key,), checks)
        self._pace.report()
        self._ruling.report()
        self._built.depends = self._depends.parents(self._names)
        return self._built

    def _of_file(self, desk: Desk, file: Path, checks: JsonValue) -> None:
        place: Path = (*file, "checks")
        for index, raw in enumerate(desk.list(place, checks)):
            self._one(desk, (*place, index), raw)

    def _one(self, desk: Desk, place: Path, value: JsonValue) -> None:
        if not isinstance(value, dict):
            self._desk.report.error(
                place, f"{self._desk.report.found(place)} is not a mapping of keys"
            )
            return
        if isinstance(name := value.get("name"), str):
            self._note_name((*place, "name"), name)
        self._labels(place, value)
        kind = self._desk.picked(value, tuple(BY_KIND), place, KNOWN)
        if not value.keys() <= _ALLOWED:
            value = self._known(place, value, KNOWN)
        if kind is None:
            self._of_no_kind(place, value)
            return
        places: tuple[Path, ...] = (place, ("defaults", kind), ("defaults",))
        model = BY_KIND[kind]
        raw = targets.stood_in(desk, kind, merged(self._defaults[kind], value), place)
        raw = desk.with_files(model, raw, *places)
        raw = desk.with_script(raw, *places)
        tls.look_into(desk, model, raw, *places)
        check = desk.validated(model, raw, *places)
        if check is None:
            self._desk.reach.lose()
            self._what_else(model, raw, places)
            return
        self._pace.fits(check, places)
        self._pace.hasty(check, places)
        self._pace.idle(check, place)
        self._severity(check, places)
        rules = self._ruling.of(check, places)
        if targets.KEY not in value:
            self._put(check, rules, place)
            return
        there = list(targets.Targets(desk, check, raw, place).checks())
        if not there:
            self._ruling.applying(rules, check, place)  # to what may come, as far as is known
        for at, one in there:
            self._note_name(at, one.name)
            self._put(one, rules, place, template=check.name)

    def _of_no_kind(self, place: Path, value: Raw) -> None:
        rest = {key: one for key, one in value.items() if key in FIELDS}
        raw = merged(self._defaults[""], rest)
        self._desk.validated(Check, raw, place)
        self._what_else(Check, raw, (place, ("defaults",)))

    def _put(
        self,
        check: AnyCheck,
        rules: tuple[EffectiveRule, ...],
        place: Path,
        template: str | None = None,
    ) -> None:
        self._depends.note(check, place, template)
        self._built.checks.append(check)
        self._built.rules[check.name] = self._ruling.applying(rules, check, place)

    def _what_else(self, model: type[Check], raw: Raw, places: Sequence[Path]) -> None:
        """A check that cannot be built may have other mistakes, which are said as well."""
        common = {name: model.model_fields[name].default for name in _OF_TIME}
        common |= {key: one for key, one in raw.items() if key not in BY_KIND and key != "name"}
        wrong: set[object] = set()
        try:
            check = Check.model_validate({**common, "name": "x"})
        except ValidationError as error:
            wrong = {one["loc"][0] for one in error.errors(include_url=False)}
            right = {key: one for key, one in common.items() if key not in wrong}
            if "alerts" in wrong:
                right["alerts"] = _valid_rules(common["alerts"])
            check = Check.model_validate({**right, "name": "x"})
        if model is not Check and not wrong & {
            "interval",
            "timeout",
        }:  # a kind has times of its own
            self._pace.fits(check, places)
        self._severity(check, places)
        self._ruling.of(check, places)
        self._depends.note_wrong(places[0])
        targets.Groups(self._desk, places[0]).look_over()

    def _note_name(self, place: Path, name: str) -> None:
        if name not in self._names:
            self._names[name] = place
            return
        tree = self._desk.tree
        first = tree.reach(self._names[name])
        file = tree.where(first.path)[0]
        where = f"line {first.line}"
        if file != tree.where(place)[0]:
            where += f" of {file}"
        self._desk.report.error(
            place, f"{name!r} is taken by the check on {where}; names are unique"
        )

    def _labels(self, place: Path, value: Raw) -> None:
        labels = value.get("labels")
        if isinstance(labels, dict):
            refuse_taken(self._desk, (*place, "labels"), labels)

    def _known(self, place: Path, value: Raw, known: Sequence[str]) -> Raw:
        """`value` without the keys that nobody knows, each of which is a mistake."""
        for key in value:
            if key not in known:
                right = _RIGHT.get(key) or (hints.of_check(key) if known is KNOWN else None)
                self._desk.report.unknown(place, key, known, right)
        return {key: one for key, one in value.items() if key in known}

    def _severity(self, check: Check, places: Sequence[Path]) -> None:
        known = self._around.severities
        if check.severity is not None and known and check.severity not in known:
            at = self._desk.report.locate(("severity",), places).path
            refuse_severity(self._desk, at, check.severity, known)

    def _read_defaults(self) -> dict[str, Raw]:
        """The defaults by kind, the general ones and the agent's labels in them; "" is no kind."""
        place: Path = ("defaults",)
        raw = self._desk.mapping(place, self._desk.section("defaults"))
        raw = self._known(place, raw, (*DEFAULTABLE, *BY_KIND))
        general = {key: value for key, value in raw.items() if key not in BY_KIND}
        base: Raw = {"labels": dict(self._around.labels)} if self._around.labels else {}
        base = merged(base, self._valid_defaults(place, general))
        by_kind = {"": base}
        for kind in BY_KIND:
            inner: Path = ("defaults", kind)
            own = self._known(inner, self._desk.mapping(inner, raw.get(kind)), DEFAULTABLE)
            by_kind[kind] = merged(base, self._valid_defaults(inner, own))
        return by_kind

    def _valid_defaults(self, place: Path, raw: Raw) -> Raw:
        """What is right of it: a wrong default is one mistake, not one of every check."""
        self._labels(place, raw)
        if (word := self._desk.text((*place, "severity"))) is not None:
            refuse_severity(self._desk, (*place, "severity"), word, self._around.severities)
        if not raw or self._desk.validated(Check, raw | _PLACEHOLDER, place):
            return raw
        return {key: value for key, value in raw.items() if _is_valid({key: value} | _PLACEHOLDER)}


_ALLOWED = frozenset(KNOWN)


def _valid_rules(raw: JsonValue) -> Raw:
    """Those of a check's own that can be looked at, beside others that cannot."""
    valid: Raw = {}
    for name, rule in raw.items() if isinstance(raw, dict) else ():
        alone: Raw = {"alerts": {name: rule}}
        if _is_valid(alone | _PLACEHOLDER):
            valid[name] = rule
    return valid


def _is_valid(raw: Raw) -> bool:
    try:
        Check.model_validate(raw)
    except ValidationError:
        return False
    return True
