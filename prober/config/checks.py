"""What checks does a config have, and by which rules is each watched?

A check is the defaults, the agent's labels and what is written, merged key by
key, then validated once, as the one class that its kind key names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError

from prober.alerts.rules import EffectiveRule, Rule, effective
from prober.check import Check, Model
from prober.config import tls
from prober.config.desk import Desk, Raw, merged
from prober.config.routes import NAMED
from prober.config.tree import Path, show
from prober.probes import KINDS, AnyCheck
from prober.probes.journey_settings import JourneyCheck
from prober.units import show_duration

BETWEEN_ATTEMPTS = 1.0  # seconds
HASTY = 15.0  # seconds; a shorter timeout ends most journeys before their step can fail
# Label names that are ours, or Prometheus' and Alertmanager's own.
TAKEN = frozenset(
    {
        "alert", "alertname", "check", "code", "device", "instance", "job", "kind", "le", "name",
        "outcome", "page", "phase", "quantile", "reason", "region", "severity", "step", "target",
    }
)  # fmt: skip
BY_KIND = {kind.kind: kind for kind in KINDS}
FIELDS = tuple(Check.model_fields)
KNOWN = (*FIELDS, *BY_KIND)
_DEFAULTABLE = tuple(name for name in FIELDS if name != "name")
_PLACEHOLDER: Raw = {"name": "defaults"}
_RIGHT = {"name": "every check has one of its own"}


class Rules(Model):
    """The rules of a config, or of a check, by name."""

    alerts: Mapping[str, Rule] = {}


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


class Checks:
    def __init__(self, desk: Desk, around: Around) -> None:
        self._desk = desk
        self._around = around
        self._built = Built()
        self._names: dict[str, Path] = {}
        self._plain_rules: dict[str | None, tuple[EffectiveRule, ...]] = {}
        self._misfits: dict[tuple[Path, str], list[str]] = {}  # of the defaults: whom they misfit
        self._defaults = self._read_defaults()

    def build(self) -> Built:
        for index, raw in enumerate(self._desk.list(("checks",), self._desk.section("checks"))):
            self._one(("checks", index), raw)
        for (path, said), names in self._misfits.items():
            self._desk.report.error(path, f"{_some(names)}: {said}")
        return self._built

    def _one(self, place: Path, value: JsonValue) -> None:
        if not isinstance(value, dict):
            self._desk.report.error(
                place, f"{self._desk.report.found(place)} is not a mapping of keys"
            )
            return
        self._note_name(place, value)
        self._labels(place, value)
        kind = self._desk.picked(value, tuple(BY_KIND), place, KNOWN)
        if not value.keys() <= _ALLOWED:
            value = self._known(place, value, KNOWN)
        if kind is None:
            rest = {key: one for key, one in value.items() if key not in BY_KIND}
            self._desk.validated(Check, merged(self._defaults[""], rest), place)
            return
        places: tuple[Path, ...] = (place, ("defaults", kind), ("defaults",))
        model = BY_KIND[kind]
        raw = self._desk.with_files(model, merged(self._defaults[kind], value), *places)
        raw = self._desk.with_script(raw, *places)
        tls.look_into(self._desk, model, raw, *places)
        check = self._desk.validated(model, raw, *places)
        if check is None:
            self._what_else(model, raw, places)
            return
        self._fits(check, places)
        self._hasty(check, places)
        self._severity(check, places)
        self._built.checks.append(check)
        self._built.rules[check.name] = self._rules(check, places)

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
            check = Check.model_validate({**right, "name": "x"})
        if not wrong & _OF_TIME:
            self._fits(check, places)
        self._severity(check, places)
        self._rules(check, places)

    def _note_name(self, place: Path, value: Raw) -> None:
        name = value.get("name")
        if not isinstance(name, str):
            return
        if name not in self._names:
            self._names[name] = place
            return
        line = self._desk.tree.reach((*self._names[name], "name")).line
        self._desk.report.error(
            (*place, "name"), f"{name!r} is taken by the check on line {line}; names are unique"
        )

    def _labels(self, place: Path, value: Raw) -> None:
        labels = value.get("labels")
        if isinstance(labels, dict):
            refuse_taken(self._desk, (*place, "labels"), labels)

    def _known(self, place: Path, value: Raw, known: Sequence[str]) -> Raw:
        """`value` without the keys that nobody knows, each of which is a mistake."""
        for key in value:
            if key not in known:
                self._desk.report.unknown(place, key, known, _RIGHT.get(key))
        return {key: one for key, one in value.items() if key in known}

    def _fits(self, check: Check, places: Sequence[Path]) -> None:
        """All attempts must be over before the next run is due."""
        attempts = check.retries + 1
        together = attempts * check.timeout + check.retries * BETWEEN_ATTEMPTS
        if together <= check.interval:
            return
        timeout = self._told("timeout", check.timeout, places)
        interval = self._told("interval", check.interval, places)
        if check.timeout > check.interval:
            said = f"{timeout} is longer than {interval}; lower timeout or raise interval"
        else:
            said = (
                f"{attempts} attempts of {timeout.removeprefix('timeout ')}, a second apart, take"
                f" {show_duration(together)}, longer than {interval};"
                " lower timeout or retries, or raise interval"
            )
        at = self._written(("timeout", "retries", "interval"), places)
        if at[0] == "defaults":  # where many checks may have the same mistake
            self._misfits.setdefault((at, said), []).append(self._name(places[0]))
        else:
            self._desk.report.error(at, said)

    def _told(self, key: str, seconds: float, places: Sequence[Path]) -> str:
        """The key and its value, and whose it is where nobody has written it."""
        shown = f"{key} {show_duration(seconds)}"
        if self._written((key,), places)[-1] == key:
            return shown
        return f"{shown} (the default for {places[1][-1]} checks)"

    def _name(self, place: Path) -> str:
        name = self._desk.tree.reach((*place, "name")).value
        return name if isinstance(name, str) else show(place)

    def _hasty(self, check: AnyCheck, places: Sequence[Path]) -> None:
        """A timeout that suits one request, and reaches journeys as nobody has thought of them."""
        if not isinstance(check, JourneyCheck) or check.timeout >= HASTY:
            return
        at = self._written(("timeout",), places)
        if at == ("defaults", "timeout"):
            said = (
                f"{show_duration(check.timeout)} is the journeys' too, and Playwright's expect alone"
                " waits 5 s: a failure would be told as timeout, not by its step;"
                " write journey: {timeout: 60s} beside it"
            )
            self._desk.report.warn(at, said)

    def _written(self, keys: Sequence[str], places: Sequence[Path]) -> Path:
        """Where the first of `keys` stands that somebody has written, nearest to the check."""
        candidates = ((*place, key) for place in places for key in keys)
        there = (path for path in candidates if self._desk.tree.reach(path).path == path)
        return next(there, places[0])

    def _severity(self, check: Check, places: Sequence[Path]) -> None:
        known = self._around.severities
        if check.severity is not None and known and check.severity not in known:
            said = f"{check.severity!r} is not one of the severities: {', '.join(known)}"
            self._desk.report.error(("severity",), said, *places)

    def _rules(self, check: Check, places: Sequence[Path]) -> tuple[EffectiveRule, ...]:
        rules, severities = self._around.rules, self._around.severities
        if rules is None or severities is None:
            return ()
        if not check.alerts and check.severity in self._plain_rules:
            return self._plain_rules[check.severity]
        overrides = dict(check.alerts)
        while True:
            try:
                found = effective(rules, overrides, check.severity, severities)
            except ValidationError as error:
                # Wrong words hide other mistakes: what is wrong is put aside, and the rest seen.
                self._desk.report.invalid(error, Rules, places)
                wrong = {
                    name for one in error.errors(include_url=False) for name in one["loc"][1:2]
                }
                if not wrong & overrides.keys():
                    return ()
                overrides = {name: one for name, one in overrides.items() if name not in wrong}
            else:
                break
        if not check.alerts:
            self._plain_rules[check.severity] = found
        return found

    def _read_defaults(self) -> dict[str, Raw]:
        """The defaults by kind, the general ones and the agent's labels in them; "" is no kind."""
        place: Path = ("defaults",)
        raw = self._desk.mapping(place, self._desk.section("defaults"))
        raw = self._known(place, raw, (*_DEFAULTABLE, *BY_KIND))
        general = {key: value for key, value in raw.items() if key not in BY_KIND}
        base: Raw = {"labels": dict(self._around.labels)} if self._around.labels else {}
        base = merged(base, self._valid_defaults(place, general))
        by_kind = {"": base}
        for kind in BY_KIND:
            inner: Path = ("defaults", kind)
            own = self._known(inner, self._desk.mapping(inner, raw.get(kind)), _DEFAULTABLE)
            by_kind[kind] = merged(base, self._valid_defaults(inner, own))
        return by_kind

    def _valid_defaults(self, place: Path, raw: Raw) -> Raw:
        """What is right of it: a wrong default is one mistake, not one of every check."""
        self._labels(place, raw)
        if not raw or self._desk.validated(Check, raw | _PLACEHOLDER, place):
            return raw
        return {key: value for key, value in raw.items() if _is_valid({key: value} | _PLACEHOLDER)}


_ALLOWED = frozenset(KNOWN)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _is_valid(raw: Raw) -> bool:
    try:
        Check.model_validate(raw)
    except ValidationError:
        return False
    return True


def refuse_taken(desk: Desk, place: Path, labels: Mapping[str, object]) -> None:
    """Labels of ours cannot be given by the user."""
    for name in labels:
        if name in TAKEN:
            desk.report.error((*place, name), f"the label {name!r} is taken; use another name")
        elif name.startswith("__"):
            said = f"the label {name!r} begins with __ and is Prometheus' own; use another name"
            desk.report.error((*place, name), said)
