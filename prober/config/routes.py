"""Who is told of what, and is there anybody? The routes of a config, and what is odd about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from prober.alerts.faults import AGENT, watched
from prober.alerts.notice import identity
from prober.alerts.plan import Plan
from prober.alerts.route import Match, Route
from prober.alerts.rules import EffectiveRule
from prober.alerts.scope import Scope
from prober.alerts.times import Times, zone
from prober.config.desk import Desk
from prober.config.model import Config
from prober.config.named import refuse_severity, refuse_unknown
from prober.config.tree import Path
from prober.probes import KINDS

NAMED = 3  # checks that a warning names
MONDAY = 1704067200  # in Unix seconds; any would do


def read_routes(desk: Desk, severities: Sequence[str] | None) -> Iterator[Route]:
    """Every route that is right; `severities` is None where they are wrong themselves."""
    for index, raw in enumerate(desk.list(("routes",), desk.section("routes"))):
        place: Path = ("routes", index)
        route = desk.validated(Route, raw, place)
        refuse_unknown(desk, place)
        stages = raw.get("escalate") if isinstance(raw, dict) else None
        for at in range(len(stages) if isinstance(stages, list) else 0):
            refuse_unknown(desk, (*place, "escalate", at))
        for where, word in desk.texts((*place, "match", "severity")):
            refuse_severity(desk, where, word, severities)
        if route is not None:
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
    elif config.checks and config.notifies and not (config.routes or config.told_without_routes):
        said = "commands only, which run where a route names them, and no routes: nobody is told"
        desk.report.warn(("notifiers",), said)
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
        warn_of_scope(desk, config, route.match, (*place, "match"))
    if config.routes and config.notifies and not any(r.match == Match() for r in config.routes):
        _warn_of_untold(desk, config)


def _warn_of_untold(desk: Desk, config: Config) -> None:
    """Alerts that every route lets pass by, so that nobody hears of them."""
    passing = _Passing(config.routes)
    untold: dict[tuple[EffectiveRule, str], list[str]] = {}
    for check in config.checks:
        for rule in config.rules[check.name]:
            labels = identity(config.agent.region, check.name, check.kind, rule, check.labels)
            if (when := passing.when(labels)) is not None:
                untold.setdefault((rule, when), []).append(check.name)
    for (rule, when), names in untold.items():
        shown = ", ".join(names[:NAMED])
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        said = (
            f"none takes the alert {rule.name} ({rule.severity}) of {shown}{more}{when};"
            " add one, with notify: [] to tell nobody"
        )
        desk.report.warn(("routes",), said)
    if config.checks:
        _warn_of_untold_agent(desk, config, passing)


def _warn_of_untold_agent(desk: Desk, config: Config, passing: _Passing) -> None:
    """The agent's own alert has no check, and the first of the severities."""
    agent = config.agent
    its = watched(Plan(region=agent.region, labels=agent.labels, severity=config.severities[0]))
    labels = identity(agent.region, AGENT, its.kind, its.rules[0], its.labels)
    if (when := passing.when(labels)) is not None:
        said = (
            f"none takes the alert {its.rules[0].alertname} ({its.rules[0].severity})"
            f" of the agent itself{when}; add one, with notify: [] to tell nobody"
        )
        desk.report.warn(("routes",), said)


class _Passing:
    """At what time of the week do all routes let an alert pass by?"""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self._gaps: dict[tuple[Times, ...], str | None] = {}

    def when(self, labels: Mapping[str, str]) -> str | None:
        """None for never; "" for always, else the first of these times in words."""
        taken = [route.match.times for route in self._routes if route.match.matches(labels)]
        times = tuple(one for some in taken for one in some or ())
        if not taken or None in taken:
            return None if taken else ""
        if times not in self._gaps:
            self._gaps[times] = _gap(times)
        return self._gaps[times]


def _gap(times: Sequence[Times]) -> str | None:
    """When in a week the last of these times ends; in one without a change of the clocks."""
    was = True
    for moment in range(MONDAY - 60, MONDAY + 7 * 86400, 60):
        had, was = was, any(one.have(moment) for one in times)
        if had and not was and moment >= MONDAY:
            there = times[0].timezone
            return f" at {datetime.fromtimestamp(moment, zone(there)):%H:%M on a %A} in {there}"
    return None


def warn_of_scope(desk: Desk, config: Config, match: Scope, place: Path) -> bool:
    """Whether something under `match`, at `place`, can never be, and was said."""
    there = {
        "checks": (match.checks, {check.name for check in config.checks}),
        "kinds": (match.kinds, {"agent", *(kind.kind for kind in KINDS)}),
        "regions": (match.regions, {*config.regions, config.agent.region}),
    }
    odd = False
    for key, (wanted, known) in there.items():
        if wanted and not known.intersection(wanted):
            shown = ", ".join(map(repr, wanted))
            desk.report.warn((*place, key), f"{shown} can never match; there is none")
            odd = True
    return odd
