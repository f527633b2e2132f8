"""How does a tree of values become a Config? Section by section, every mistake reported.

A section that is wrong is replaced by its default, so that what stands beside
it can still be looked at; what would only repeat the mistake is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from prober.alerts.rules import DEFAULT_RULES, Rule
from prober.check import Model
from prober.clock import SystemClock
from prober.config.blackbox import read_modules
from prober.config.checks import Around, Checks
from prober.config.connectivity import read_connectivity
from prober.config.desk import Desk
from prober.config.model import (
    SEVERITIES,
    Config,
    Word,
)
from prober.config.mutes import read_maintenance, warn_of_windows
from prober.config.named import refuse_severity
from prober.config.notifiers import read_notifiers
from prober.config.overrides import STAND_IN
from prober.config.reports import read_reports, warn_of_reports
from prober.config.routes import read_routes, warn
from prober.config.settings import (
    read_agent,
    read_otlp,
    read_prometheus,
    read_quorum,
    read_web,
)
from prober.config.shard import warn_of_kin
from prober.config.slos import read_slos, warn_of_slos
from prober.config.tree import Path
from prober.secret import Scrubber

KNOWN = (
    "agent", "web", "include", "regions", "quorum", "prometheus", "otlp", "severities", "defaults", "checks", "alerts", "slos", "notifiers", "routes", "maintenance", "reports", "connectivity", "modules", "modules_file",
)  # fmt: skip
# Keys that people look for at the top, and what to write instead.
_RIGHT = {"secrets": 'write each where it is used, as "${NAME}" or "${file:PATH}"'}


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
    agent = read_agent(desk)
    regions = _words(desk, "regions")
    severities = _words(desk, "severities")
    known_severities = severities.severities if severities else None
    rules = _rules(desk, known_severities)
    built = Checks(desk, Around(agent.labels, rules, known_severities)).build()
    modules = read_modules(desk)
    kinds, notifiers = read_notifiers(desk, known_severities)
    config = Config(
        agent=agent,
        web=read_web(desk),
        regions=(regions.regions if regions else ()) or (agent.region,),
        quorum=read_quorum(desk),
        severities=known_severities or SEVERITIES,
        checks=tuple(built.checks),
        rules=built.rules,
        depends=built.depends,
        notifiers=notifiers,
        routes=tuple(read_routes(desk, known_severities)),
        maintenance=tuple(read_maintenance(desk)),
        reports=tuple(read_reports(desk, kinds)),
        slos=tuple(read_slos(desk)),
        prometheus=read_prometheus(desk),
        otlp=read_otlp(desk),
        connectivity=tuple(read_connectivity(desk)),
        scrub=scrub,
        files=dict(desk.files.hashes),
        targets=desk.others.watched,
        modules=modules,
    )
    _warn(desk, config)
    return config


def _warn(desk: Desk, config: Config) -> None:
    """Of what is legal and probably not meant."""
    now = SystemClock.now()
    warn(desk, config)
    warn_of_windows(desk, config, now)
    warn_of_reports(desk, config, now)
    warn_of_slos(desk, config)
    warn_of_kin(desk, config)


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


def _words(desk: Desk, key: str) -> _Words | None:
    raw = desk.section(key)
    words = desk.validated(_Words, {} if raw is None else {key: raw}, ())
    seen: set[str] = set()
    for at, word in desk.texts((key,)):
        if word in seen:
            desk.report.error(at, f"{word!r} is there twice; keep one")
        seen.add(word)
    return words


def _rules(desk: Desk, severities: tuple[str, ...] | None) -> Mapping[str, Rule] | None:
    """For one that is wrong another stands in: what refers to it is not wrong for that."""
    raw = desk.section("alerts")
    if raw is None or raw == {}:
        return DEFAULT_RULES
    if not isinstance(raw, dict):
        desk.mapping(("alerts",), raw)
        return None
    rules: dict[str, Rule] = {}
    for name, value in raw.items():
        at: Path = ("alerts", name)
        rules[name] = desk.validated(Rule, value, at) or STAND_IN
        if (word := desk.text((*at, "severity"))) is not None:
            refuse_severity(desk, (*at, "severity"), word, severities)
    return rules
