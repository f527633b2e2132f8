"""What does the page of an incident say? Pure: what is remembered of it in, texts out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from prober.alerts.records import Record
from prober.result import Assertion, Result
from prober.store.records import Heard, Story, Telling
from prober.units import rfc3339, show_duration
from prober.web.journey import Journey, journey
from prober.web.view import Moment, moment

UP = "../"  # from the incident's page to the address that all links are relative to
LATE = 2.0  # seconds of telling somebody that are worth being mentioned
_SAID = {
    "firing": "that it fires",
    "reminder": "that it still fires",
    "escalated": "that it still fires, as an escalation",
    "flapping": "that it goes up and down",
    "acknowledged": "that somebody sees to it",
    "resolved": "that it is over",
}


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the timeline; `mood` is bad, good or nothing."""

    stamp: str
    utc: str
    text: str
    detail: str
    mood: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver or a command gave back."""

    notifier: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    id: str
    title: str
    state: str  # firing, acknowledged, held or over
    since: Moment | None
    lasted: str
    facts: tuple[tuple[str, str], ...]
    check: str
    runbook: str
    message: str
    timeline: tuple[Happened, ...]
    assertions: tuple[Assertion, ...]
    values: tuple[tuple[str, str], ...]
    phases: tuple[tuple[str, str], ...]  # of that run, and how long each took
    run: str  # when the last failed run was
    journey: Journey | None
    answers: tuple[Answer, ...]


def shown(story: Story, now: float) -> Shown:
    record, run = story.record, story.run
    began = record.since or record.fired_at
    until = record.up_since or record.resolved_at  # as the notice of its end counts it
    return Shown(
        id=record.id,
        title=_title(record),
        state=_state(record),
        since=moment(began, now),
        lasted=show_duration(
            max(0.0, until - began) if until else max(1.0, float(int(now - began)))
        ),
        facts=_facts(record, story.heard),
        check=record.check,
        runbook=record.runbook if record.runbook.startswith(("http://", "https://")) else "",
        message=record.last_message,
        timeline=tuple(sorted(_timeline(story), key=lambda one: one.stamp)),
        assertions=run.finding.assertions if run else (),
        values=tuple((name, f"{value:g}") for name, value in run.values.items()) if run else (),
        phases=tuple((name, show_duration(its)) for name, its in run.phases.items()) if run else (),
        run=_utc(run.started_at) if run else "",
        journey=_journey(run),
        answers=tuple(Answer(one.notifier, one.answer) for one in story.told if one.answer),
    )


def _title(record: Record) -> str:
    whose = record.check or f"the agent in {record.region}"
    return f"{whose}: {record.rule}"


def _state(record: Record) -> str:
    if record.resolved_at is not None:
        return "over"
    if record.acked_at is not None:
        return "acknowledged"
    return "held" if record.held and record.told_at is None else "firing"


def _facts(record: Record, heard: Heard | None) -> tuple[tuple[str, str], ...]:
    ours = {"alertname", "alert", "check", "kind", "region", "severity"}
    pairs = {
        "Severity": record.severity,
        "Kind": record.kind,
        "Region": record.region,
        "Labels": ", ".join(
            f"{name}={text}" for name, text in record.labels.items() if name not in ours
        ),
        "Reason": record.reason,
        "Told": ", ".join(heard.told if heard else ()),
        "Could not be told": ", ".join(heard.untold if heard else ()),
        "Yet to be told": ", ".join(heard.waiting if heard else ()),
        "Meant for": "" if heard else ", ".join(record.told),
        "Held back": record.held if _state(record) == "held" else "",
        "Held back by it": record.children,
    }
    return tuple((name, text) for name, text in pairs.items() if text)


def _timeline(story: Story) -> list[Happened]:
    record = story.record
    lines = []
    if record.since is not None:
        lines.append(_line(record.since, "began", record.first_message, "bad"))
    held = f"nobody is told: {record.held}" if record.held else ""
    lines.append(_line(record.fired_at, f"fired ({record.severity})", held, "bad"))
    if record.held and record.told_at is not None:
        lines.append(_line(record.told_at, "no longer held back"))
    if record.flapping_since is not None:
        lines.append(_line(record.flapping_since, "goes up and down, and is held open"))
    if record.acked_at is not None:
        by = f"acknowledged by {record.acked_by}"
        lines.append(_line(record.acked_at, by, record.acked_comment, "good"))
    if record.resolved_at is not None:
        lines.append(_line(record.resolved_at, "over", record.because, "good"))
    return [*lines, *map(_told, story.told)]  # of one moment, what was told comes after


def _told(one: Telling) -> Happened:
    what = _SAID.get(one.event, one.event)
    took = (one.done_at or one.at) - one.at
    match one.status:
        case "delivered":
            after = f"after {show_duration(took)}" if took >= LATE else ""
            return _line(one.done_at or one.at, f"{one.notifier} was told {what}", after)
        case "dead":
            at = one.done_at or one.at
            return _line(at, f"{one.notifier} could not be told {what}", one.error, "bad")
        case "not_run":
            return _line(one.done_at or one.at, f"{one.notifier} was to be told {what}", one.error)
        case "superseded":
            return _line(one.at, f"{one.notifier} was spared to hear {what}", one.error)
        case _:
            return _line(one.at, f"{one.notifier} is yet to be told {what}", one.error)


def _line(at: float, text: str, detail: str = "", mood: str = "") -> Happened:
    return Happened(rfc3339(at), _utc(at), text, detail, mood)


def _utc(at: float) -> str:
    return rfc3339(at)[:19].replace("T", " ")


def _journey(run: Result | None) -> Journey | None:
    """Its files are linked from one level further down than on the main page."""
    found = journey(run)
    if found is None:
        return None
    pieces = tuple(replace(one, address=UP + one.address) for one in found.evidence)
    return replace(found, evidence=pieces)
