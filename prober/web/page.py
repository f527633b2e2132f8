"""What does a person see at `/`, and at `/incidents/ID`?

One table of the checks, made on the server: it needs no script. With one, it
brings itself up to date in place, and says so when the agent has gone silent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.resources import files

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from prober.errors import ProberError
from prober.web.incidents import remembered
from prober.web.sources import SOURCES, Sources
from prober.web.story import shown
from prober.web.stream import Turns, send
from prober.web.view import MOST, STATES, Asked, moment, overview

HTML = "text/html; charset=utf-8"
STATIC = {"page.css": "text/css", "page.js": "text/javascript"}
REFRESH = 15  # seconds
SLOWLY = 60  # of an incident's page, which is read
LONGEST = 200  # characters of a search; more is cut off

_ENVIRONMENT = Environment(
    loader=PackageLoader("prober.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGE = _ENVIRONMENT.get_template("page.html")
_INCIDENT = _ENVIRONMENT.get_template("incident.html")
_FILES = {name: files("prober.web").joinpath("static", name).read_bytes() for name in STATIC}


async def show(request: web.Request) -> web.StreamResponse:
    """`/[?state=…][&q=…]`; a state that there is not counts as none."""
    state = request.query.get("state", "")
    asked = Asked(state if state in STATES else "", request.query.get("q", "")[:LONGEST].strip())
    return await send(request, HTML, _page(request.app[SOURCES], asked))


async def incident(request: web.Request) -> web.Response:
    """`/incidents/ID`; needs no script."""
    sources = request.app[SOURCES]
    try:
        story = await remembered(sources, request.match_info["id"])
    except ProberError as error:
        raise web.HTTPServiceUnavailable(text=f"{error}\n") from None
    if story is None:
        raise web.HTTPNotFound
    now = sources.clock.now()
    text = _INCIDENT.render(
        it=shown(story, now),
        now=moment(now, now),
        region=sources.where,
        version=sources.version,
        refresh=SLOWLY,
    )
    return web.Response(
        body=text.encode(errors="replace"),
        content_type="text/html",
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )


async def static(request: web.Request) -> web.Response:
    name = request.match_info["file"]
    if name not in STATIC:
        raise web.HTTPNotFound
    return web.Response(
        body=_FILES[name],
        content_type=STATIC[name],
        charset="utf-8",
        headers={"Cache-Control": "no-cache"},
    )


async def _page(sources: Sources, asked: Asked) -> AsyncIterator[bytes]:
    turns, now = Turns(sources.clock), sources.clock.now()
    rows = sources.board.rows.values()
    severities, states = sources.severities(), sources.states()
    seen = await overview(rows, asked, severities, now, turns, states=states)
    parts = _PAGE.generate(
        seen=seen,
        asked=asked,
        now=moment(now, now),
        region=sources.where,
        version=sources.version,
        notices=sources.notices(),
        most=MOST,
        refresh=REFRESH,
    )
    for part in parts:
        await turns.over()
        yield part.encode(errors="replace")
