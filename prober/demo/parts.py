"""What every handler of the shop has at hand: its data, who is asking, and how a page is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

import jinja2
from aiohttp import web

from prober.clock import Clock
from prober.demo import data
from prober.demo.data import Database, Visitor

COOKIE = "kiosk"
HERE = Path(__file__).parent
NOTE_LENGTH = 200
FIELD_LENGTH = 254

Shown = object  # whatever a template can write out


@dataclass(frozen=True, slots=True)
class Parts:
    database: Database
    clock: Clock
    templates: jinja2.Environment


PARTS = web.AppKey("parts", Parts)


@cache
def templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["money"] = money
    environment.filters["moment"] = moment
    return environment


def money(cents: int) -> str:
    return f"€{cents // 100}.{cents % 100:02}"


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%-d %B %Y, %H:%M UTC")


async def visitor(request: web.Request) -> Visitor:
    """Who asks, by cookie, or by bearer token for programs."""
    parts = request.app[PARTS]
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    token = bearer if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")
    if not token:
        return data.STRANGER
    return await parts.database.ask(data.visitor, token, parts.clock.now())


async def page(
    request: web.Request, template: str, values: Mapping[str, Shown], *, status: int = 200
) -> web.Response:
    visiting = await visitor(request)
    text = request.app[PARTS].templates.get_template(template).render(visitor=visiting, **values)
    response = web.Response(text=text, content_type="text/html", status=status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


async def error_page(request: web.Request, status: int, title: str, text: str) -> web.Response:
    return await page(request, "error.html", {"title": title, "text": text}, status=status)


def remember(response: web.Response, token: str) -> None:
    response.set_cookie(
        COOKIE, token, max_age=int(data.SESSION_SECONDS), httponly=True, samesite="Lax"
    )


async def field(request: web.Request, name: str, longest: int = FIELD_LENGTH) -> str:
    """A field of the posted form, empty where it is missing; a longer one is refused."""
    form = parse_qs((await request.read()).decode("utf-8", "replace"), errors="replace")
    text = form.get(name, [""])[0]
    if len(text) > longest:
        raise web.HTTPBadRequest(text=f"{name} is {len(text)} characters long; {longest} will do")
    return text


def see_other(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
