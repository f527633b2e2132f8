"""What was promised, and can it be kept and measured at all?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from prober.alerts.scope import labels_of
from prober.alerts.slo import Slo, windows
from prober.config.desk import Desk
from prober.config.model import Config
from prober.config.named import Names
from prober.config.pace import some
from prober.config.routes import warn_of_scope
from prober.config.tree import Path
from prober.export.tally import EDGES, JOURNEY_EDGES
from prober.probes import AnyCheck
from prober.units import show_duration

EDGES_MORE = 5  # of a check's histogram: each is a series more in each region


def read_slos(desk: Desk) -> Iterator[Slo]:
    """Those that are right; what is wrong with the others is reported."""
    names = Names(desk, "slos")
    for index, raw in enumerate(desk.list(("slos",), desk.section("slos"))):
        place: Path = ("slos", index)
        slo = desk.validated(Slo, raw, place)
        names.note(index)
        if slo is not None:
            yield slo


def warn_of_slos(desk: Desk, config: Config) -> None:
    """What is legal and hardly meant."""
    covered = [_covered(config, slo) for slo in config.slos]
    for index, (slo, checks) in enumerate(zip(config.slos, covered, strict=True)):
        place: Path = ("slos", index)
        if warn_of_scope(desk, config, slo.match, (*place, "match")):
            continue
        if config.checks and not checks:
            said = "no check has all of this; nothing is promised of any"
            desk.report.warn((*place, "match"), said)
        _warn_of_idle(desk, slo, checks, place)
        _warn_of_silent(desk, config, slo, checks, place)
    _warn_of_many(desk, config, covered)


def _covered(config: Config, slo: Slo) -> list[AnyCheck]:
    """Other regions run this config too: what is promised of theirs alone counts."""
    regions = dict.fromkeys((config.agent.region, *config.regions))
    return [
        check
        for check in config.checks
        if any(
            slo.match.covers(labels_of(region, check.name, check.kind, check.labels))
            for region in regions
        )
    ]


def _warn_of_idle(desk: Desk, slo: Slo, checks: Sequence[AnyCheck], place: Path) -> None:
    if slo.latency is None:
        return
    under = slo.latency.under
    if names := [check.name for check in checks if under > check.timeout]:
        said = f"{show_duration(under)} is longer than the timeout of {some(names)}: no run can break it"
        desk.report.warn((*place, "latency", "under"), said)


def _warn_of_silent(
    desk: Desk, config: Config, slo: Slo, checks: Sequence[AnyCheck], place: Path
) -> None:
    regions, scrape = len(config.regions), config.prometheus.scrape_interval
    told = {
        interval: bool(windows(slo, interval, regions, scrape)[0])
        for interval in {check.interval for check in checks}
    }
    if names := [check.name for check in checks if not told[check.interval]]:
        said = f"nobody is told when its budget burns, but shown what is left of it: {some(names)}"
        desk.report.warn(place, f"{said}; too few runs, or too large a budget")


def _warn_of_many(desk: Desk, config: Config, covered: Sequence[Sequence[AnyCheck]]) -> None:
    """Of all checks: the first that has most of them stands for the others."""
    more = {
        (check.name, slo.latency.under)
        for slo, checks in zip(config.slos, covered, strict=True)
        if slo.latency is not None
        for check in checks
        if slo.latency.under not in (JOURNEY_EDGES if check.kind == "journey" else EDGES)
    }
    most = Counter(name for name, _ in more)
    if names := [check.name for check in config.checks if most[check.name] > EDGES_MORE]:
        count = max(most.values())
        said = f"{count} different latencies are promised of {some(names)}: each is a series more"
        desk.report.warn(("slos",), said)
