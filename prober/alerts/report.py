"""What does a report say? The figures of a period, as a text of fixed width.

It is read in mails and chats where nothing but blanks can make a table, so no
line is longer than 78 characters; and where there is very much, what matters
is said and the rest is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prober.alerts.figures import Figures
from prober.alerts.notice import Event, Notice, whose
from prober.alerts.periods import Period
from prober.alerts.records import Record
from prober.alerts.times import zone
from prober.alerts.words import located
from prober.secret import CUT
from prober.units import rfc3339, show_duration

WIDTH = 78
SOON = 30 * 86400.0  # seconds: certificates that end within them are named
MOST_CHECKS, MOST_INCIDENTS, MOST_SLOW, MOST_BUDGETS, MOST_CERTIFICATES = 40, 20, 10, 10, 10
NAME = 26  # characters of a check's name
NO_RUNS = "no runs"
LATEST = 250_000_000_000.0  # a moment of which every timezone has a date


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a report is about: `checks` has each of them, also those without a run.

    `certificates` are the moments at which they end, by check.
    """

    region: str
    period: Period
    at: float  # when it is made
    name: str = ""
    timezone: str = "UTC"
    checks: Mapping[str, Figures] = field(default_factory=dict)
    incidents: Sequence[Record] = ()
    certificates: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)  # the agent's
    external_url: str = ""


def notice(facts: Facts, called: str) -> Notice:
    """`called` tells it from the other reports."""
    base = facts.external_url.rstrip("/")
    return Notice(
        event=Event.REPORT,
        key=f"{facts.region}/{whose(facts.labels)}/report {called}/{rfc3339(facts.period.until)}",
        labels={
            **facts.labels,
            "alertname": "ProberReport",
            "alert": "report",
            "kind": "agent",
            "region": facts.region,
            **({"report": facts.name} if facts.name else {}),
        },
        annotations={"summary": summary(facts), "description": text(facts)},
        starts_at=facts.period.since,
        ends_at=facts.period.until,
        at=facts.at,
        url=f"{base}/" if base else "",
    )


def summary(facts: Facts) -> str:
    """The whole of it in a line, which is all that a phone shows."""
    lasted = show_duration(facts.period.until - facts.period.since)
    what = f"{facts.name}, {lasted}" if facts.name else lasted
    whole = available(together(facts.checks.values()))
    count = len(facts.incidents)
    longest = max((_seconds(one, facts) for one in facts.incidents), default=0.0)
    told = (
        _plural(len(facts.checks), "check"),
        whole if whole == NO_RUNS else f"{whole} available",
        f"{_plural(count, 'incident')}, the longest {show_duration(longest)}"
        if count
        else "no incidents",
    )
    return f"{what} in {located(facts.region, facts.labels)}: {', '.join(told)}"


def text(facts: Facts) -> str:
    there = facts.timezone
    begin, end = _moment(facts.period.since, there), _moment(facts.period.until, there)
    parts = (
        [f"{begin} to {end} {there}"],
        _checks(facts),
        _incidents(facts),
        _slowest(facts),
        _budgets(facts),
        _certificates(facts),
    )
    blocks = ("\n".join(_cut(line.rstrip(), WIDTH) for line in lines) for lines in parts)
    return "\n\n".join(block for block in blocks if block)


def together(figures: Iterable[Figures]) -> Figures:
    whole = Figures()
    for one in figures:
        whole.add(one)
    return whole


def available(figures: Figures) -> str:
    """The share of the runs with a verdict that were up; never rounded up to what it is not."""
    if not figures.judged:
        return NO_RUNS
    whole, rest = divmod(figures.up * 10_000 // figures.judged, 100)
    return "100 %" if figures.up == figures.judged else f"{whole}.{rest:02} %"


def _checks(facts: Facts) -> Iterator[str]:
    whole = together(facts.checks.values())
    total = _plural(len(facts.checks), "check")
    if whole.judged:
        yield f"{total}: {available(whole)} of {whole.judged} runs up"
    else:
        yield f"{total}: {NO_RUNS} with a verdict"
    if not facts.checks:
        return
    yield ""
    yield _row("Check", "Available", "Up", "Down", "Degraded", "Unknown", "Maint.")
    ordered = sorted(facts.checks.items(), key=lambda item: (_rank(item[1]), item[0]))
    for name, one in ordered[:MOST_CHECKS]:
        counts = (one.up, one.down, one.degraded, one.unknown, one.maintenance)
        yield _row(name, available(one), *map(str, counts))
    if rest := together(one for _, one in ordered[MOST_CHECKS:]).judged:
        left = [one for _, one in ordered[MOST_CHECKS:]]
        yield f"and {len(left)} more: {available(together(left))} of {rest} runs up"
    elif len(ordered) > MOST_CHECKS:
        yield f"and {len(ordered) - MOST_CHECKS} more: {NO_RUNS}"


def _rank(figures: Figures) -> float:
    """The worst first; those without a run stand before those that were always up."""
    if not figures.judged:
        return 1.0
    return figures.up / figures.judged if figures.down else 2.0


def _row(name: str, share: str, *counts: str) -> str:
    widths = (9, 8, 9, 8, 7)
    cells = "".join(f"{count:>{width}}" for count, width in zip(counts, widths, strict=True))
    return f"{_cut(name, NAME):<{NAME}} {share:>10}{cells}"


def _incidents(facts: Facts) -> Iterator[str]:
    if not facts.incidents:
        yield "Incidents: none"
        return
    longest = sorted(facts.incidents, key=lambda one: _seconds(one, facts), reverse=True)
    shown = sorted(longest[:MOST_INCIDENTS], key=lambda one: (one.fired_at, one.key))
    yield f"Incidents: {len(longest)}"
    for one in shown:
        lasted = show_duration(_seconds(one, facts))
        so_far = " so far" if one.resolved_at is None else ""
        what = f"{one.check or 'the agent'}: {one.rule}"
        severity = f" ({one.severity})" if one.severity else ""
        begun = _moment(one.since or one.fired_at, facts.timezone)
        yield f"{begun}  {lasted + so_far:<17}  {what}{severity}"
    if more := len(longest) - len(shown):
        yield f"and {more} more, none of them longer"


def _seconds(one: Record, facts: Facts) -> float:
    """From the first bad run until it was over; the clock may have been set meanwhile."""
    end = facts.at if one.resolved_at is None else one.resolved_at
    return max(0.0, end - (one.since or one.fired_at))


def _slowest(facts: Facts) -> Iterator[str]:
    measured = [(name, one) for name, one in facts.checks.items() if one.measured]
    if not measured:
        return
    yield "Slowest: 95 % of the runs took"
    measured.sort(key=lambda item: (-_slow(item[1]), -_average(item[1]), item[0]))
    for name, one in measured[:MOST_SLOW]:
        edge = one.at_most(95)
        took = "longer than 2 m" if edge is None else f"at most {show_duration(edge)}"
        mean = f"on average {show_duration(_average(one))}"
        yield f"{_cut(name, NAME):<{NAME}} {took:<16} {mean}"


def _slow(figures: Figures) -> float:
    edge = figures.at_most(95)
    return float("inf") if edge is None else edge


def _average(figures: Figures) -> float:
    return figures.seconds / figures.measured


def _budgets(facts: Facts) -> Iterator[str]:
    broken = [
        (count, name, budget, one.judged)
        for name, one in facts.checks.items()
        for budget, count in one.budgets.items()
    ]
    if not broken:
        return
    yield "Broken budgets"
    broken.sort(key=lambda one: (-one[0], one[1:3]))
    for count, name, budget, runs in broken[:MOST_BUDGETS]:
        yield f"{_cut(name, NAME):<{NAME}} {_cut(budget, 30):<30} {count} of {_plural(runs, 'run')}"
    if more := len(broken) - MOST_BUDGETS:
        yield from [f"and {more} more"] if more > 0 else []


def _certificates(facts: Facts) -> Iterator[str]:
    ends = sorted((at, name) for name, at in facts.certificates.items() if at - facts.at <= SOON)
    if not ends:
        return
    yield f"Certificates that end within {show_duration(SOON)}"
    for at, name in ends[:MOST_CERTIFICATES]:
        left = at - facts.at
        when = f"in {show_duration(left)}" if left > 0 else f"{show_duration(-left)} ago"
        yield f"{_cut(name, NAME):<{NAME}} {_moment(at, facts.timezone)}  {when}"
    if len(ends) > MOST_CERTIFICATES:
        yield f"and {len(ends) - MOST_CERTIFICATES} more"


def _moment(at: float, there: str) -> str:
    within = min(max(at, 0.0), LATEST)  # what a target shows may be any year
    return f"{datetime.fromtimestamp(within, zone(there)):%Y-%m-%d %H:%M}"


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _cut(said: str, room: int) -> str:
    return said if len(said) <= room else said[: room - 1] + CUT
