"""What does the agent answer over HTTP, and where?

Everything runs on the loop that probes: no handler holds it for long, and what
reads a disk does so in a thread. With an external URL that has a path, all stands under that path
too, so that a proxy may keep it or strip it; links are relative.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from prober.errors import ProberError
from prober.web import api, decide, evidence, incidents, page, probe
from prober.web.accept import OPENMETRICS, TEXT, wants_openmetrics
from prober.web.sources import SOURCES, Sources
from prober.web.stream import packing, send

__all__ = ["Sources", "application"]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def application(sources: Sources) -> web.Application:
    """The whole of it, ready to be put behind a listening socket."""
    app = web.Application(middlewares=[_short_refusals])
    app[SOURCES] = sources
    app.cleanup_ctx.append(packing)
    app.cleanup_ctx.append(evidence.reading)
    app.on_response_prepare.append(_guard)
    prefix = urlsplit(sources.external_url or "").path.rstrip("/")
    for start in dict.fromkeys(("", prefix)):
        _route(app.router, start)
    if prefix:
        app.router.add_get(prefix, _to_the_page)
    return app


def _route(router: web.UrlDispatcher, start: str) -> None:
    router.add_get(f"{start}/", page.show)
    router.add_get(f"{start}/static/{{file}}", page.static)
    router.add_get(f"{start}/evidence/{{check}}/{{run}}/{{file}}", evidence.show)
    router.add_get(f"{start}/metrics", _metrics)
    router.add_get(f"{start}/probe", probe.probe)
    router.add_get(f"{start}/-/healthy", _healthy)
    router.add_get(f"{start}/-/ready", _ready)
    router.add_post(f"{start}/-/reload", _reload)
    router.add_put(f"{start}/-/reload", _reload)
    router.add_get(f"{start}/api/v1/checks", api.checks)
    router.add_get(f"{start}/api/v1/checks/{{name:.+}}", api.check)
    _route_incidents(router, start)


def _route_incidents(router: web.UrlDispatcher, start: str) -> None:
    router.add_get(f"{start}/incidents/{{id}}", page.incident)
    router.add_get(f"{start}/api/v1/incidents", incidents.incidents)
    router.add_post(f"{start}/api/v1/incidents/{{id:.+}}/ack", decide.ack())
    router.add_get(f"{start}/api/v1/incidents/{{id:.+}}", incidents.incident)
    router.add_get(f"{start}/api/v1/audit", incidents.audit)
    places: tuple[tuple[str, decide.Kind], ...] = (
        ("silences", "silence"),
        ("maintenance", "maintenance"),
    )
    for place, kind in places:
        router.add_get(f"{start}/api/v1/{place}", decide.listing(kind))
        router.add_post(f"{start}/api/v1/{place}", decide.begin(kind))
        router.add_delete(f"{start}/api/v1/{place}/{{id}}", decide.end(kind))


async def _metrics(request: web.Request) -> web.StreamResponse:
    openmetrics = wants_openmetrics(request.headers.get("Accept", ""))
    sources = request.app[SOURCES]
    sources.before_scrape()
    metrics = sources.metrics
    return await send(
        request,
        OPENMETRICS if openmetrics else TEXT,
        metrics.render(openmetrics),
        lambda pool: metrics.render_packed(pool, openmetrics),
    )


async def _healthy(request: web.Request) -> web.Response:
    if request.app[SOURCES].healthy():
        return _text("Prober is Healthy.")
    return _text("Prober is not Healthy: its schedule does not turn.", 503)


async def _ready(request: web.Request) -> web.Response:
    if request.app[SOURCES].ready():
        return _text("Prober is Ready.")
    return _text("Prober is not Ready: it is starting or stopping.", 503)


async def _reload(request: web.Request) -> web.Response:
    if decide.is_foreign(request):
        return _text("a page of another site may not reload this agent", 403)
    try:
        changes = await request.app[SOURCES].reload()
    except ProberError as error:
        return _text(str(error), 500)
    return _text("\n".join(changes) or "nothing has changed")


async def _to_the_page(request: web.Request) -> web.Response:
    raise web.HTTPFound(f"{request.path}/")


async def _guard(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


@web.middleware
async def _short_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What aiohttp itself refuses is said in the form of its neighbours: JSON in the API."""
    try:
        return await handler(request)
    except web.HTTPClientError as error:
        allowed = error.headers.get("Allow")
        said = f"{request.path!r}: {error.reason.lower()}"
        if "/api/v1/" in request.path:
            response = api.refusal(error.status, said)
        else:
            response = _text(said, error.status)
        if allowed:
            response.headers["Allow"] = allowed
        return response


def _text(text: str, status: int = 200) -> web.Response:
    return web.Response(text=f"{text}\n", status=status, headers={"Cache-Control": "no-store"})
