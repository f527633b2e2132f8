"""In what sentences is it told what became of an alert?

Everything comes out of the alert's state; `notice` puts it together with the
labels, the links and the times.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from prober.alerts.hold import ASKING, IS_DOWN, OFFLINE
from prober.alerts.phrases import phrases
from prober.alerts.standing import AlertState
from prober.units import rfc3339, show_duration

Said: TypeAlias = "dict[str, str]"  # annotations; empty ones are left out


class Own(NamedTuple):
    """After `the agent in eu`: one of the agent's own alerts, and its end."""

    begun: str
    still: str
    over: str


_OWN: Mapping[str, Own] = MappingProxyType(
    {
        "store": Own(
            "cannot write to its store",
            "still cannot write to its store",
            "writes to its store again",
        ),
        "undelivered": Own(
            "could not deliver notices",
            "still does not deliver notices",
            "delivers notices again",
        ),
        "offline": Own("was cut off", "was cut off", "is no longer cut off"),
    }
)
_ANY = Own("is at fault", "is still at fault", "is well again")


def firing(state: AlertState, held: str = "") -> Said:
    """`held` is why nobody was told before."""
    if "check" not in state.labels:
        return _agent_fails(state)
    labels, words = state.labels, phrases(state)
    summary = f"{labels['check']} {words.begun} in {labels['region']}"
    return _of_check(state, f"{summary}, {_held_back(held)}" if held else summary)


def reminder(state: AlertState, at: float) -> Said:
    if "check" not in state.labels:
        return _agent_fails(state, still=True) | {"duration": lasted(state, at)}
    summary = f"{_still(state)} after {lasted(state, at)}"
    return _of_check(state, summary) | {"duration": lasted(state, at)}


def escalated(state: AlertState, at: float) -> Said:
    if "check" not in state.labels:
        return _agent_fails(state, still=True) | {"duration": lasted(state, at)}
    summary = f"{_still(state)} after {lasted(state, at)}, and nobody has acknowledged it"
    return _of_check(state, summary) | {"duration": lasted(state, at)}


def flapping(state: AlertState, at: float) -> Said:
    """`state.changes` are those that were too many; its phrases are those of what flaps."""
    changes = [moment for moment in state.changes if moment <= at]
    within = show_duration(max(0.0, at - changes[0])) if len(changes) > 1 else ""
    said = f"{len(changes)} changes within {within}" if within else ""
    labels = state.labels
    summary = colon(f"{labels['check']} {phrases(state).begun} in {labels['region']}", said)
    held = "this alert stays open until it is calm"
    errors = _errors(state)
    return {
        "summary": summary,
        "description": colon(f"{summary}; {held}", errors and f"last error: {errors}"),
        "duration": lasted(state, at),
        **_both_messages(state),
    }


def acknowledged(state: AlertState, comment: str = "") -> Said:
    labels = state.labels
    what = f"{labels['check']} in {labels['region']}" if "check" in labels else _agent(labels)
    by = f" by {state.acked_by}" if state.acked_by else ""
    summary = f"{what}: {labels['alert']} was acknowledged{by}"
    return {
        "summary": colon(summary, comment),
        "description": colon("no more reminders and no escalation of it", _errors(state)),
        "acknowledged_by": state.acked_by,
        "comment": comment,
        "last_message": state.last_message,
    }


def resolved(state: AlertState, until: float, because: str = "") -> Said:
    """`state` is the one before it became quiet, `until` when it became well."""
    labels = state.labels
    took = lasted(state, until)
    said: Said = {"duration": took, "last_message": state.last_message}
    if because:
        return {**said, "summary": colon(_unwatched(labels), because), "description": because}
    words = phrases(state)
    from_to = f"from {moment(state.since)} to {moment(until)}"
    if "check" in labels:
        summary = f"{labels['check']} {words.over} in {labels['region']} after {took}{words.of}"
        description = colon(f"{words.was} {from_to}", _errors(state))
        return {**_both_messages(state), **said, "summary": summary, "description": description}
    if labels["alert"] == "agent-fault":
        were = state.details.get("were") or state.details.get("checks", "all checks")
        summary = f"{_agent(labels)} gets verdicts again after {took}: {were}"
        return said | {
            "summary": summary,
            "description": colon(f"{words.was} {from_to}", state.last_message),
        }
    if labels["alert"] == OFFLINE:  # how long that was it has said before
        return {
            "summary": f"{_agent(labels)} {_own(labels).over}",
            "description": state.last_message,
            "last_message": state.last_message,
        }
    summary = f"{_agent(labels)} {_own(labels).over} after {took}"
    return said | {"summary": summary, "description": colon(from_to, state.last_message)}


def window(name: str, region: str, *, begun: bool, until: float | None) -> Said:
    """Maintenance, for those who asked to hear of it."""
    what = f"maintenance {name} in {region}"
    if not begun:
        return {
            "summary": f"{what} is over",
            "description": "notices go out again; what still fires is told now",
        }
    ends = f", until {moment(until)}" if until is not None else ""
    held = "nobody is told of what fails in it; what still does at its end is told then"
    return {"summary": f"{what} has begun{ends}", "description": held}


def _of_check(state: AlertState, summary: str) -> Said:
    words, errors = phrases(state), _errors(state)
    return {
        "summary": colon(summary, state.last_message),
        "description": colon(f"{words.lasts} {moment(state.since)}", errors),
        **_both_messages(state),
    }


def _still(state: AlertState) -> str:
    return f"{state.labels['check']} {phrases(state).still} in {state.labels['region']}"


def _agent_fails(state: AlertState, *, still: bool = False) -> Said:
    if state.labels["alert"] != "agent-fault":
        own = _own(state.labels)
        summary = f"{_agent(state.labels)} {own.still if still else own.begun}"
        since = "" if state.labels["alert"] == OFFLINE else f"since {moment(state.since)}"
        return {
            "summary": colon(summary, state.last_message),
            "description": colon(since, state.last_message) if since else state.last_message,
            "last_message": state.last_message,
        }
    checks = state.details.get("checks", "some checks")
    summary = f"{_agent(state.labels)} {'still ' if still else ''}gets no verdict on {checks}"
    alone = " and " not in checks
    description = f"no verdict since {moment(state.since)}, which says nothing about the targets"
    return {
        "summary": colon(summary, state.last_message if alone else ""),
        "description": colon(description, state.details.get("messages", "")),
        "last_message": state.last_message,
    }


def _own(labels: Mapping[str, str]) -> Own:
    return _OWN.get(labels["alert"], _ANY)


def located(region: str, labels: Mapping[str, str]) -> str:
    """The region, and which of its agents; `labels` are those of what an agent says of itself."""
    return f"{region} (shard {labels['shard']})" if "shard" in labels else region


def _agent(labels: Mapping[str, str]) -> str:
    return f"the agent in {located(labels['region'], labels)}"


def _unwatched(labels: Mapping[str, str]) -> str:
    if "check" in labels:
        return (
            f"{labels['check']} is no longer watched for {labels['alert']!r} in {labels['region']}"
        )
    if labels["alert"] == "agent-fault":
        return f"{_agent(labels)} has no check left on which it gets no verdict"
    return f"{_agent(labels)} {_own(labels).over}"


def _held_back(held: str) -> str:
    if held.startswith("maintenance"):
        return f"first seen in {held}"
    if held.endswith(IS_DOWN):
        return f"held back while {held.removesuffix(IS_DOWN)} was down"
    if held == OFFLINE:
        return "held back while the agent was cut off"
    return f"held back so far{',' if held.startswith(ASKING) else ' by'} {held}"


def _both_messages(state: AlertState) -> Said:
    """First and last error, where there were two; of several runs also how these failed."""
    first, last = _of_runs(state)
    said = {"first_error": first, "last_error": last}
    if state.first_message == state.last_message:
        return said
    return {**said, "first_message": state.first_message, "last_message": state.last_message}


def _errors(state: AlertState) -> str:
    first, last = _of_runs(state)
    return "; ".join(
        colon(name, said) if name else said
        for name, said in (
            ("", state.last_message),
            ("at first", "" if state.first_message == state.last_message else state.first_message),
            ("last error", last),
            ("first error", first),
        )
        if said
    )


def _of_runs(state: AlertState) -> tuple[str, str]:
    """How the first and the last run failed that an alert of several is about; the first if it differs."""
    first, last = (state.details.get(name, "") for name in ("first_error", "last_error"))
    return ("" if first == last else first), last


def lasted(state: AlertState, until: float) -> str:
    """How long it has failed; the wall clock may have been set back meanwhile."""
    return show_duration(max(0.0, until - (state.since or until)))


def moment(seconds: float | None) -> str:
    return rfc3339(seconds or 0.0)


def colon(text: str, more: str) -> str:
    return f"{text}: {more}" if more else text
