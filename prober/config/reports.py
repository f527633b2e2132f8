"""Which reports are there, who gets them, and is that what was meant?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.alerts.periods import Report
from prober.alerts.scope import labels_of
from prober.config.desk import Desk
from prober.config.model import Config
from prober.config.routes import refuse_unknown, warn_of_scope
from prober.config.tree import Path
from prober.notify import AnyNotifier

DAY = 86400.0
YEAR = 366 * DAY


def read_reports(desk: Desk, notifiers: Mapping[str, AnyNotifier]) -> Iterator[Report]:
    """Every report that is right."""
    first: dict[str, int] = {}
    for index, raw in enumerate(desk.list(("reports",), desk.section("reports"))):
        place: Path = ("reports", index)
        report = desk.validated(Report, raw, place)
        if report is None:
            continue
        refuse_unknown(desk, report.notify, place)
        for at, name in enumerate(report.notify):
            if name in notifiers and not notifiers[name].TRAITS.people:
                said = (
                    f"{name!r} is {notifiers[name].kind}, which nobody reads; {_readers(notifiers)}"
                )
                desk.report.error((*place, "notify", at), said)
        if report.called in first:
            desk.report.error(*_twice(report, place, first[report.called]))
        first.setdefault(report.called, index)
        yield report


def _twice(report: Report, place: Path, other: int) -> tuple[Path, str]:
    if report.name is None:
        said = f"{report.schedule!r} is when reports[{other}] is made too; give one of them a name"
        return (*place, "schedule"), said
    said = f"{report.name!r} is the name of reports[{other}] too; names are unique"
    return (*place, "name"), said


def _readers(notifiers: Mapping[str, AnyNotifier]) -> str:
    names = [name for name, one in notifiers.items() if one.TRAITS.people]
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
