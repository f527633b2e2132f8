"""Who is told of what, and is there anybody? The routes of a config, and what is odd about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prober.alerts.faults import AGENT, watched
from prober.alerts.notice import identity
from prober.alerts.plan import Plan
from prober.alerts.route import Match, Route
from prober.alerts.rules import EffectiveRule
from prober.config.desk import Desk
from prober.config.model import Config
from prober.config.tree import Path
from prober.probes import KINDS

NAMED = 3  # checks that a warning names


def read_routes(desk: Desk, severities: Sequence[str] | None) -> Iterator[Route]:
    """Every route that is right; `severities` is None where they are wrong themselves."""
    known = desk.section("notifiers")
    names = tuple(known) if isinstance(known, dict) else ()
    for index, raw in enumerate(desk.list(("routes",), desk.section("routes"))):
        place: Path = ("routes", index)
        route = desk.validated(Route, raw, place)
        if route is None:
            continue
        for at, name in enumerate(route.notify):
            if name not in names:
                listed = f"the notifiers are {', '.join(names)}" if names else "there are none"
                desk.report.error((*place, "notify", at), f"no notifier {name!r}; {listed}")
        for at, word in enumerate(route.match.severity or ()):
            if severities and word not in severities:
                said = f"{word!r} is not one of the severities: {', '.join(severities)}"
                desk.report.error((*place, "match", "severity", at), said)
        yield route


def warn(desk: Desk, config: Config) -> None:
    """What is legal and probably not meant."""
    agent = config.agent
    if agent.region not in config.regions:
        listed = ", ".join(config.regions)
        desk.report.warn(("regions",), f"{agent.region!r}, this agent's, is none of {listed}")
    if agent.notify == "auto" and len(config.regions) > 1:
        said = (
            "several regions and notify: auto; notices come from the rules generated"
            " for Prometheus, not from this agent"
        )
        desk.report.warn(("regions",), said)
    elif config.checks and agent.notify != "never" and not desk.section("notifiers"):
        desk.report.warn((), "no notifiers; alerts are seen on the page and in metrics only")
    _warn_of_routes(desk, config)


def _warn_of_routes(desk: Desk, config: Config) -> None:
    last = None
    for index, route in enumerate(config.routes):
        place: Path = ("routes", index)
        if last is not None:
            said = f"never reached; routes[{last}] matches everything and does not continue"
            desk.report.warn(place, said)
        elif route.match == Match() and not route.continue_:
            last = index
        _warn_of_match(desk, config, route.match, place)
    if config.routes and config.notifies and not any(r.match == Match() for r in config.routes):
        _warn_of_untold(desk, config)


def _warn_of_untold(desk: Desk, config: Config) -> None:
    """Alerts that every route lets pass by, so that nobody hears of them."""
    untold: dict[EffectiveRule, list[str]] = {}
    for check in config.checks:
        for rule in config.rules[check.name]:
            labels = identity(config.agent.region, check.name, check.kind, rule, check.labels)
            if not any(route.match.matches(labels) for route in config.routes):
                untold.setdefault(rule, []).append(check.name)
    for rule, names in untold.items():
        shown = ", ".join(names[:NAMED])
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        said = (
            f"none takes the alert {rule.name} ({rule.severity}) of {shown}{more};"
            " add one, with notify: [] to tell nobody"
        )
        desk.report.warn(("routes",), said)
    if config.checks:
        _warn_of_untold_agent(desk, config)


def _warn_of_untold_agent(desk: Desk, config: Config) -> None:
    """The agent's own alert has no check, and the first of the severities."""
    agent = config.agent
    its = watched(Plan(region=agent.region, labels=agent.labels, severity=config.severities[0]))
    labels = identity(agent.region, AGENT, its.kind, its.rules[0], its.labels)
    if not any(route.match.matches(labels) for route in config.routes):
        said = (
            f"none takes the alert {its.rules[0].alertname} ({its.rules[0].severity})"
            " of the agent itself; add one, with notify: [] to tell nobody"
        )
        desk.report.warn(("routes",), said)


def _warn_of_match(desk: Desk, config: Config, match: Match, place: Path) -> None:
    there = {
        "checks": (match.checks, {check.name for check in config.checks}),
        "kinds": (match.kinds, {"agent", *(kind.kind for kind in KINDS)}),
        "regions": (match.regions, {*config.regions, config.agent.region}),
    }
    for key, (wanted, known) in there.items():
        if wanted and not known.intersection(wanted):
            shown = ", ".join(map(repr, wanted))
            desk.report.warn((*place, "match", key), f"{shown} can never match; there is none")
