"""Who can be told? The notifiers of a config, each of the one kind that its key names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from prober.config import tls
from prober.config.desk import Desk
from prober.config.pagers import look_at_keys, look_at_severities
from prober.config.programs import look_at_programs
from prober.config.tree import Path
from prober.notify import KINDS, AnyNotifier

_BY_KIND = {kind.kind: kind for kind in KINDS}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def read_notifiers(
    desk: Desk, severities: Sequence[str] | None
) -> tuple[Mapping[str, type[AnyNotifier]], Mapping[str, AnyNotifier]]:
    """What each is, by name, whatever else is wrong with it; and those that are right.

    `severities` is None where they are wrong themselves.
    """
    kinds = _kinds(desk)
    notifiers = _notifiers(desk, kinds)
    look_at_severities(desk, kinds, severities)
    look_at_keys(desk, notifiers)
    look_at_programs(desk, notifiers)
    return kinds, notifiers


def _kinds(desk: Desk) -> dict[str, type[AnyNotifier]]:
    kinds: dict[str, type[AnyNotifier]] = {}
    for name, value in desk.mapping(("notifiers",), desk.section("notifiers")).items():
        place: Path = ("notifiers", name)
        if not _NAME.fullmatch(name):
            said = (
                f"{name!r} is not a name; write letters, digits and _ . -, a letter or digit first"
            )
            desk.report.error(place, said)
        if not isinstance(value, dict):
            desk.report.error(place, f"{desk.report.found(place)} is not a mapping of keys")
            continue
        kind = desk.picked(value, tuple(_BY_KIND), place, tuple(_BY_KIND))
        for key in value:
            if key not in _BY_KIND:
                desk.report.unknown(place, key, tuple(_BY_KIND))
        if kind is not None:
            kinds[name] = _BY_KIND[kind]
    return kinds


def _notifiers(desk: Desk, kinds: Mapping[str, type[AnyNotifier]]) -> dict[str, AnyNotifier]:
    written = desk.section("notifiers")
    raw = written if isinstance(written, dict) else {}
    read = {name: _notifier(desk, model, raw[name], name) for name, model in kinds.items()}
    return {name: notifier for name, notifier in read.items() if notifier is not None}


def _notifier(
    desk: Desk, model: type[AnyNotifier], value: JsonValue, name: str
) -> AnyNotifier | None:
    place: Path = ("notifiers", name)
    own = value.get(model.kind) if isinstance(value, dict) else None
    raw = desk.with_files(model, {model.kind: own}, place)
    tls.look_into(desk, model, raw, place)
    return desk.validated(model, raw, place)
