"""How does a tree of values become a Config? Section by section, every mistake reported.

A section that is wrong is replaced by its default, so that what stands beside
it can still be looked at; what would only repeat the mistake is left out.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from prober.alerts.rules import DEFAULT_RULES, Rule
from prober.check import Model
from prober.clock import SystemClock
from prober.config import tls
from prober.config.alerts import Rules
from prober.config.blackbox import read_modules
from prober.config.checks import Around, Checks
from prober.config.connectivity import read_connectivity
from prober.config.desk import Desk, Raw
from prober.config.labels import refuse_taken
from prober.config.model import SEVERITIES, AgentSettings, Config, WebSettings, Word
from prober.config.mutes import read_maintenance, warn_of_windows
from prober.config.pagers import look_at_pagers
from prober.config.reports import read_reports, warn_of_reports
from prober.config.routes import read_routes, warn
from prober.config.tree import Path
from prober.notify import KINDS as NOTIFIERS
from prober.notify import AnyNotifier
from prober.secret import Scrubber

KNOWN = (
    "agent", "web", "include", "regions", "severities", "defaults", "checks", "alerts", "notifiers", "routes", "maintenance", "reports", "connectivity", "modules", "modules_file",
)  # fmt: skip
# Keys that people look for at the top, and what to write instead.
_RIGHT = {"secrets": 'write each where it is used, as "${NAME}" or "${file:PATH}"'}
_NOTIFIERS = {kind.kind: kind for kind in NOTIFIERS}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class _Words(Model):
    """Lists of words, under the key that each has at the top."""

    regions: tuple[Word, ...] = ()
    severities: Annotated[tuple[Word, ...], Field(min_length=1)] = SEVERITIES


def build(desk: Desk, scrub: Scrubber) -> Config:
    """The config that is left without its mistakes, which are in the desk's report."""
    root = desk.mapping((), desk.tree.root)
    for key in root:
        if key not in KNOWN:
            desk.report.unknown((), key, KNOWN, _RIGHT.get(key))
    _others(desk)
    agent = _agent(desk)
    regions = _words(desk, "regions")
    severities = _words(desk, "severities")
    known_severities = severities.severities if severities else None
    rules = _rules(desk, known_severities)
    built = Checks(desk, Around(agent.labels, rules, known_severities)).build()
    modules = read_modules(desk)
    notifiers = _notifiers(desk)
    config = Config(
        agent=agent,
        web=_web(desk),
        regions=(regions.regions if regions else ()) or (agent.region,),
        severities=known_severities or SEVERITIES,
        checks=tuple(built.checks),
        rules=built.rules,
        depends=built.depends,
        notifiers=notifiers,
        routes=tuple(read_routes(desk, known_severities)),
        maintenance=tuple(read_maintenance(desk)),
        reports=tuple(read_reports(desk, notifiers)),
        connectivity=tuple(read_connectivity(desk)),
        scrub=scrub,
        files=dict(desk.files.hashes),
        targets=desk.others.watched,
        modules=modules,
    )
    look_at_pagers(desk, config.notifiers, known_severities)
    warn(desk, config)
    warn_of_windows(desk, config, SystemClock.now())
    warn_of_reports(desk, config, SystemClock.now())
    return config


def _others(desk: Desk) -> None:
    """What is wrong with the files that the config names, and with what an included one has."""
    for place, said in desk.others.wrong:
        desk.report.error(place, said)
    for place, said in desk.others.odd:
        desk.report.warn(place, said)
    main = desk.tree.file
    for part in desk.others.included:
        root = desk.tree.parts[part.key].root
        if root is not None and not isinstance(root, dict):
            found = desk.report.found((part.key,))
            desk.report.error((part.key,), f"{found} is no mapping; write it under checks:")
        for key in root if isinstance(root, dict) else ():
            right = None
            if key == "include":
                right = f"an included file names no others; name them in {main}"
            elif key in KNOWN:
                right = f"an included file has checks alone; write it in {main}"
            if key != "checks":
                desk.report.unknown((part.key,), key, ("checks",), right)


def _agent(desk: Desk) -> AgentSettings:
    place: Path = ("agent",)
    raw = dict(desk.mapping(place, desk.section("agent")))
    region = desk.env.get("PROBER_REGION")
    if region and len(region) <= 200:
        raw["region"] = region
    elif region:
        desk.report.error((*place, "region"), "PROBER_REGION is too long; at most 200 characters")
    elif raw.get("region") is None:
        raw["region"] = socket.gethostname() or "local"
    labels = raw.get("labels")
    if isinstance(labels, dict):
        refuse_taken(desk, (*place, "labels"), labels)
    agent = desk.validated(AgentSettings, raw, place) or AgentSettings(region="local")
    return agent.model_copy(update={"data_dir": desk.files.path(str(agent.data_dir))})


def _web(desk: Desk) -> WebSettings:
    place: Path = ("web",)
    web = desk.validated(WebSettings, desk.mapping(place, desk.section("web")), place)
    if listen := desk.env.get("PROBER_LISTEN"):
        try:
            address = WebSettings(listen=listen).listen
        except ValidationError:
            said = f"PROBER_LISTEN={listen!r} is not an address; set host:port, :9620 or [::]:9620"
            desk.report.error((*place, "listen"), said)
        else:
            return (web or WebSettings()).model_copy(update={"listen": address})
    return web or WebSettings()


def _words(desk: Desk, key: str) -> _Words | None:
    raw = desk.section(key)
    words = desk.validated(_Words, {} if raw is None else {key: raw}, ())
    seen: set[str] = set()
    for index, word in enumerate(getattr(words, key, ())):
        if word in seen:
            desk.report.error((key, index), f"{word!r} is there twice; keep one")
        seen.add(word)
    return words


def _rules(desk: Desk, severities: tuple[str, ...] | None) -> Mapping[str, Rule] | None:
    raw = desk.section("alerts")
    if raw is None or raw == {}:
        return DEFAULT_RULES
    rules = desk.validated(Rules, {"alerts": raw}, ())
    if rules is None:
        return None
    for name, rule in rules.alerts.items():
        if severities and rule.severity is not None and rule.severity not in severities:
            said = f"{rule.severity!r} is not one of the severities: {', '.join(severities)}"
            desk.report.error(("alerts", name, "severity"), said)
    return rules.alerts


def _notifiers(desk: Desk) -> dict[str, AnyNotifier]:
    notifiers: dict[str, AnyNotifier] = {}
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
        kind = desk.picked(value, tuple(_NOTIFIERS), place, tuple(_NOTIFIERS))
        for key in value:
            if key not in _NOTIFIERS:
                desk.report.unknown(place, key, tuple(_NOTIFIERS))
        if kind is not None and (notifier := _notifier(desk, kind, value, place)):
            notifiers[name] = notifier
    return notifiers


def _notifier(desk: Desk, kind: str, value: Raw, place: Path) -> AnyNotifier | None:
    model = _NOTIFIERS[kind]
    raw = desk.with_files(model, {kind: value[kind]}, place)
    tls.look_into(desk, model, raw, place)
    return desk.validated(model, raw, place)
