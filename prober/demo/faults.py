"""What is broken in the shop just now, and who may break it.

Each fault is switched one by one while the shop runs, and has a real effect on
what visitors get. Only this machine may switch them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from ipaddress import ip_address

from aiohttp import web
from pydantic import JsonValue

from prober.demo.parts import PARTS
from prober.errors import StartError

DELAY = 1.5  # seconds that `latency` adds to every answer
UNDELAYED = ("/static/", "/faults", "/pager")


class Fault(StrEnum):
    HEALTH = "health"
    LATENCY = "latency"
    PAGE = "page"
    LOGIN = "login"
    CHECKOUT = "checkout"
    IMAGES = "images"


EFFECTS = {
    Fault.HEALTH: "payments are unhealthy, /health answers 503",
    Fault.LATENCY: f"every page and API answer comes {DELAY} s late",
    Fault.PAGE: "product pages answer 500 and the catalogue is empty",
    Fault.LOGIN: "nobody can sign in",
    Fault.CHECKOUT: "Buy ends in an error page",
    Fault.IMAGES: "product images answer 404",
}


class Faults:
    def __init__(self, names: Iterable[str] = ()) -> None:
        self._on = {fault_called(name) for name in names}

    def __contains__(self, fault: Fault) -> bool:
        return fault in self._on

    def switch(self, fault: Fault, on: bool) -> None:
        if on:
            self._on.add(fault)
        else:
            self._on.discard(fault)

    def to_json(self) -> dict[str, JsonValue]:
        return {
            fault.value: {"on": fault in self._on, "effect": effect}
            for fault, effect in EFFECTS.items()
        }


def fault_called(name: str) -> Fault:
    try:
        return Fault(name)
    except ValueError:
        known = ", ".join(Fault)
        raise StartError(f"{name!r} is not a fault of the shop; there are {known}") from None


FAULTS = web.AppKey("faults", Faults)


async def show(request: web.Request) -> web.Response:
    return web.json_response(request.app[FAULTS].to_json())


async def switch(request: web.Request) -> web.Response:
    """PUT breaks it, DELETE heals it; either as often as one likes."""
    if not from_this_machine(request):
        return web.json_response(
            {"error": "faults are switched from this machine only"}, status=403
        )
    try:
        fault = fault_called(request.match_info["name"])
    except StartError as error:
        return web.json_response({"error": str(error)}, status=404)
    request.app[FAULTS].switch(fault, request.method == "PUT")
    return web.json_response(request.app[FAULTS].to_json())


def from_this_machine(request: web.Request) -> bool:
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


@web.middleware
async def delay(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if Fault.LATENCY in request.app[FAULTS] and not request.path.startswith(UNDELAYED):
        await request.app[PARTS].clock.sleep(DELAY)
    return await handler(request)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/faults", show)
    app.router.add_put("/faults/{name}", switch)
    app.router.add_delete("/faults/{name}", switch)
