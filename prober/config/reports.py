"""Which reports are there, who gets them, and is that what was meant?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.alerts.periods import Report
from prober.alerts.scope import labels_of
from prober.config.desk import Desk
from prober.config.model import Config
from prober.config.named import refuse_unknown
from prober.config.routes import warn_of_scope
from prober.config.tree import Path
from prober.notify import AnyNotifier

DAY = 86400.0
YEAR = 366 * DAY


def read_reports(desk: Desk, kinds: Mapping[str, type[AnyNotifier]]) -> Iterator[Report]:
    """Every report that is right; `kinds` are those of the notifiers."""
    first: dict[str, int] = {}
    for index, raw in enumerate(desk.list(("reports",), desk.section("reports"))):
        place: Path = ("reports", index)
        report = desk.validated(Report, raw, place)
        refuse_unknown(desk, place)
        for at, name in desk.texts((*place, "notify")):
            if name in kinds and not kinds[name].TRAITS.people:
                said = f"{name!r} is {kinds[name].kind}, which nobody reads; {_readers(kinds)}"
                desk.report.error(at, said)
        _refuse_twice(desk, index, first)
        if report is not None:
            yield report


def _refuse_twice(desk: Desk, index: int, first: dict[str, int]) -> None:
    """One without a name is called by its schedule."""
    place: Path = ("reports", index)
    name, schedule = desk.text((*place, "name")), desk.text((*place, "schedule"))
    if not (called := name or schedule):
        return
    if (other := first.setdefault(called, index)) == index:
        return
    if name:
        said = f"{name!r} is the name of reports[{other}] too; names are unique"
        desk.report.error((*place, "name"), said)
    else:
        said = f"{schedule!r} is when reports[{other}] is made too; give one of them a name"
        desk.report.error((*place, "schedule"), said)


def _readers(kinds: Mapping[str, type[AnyNotifier]]) -> str:
    names = [name for name, one in kinds.items() if one.TRAITS.people]
    return f"people read {', '.join(names)}" if names else "name a mail, a Slack or a webhook"


def warn_of_reports(desk: Desk, config: Config, now: float) -> None:
    """What is legal and probably not meant; `now` is in Unix seconds."""
    if config.reports and not config.notifies:
        said = (
            "they are not sent: this agent does not notify; set agent.notify: always to have them"
        )
        desk.report.warn(("reports",), said)
    region = config.agent.region
    for index, report in enumerate(config.reports):
        place: Path = ("reports", index)
        if (moment := report.next(now)) is None or moment > now + YEAR:
            said = f"{report.schedule!r} does not come within a year; is that what is meant?"
            desk.report.warn((*place, "schedule"), said)
        if not warn_of_scope(desk, config, report.match, (*place, "match")) and config.checks:
            labels = (labels_of(region, one.name, one.kind, one.labels) for one in config.checks)
            if not any(map(report.match.covers, labels)):
                said = "no check has all of this; the report is empty"
                desk.report.warn((*place, "match"), said)
