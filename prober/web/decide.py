"""What may people decide over HTTP: that an incident is seen to, and what is not to be told?

Nobody is asked who they are: whoever reaches the port may decide. What a page
of another site makes a browser send is refused, by its origin and by its type.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import JsonValue

from prober.alerts.decisions import Ack, Expire, Mute
from prober.alerts.matchers import Matcher
from prober.alerts.notice import incident_id, incident_key
from prober.errors import ProberError
from prober.units import rfc3339
from prober.web.api import refusal
from prober.web.bodies import NAME, Body, Wrong, read
from prober.web.incidents import burning, missing, remembered
from prober.web.sources import SOURCES, Sources

Kind: TypeAlias = Literal["silence", "maintenance"]
_Decides: TypeAlias = Callable[[web.Request, Body, Sources], Awaitable[web.Response]]

WHY = ("by", "comment")
MOST = 1000  # matchers, of all that is not over
NEW = ("matchers", "for", "starts_at", "ends_at", *WHY)


def is_foreign(request: web.Request) -> bool:
    """Whether a page of another site made a browser send it.

    A site may have its name lead here, so that browsers take the two for one:
    what has a name has to be known by it.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    theirs, ours = _place(origin), _place(request.app[SOURCES].external_url or "")
    if theirs.netloc and theirs.netloc == ours.netloc:
        return False
    return theirs.netloc != request.host or not _is_address(theirs.hostname or "")


def _place(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # half an IPv6 address, say
        return urlsplit("")


def _is_address(host: str) -> bool:
    """Rather than a name, which can be made to lead anywhere."""
    try:
        return host == "localhost" or bool(ip_address(host))
    except ValueError:
        return False


def ack() -> Handler:
    """`POST /api/v1/incidents/ID/ack`."""

    async def decide(request: web.Request, body: Body, sources: Sources) -> web.Response:
        by, comment = _why(body)
        id_ = await _burning(sources, request.match_info["id"])
        made = Ack(incident=id_, by=by, comment=comment, at=sources.clock.now())
        said = await sources.decide(made)
        return _done({"id": id_, "said": said, **_warnings(_untold(sources))})

    return _deciding(decide, WHY)


def begin(kind: Kind) -> Handler:
    """`POST /api/v1/silences`, or the same under `/api/v1/maintenance`."""

    async def decide(request: web.Request, body: Body, sources: Sources) -> web.Response:
        now = sources.clock.now()
        by, comment = _why(body, needed=True)
        matchers = body.matchers()
        starts_at, ends_at = body.period(now)
        _refuse_too_many(sources, matchers, now)
        mute = Mute(
            id=secrets.token_hex(4),
            kind=kind,
            matchers=matchers,
            starts_at=starts_at,
            ends_at=ends_at,
            by=by,
            comment=comment,
            at=now,
        )
        said = await sources.decide(mute)
        warned = _warnings(
            _untold(sources) if kind == "silence" else "", await _unmet(mute, sources)
        )
        return _done({**describe(mute, now), "said": said, **warned}, 201)

    return _deciding(decide, NEW)


def end(kind: Kind) -> Handler:
    """`DELETE /api/v1/silences/ID`, or the same under `/api/v1/maintenance`."""

    async def decide(request: web.Request, body: Body, sources: Sources) -> web.Response:
        by, comment = _why(body)
        now = sources.clock.now()
        mute = sources.mutes().get(request.match_info["id"])
        if mute is None or mute.kind != kind:
            raise Wrong(f"there is no {kind} {request.match_info['id']!r}", 404)
        if mute.ends_at <= now:
            raise Wrong(f"{kind} {mute.id} was over at {rfc3339(mute.ends_at)}", 409)
        made = Expire(id=mute.id, by=by, comment=comment, at=now)
        return _done({"id": mute.id, "said": await sources.decide(made)})

    return _deciding(decide, WHY)


def listing(kind: Kind) -> Handler:
    """`GET /api/v1/silences`, or the same under `/api/v1/maintenance`: those that are not over."""

    async def answer(request: web.Request) -> web.Response:
        sources = request.app[SOURCES]
        now = sources.clock.now()
        there = [one for one in sources.mutes().values() if one.kind == kind and one.ends_at > now]
        return _done([describe(one, now) for one in sorted(there, key=lambda one: one.ends_at)])

    return answer


def describe(mute: Mute, now: float) -> dict[str, JsonValue]:
    return {
        "id": mute.id,
        "matchers": [str(one) for one in mute.matchers],
        "starts_at": rfc3339(mute.starts_at),
        "ends_at": rfc3339(mute.ends_at),
        "active": mute.starts_at <= now < mute.ends_at,
        "by": mute.by,
        "comment": mute.comment,
        "created_at": rfc3339(mute.at),
    }


def _deciding(decide: _Decides, known: Sequence[str]) -> Handler:
    """The one door through which whatever changes something comes in."""

    async def answer(request: web.Request) -> web.Response:
        if is_foreign(request):
            return refusal(403, "a page of another site may not decide anything here")
        if request.content_type != "application/json":
            return refusal(415, "send it with Content-Type: application/json")
        try:
            return await decide(request, await read(request, known), request.app[SOURCES])
        except Wrong as error:
            return refusal(error.status, str(error))
        except ProberError as error:
            return refusal(409, str(error))

    return answer


def _refuse_too_many(sources: Sources, more: Sequence[Matcher], now: float) -> None:
    """Each alert is held against all of them, on the loop that probes."""
    there = (len(one.matchers) for one in sources.mutes().values() if one.ends_at > now)
    if sum(there) + len(more) > MOST:
        raise Wrong(f"there would be more than {MOST} matchers; end a silence or maintenance", 409)


def _warnings(*texts: str) -> dict[str, JsonValue]:
    """What is no mistake, and may yet not be what was meant."""
    return {"warning": "; ".join(filter(None, texts))} if any(texts) else {}


def _untold(sources: Sources) -> str:
    """Windows by hand are heeded by the rules; what is decided of notices matters where those are sent."""
    if sources.tells():
        return ""
    return (
        "this agent sends no notices itself: who is told by Prometheus' rules is told all the same,"
        " until it is silenced in Alertmanager"
    )


async def _unmet(mute: Mute, sources: Sources) -> str:
    """Asked beside the loop, which probes meanwhile; a reload may bring what is meant."""
    if await asyncio.to_thread(sources.reaches, mute):
        return ""
    what = "alert that this agent can have" if mute.kind == "silence" else "check of this agent"
    shown = " ".join(map(str, mute.matchers))
    return f"no {what} matches {shown} now; it is in force for those that a reload brings"


def _why(body: Body, *, needed: bool = False) -> tuple[str, str]:
    return body.text("by", most=NAME, needed=True), body.text("comment", needed=needed)


async def _burning(sources: Sources, known: str) -> str:
    """The id of the incident that is meant: asked of memory, which needs no disk."""
    found = burning(sources, known)
    if len(found) == 1:
        return incident_id(incident_key(found[0]))
    if found:
        raise Wrong(f"{known!r} begins {len(found)} incidents; write more of its digits")
    raise await _no_longer(sources, known)


async def _no_longer(sources: Sources, known: str) -> Wrong:
    try:
        story = await remembered(sources, known)
    except ProberError:
        story = None
    over = story.record.resolved_at if story else None
    if over is None:
        return Wrong(missing(known, " that fires"), 404)
    return Wrong(f"incident {known!r} was over at {rfc3339(over)}", 409)


def _done(data: JsonValue, status: int = 200) -> web.Response:
    return web.json_response({"status": "success", "data": data}, status=status)
