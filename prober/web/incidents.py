"""What does a program learn about incidents, and about what people decided?"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from aiohttp import web
from pydantic import JsonValue

from prober.alerts.decisions import Entry
from prober.alerts.notice import incident_id, incident_key
from prober.alerts.records import Record, record
from prober.alerts.state import AlertState
from prober.errors import ProberError
from prober.store.records import LEAST, Heard, Listed, Story, Telling, Wanted
from prober.units import rfc3339
from prober.web.api import JSON, refusal
from prober.web.sources import SOURCES, Sources
from prober.web.stream import Turns, send

LIMIT, MOST = 100, 1000
_DIGITS = frozenset("0123456789abcdef")
FIRING = {"firing": True, "resolved": False}


async def incidents(request: web.Request) -> web.StreamResponse:
    """`/api/v1/incidents[?state=firing|resolved][&check=…][&limit=…]`, the newest first."""
    state = request.query.get("state")
    if state is not None and state not in FIRING:
        return refusal(400, f"state is {state!r}, which is none of {', '.join(FIRING)}")
    limit = _limit(request)
    if limit is None:
        return _wrong_limit(request)
    sources = request.app[SOURCES]
    wanted = Wanted(
        firing=None if state is None else FIRING[state],
        check=request.query.get("check"),
        limit=limit,
    )
    try:
        found = await sources.incidents(wanted)
    except ProberError as error:
        return refusal(503, str(error))
    return await send(request, JSON, _listed(found, Turns(sources.clock)))


async def incident(request: web.Request) -> web.Response:
    """`/api/v1/incidents/ID`, with what was said to whom, and the last failed run."""
    known = request.match_info["id"]
    try:
        story = await remembered(request.app[SOURCES], known)
    except ProberError as error:
        return refusal(503, str(error))
    if story is None:
        return refusal(404, missing(known))
    return _answer(_whole(story))


async def audit(request: web.Request) -> web.Response:
    """`/api/v1/audit[?limit=…]`, the newest first."""
    limit = _limit(request)
    if limit is None:
        return _wrong_limit(request)
    try:
        found = await request.app[SOURCES].audit(limit)
    except ProberError as error:
        return refusal(503, str(error))
    return _answer({"entries": [_entry(one) for one in found]})


def burning(sources: Sources, known: str) -> list[AlertState]:
    """What fires now and is known by this: an id, six or more digits of one, or a key."""
    short = len(known) >= LEAST and _DIGITS.issuperset(known)
    there = (one for one in sources.states().values() if one.firing and one.ended_at is None)
    keys = ((incident_key(state), state) for state in there)
    return [
        state
        for key, state in keys
        if key == known or (short and incident_id(key).startswith(known))
    ]


def missing(known: str, which: str = "") -> str:
    """Why nothing was found by this. So few digits may be those of an incident, and are not looked for."""
    if len(known) < LEAST and _DIGITS.issuperset(known):
        return f"{known!r} is too little of an incident's id; write at least {LEAST} digits of it"
    return f"there is no incident {known!r}{which}"


async def remembered(sources: Sources, known: str) -> Story | None:
    """From the disk; from memory where that does not know it (yet), or fails.

    Raises ProberError where the disk fails and memory knows nothing of it.
    """
    there = burning(sources, known)
    try:
        story = await sources.incident(known)
    except ProberError:
        if len(there) != 1:
            raise
        story = None
    if story is None:
        return Story(record=record(there[0])) if len(there) == 1 else None
    scrub = sources.scrub
    told = (replace(one, error=scrub(one.error), answer=scrub(one.answer)) for one in story.told)
    return replace(story, told=tuple(told))


def describe(its: Record, heard: Heard | None) -> dict[str, JsonValue]:
    """What is not known of who `heard` of it is null."""
    return {
        "id": its.id,
        "key": its.key,
        "state": "firing" if its.resolved_at is None else "resolved",
        "check": its.check or None,
        "alert": its.rule,
        "kind": its.kind,
        "region": its.region,
        "severity": its.severity,
        "labels": dict(its.labels),
        "since": _moment(its.since),
        "fired_at": rfc3339(its.fired_at),
        "resolved_at": _moment(its.resolved_at),
        "because": its.because or None,
        "held": its.held or None,
        "routed": list(its.told),
        "told": list(heard.told) if heard else None,
        "untold": list(heard.untold) if heard else None,
        "waiting": list(heard.waiting) if heard else None,
        "told_at": _moment(heard.at) if heard else None,
        "flapping_since": _moment(its.flapping_since),
        "acked_at": _moment(its.acked_at),
        "acked_by": its.acked_by or None,
        "acked_comment": its.acked_comment or None,
        "summary": its.summary or None,
        "reason": its.reason or None,
        "first_message": its.first_message or None,
        "last_message": its.last_message or None,
        "children": its.children or None,
        "runbook_url": its.runbook or None,
    }


async def _listed(found: Sequence[Listed], turns: Turns) -> AsyncIterator[bytes]:
    yield b'{"status":"success","data":{"incidents":['
    for number, one in enumerate(found):
        await turns.over()
        yield (("," if number else "") + json.dumps(describe(*one))).encode()
    yield b"]}}\n"


def _whole(story: Story) -> dict[str, JsonValue]:
    return {
        **describe(story.record, story.heard),
        "notices": [_telling(one) for one in story.told],
        "result": story.run.to_json() if story.run else None,
    }


def _telling(one: Telling) -> JsonValue:
    return {
        "notifier": one.notifier,
        "event": one.event,
        "status": one.status,
        "at": rfc3339(one.at),
        "done_at": _moment(one.done_at),
        "error": one.error or None,
        "answer": one.answer or None,
    }


def _entry(one: Entry) -> JsonValue:
    return {
        "at": rfc3339(one.at),
        "who": one.who,
        "did": one.did,
        "what": one.what,
        "why": one.why or None,
    }


def _limit(request: web.Request) -> int | None:
    text = request.query.get("limit", str(LIMIT))
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST))
    return int(text) if is_number and 1 <= int(text) <= MOST else None


def _wrong_limit(request: web.Request) -> web.Response:
    return refusal(400, f"limit is {request.query['limit']!r}; write 1 to {MOST}")


def _answer(data: JsonValue) -> web.Response:
    return web.json_response(
        {"status": "success", "data": data}, headers={"Cache-Control": "no-store"}
    )


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)
