"""The shop as programs see it: sign in, products, orders, and how the shop itself feels."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from pydantic import BaseModel, Field, JsonValue, ValidationError

from prober.demo import data, orders
from prober.demo.catalogue import Product
from prober.demo.faults import FAULTS, Fault
from prober.demo.pages import user_for
from prober.demo.parts import FIELD_LENGTH, NOTE_LENGTH, PARTS, visitor

VERSION = "1.0.0"


class Credentials(BaseModel):
    email: str = Field(max_length=FIELD_LENGTH)
    password: str = Field(max_length=FIELD_LENGTH)


def refused(status: int, error: str) -> web.Response:
    return web.json_response({"error": error}, status=status)


async def login(request: web.Request) -> web.Response:
    try:
        given = Credentials.model_validate_json(await request.read())
    except ValidationError:
        return refused(400, 'the body is not {"email": …, "password": …} in JSON')
    user = await user_for(request, given.email, given.password)
    if user is None:
        return refused(401, "no account has this address and password")
    parts = request.app[PARTS]
    token = await parts.database.ask(data.open_session, parts.clock.now(), user)
    return web.json_response(
        {"access_token": token, "token_type": "bearer", "expires_in": int(data.SESSION_SECONDS)}
    )


async def list_products(request: web.Request) -> web.Response:
    found = await request.app[PARTS].database.ask(data.products)
    return web.json_response({"products": [product_to_json(product) for product in found]})


def product_to_json(product: Product) -> dict[str, JsonValue]:
    return {
        "sku": product.sku,
        "name": product.name,
        "price": product.cents / 100,
        "tagline": product.tagline,
        "url": f"/products/{product.sku}",
        "image": product.image,
    }


async def list_orders(request: web.Request) -> web.Response:
    visiting = await visitor(request)
    if visiting.user is None:
        response = refused(401, "sign in by POST /api/login and send its token as a bearer")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    parts = request.app[PARTS]
    now = parts.clock.now()
    placed = await parts.database.ask(orders.orders_of, visiting.user)
    return web.json_response({"orders": [order.to_json(now) for order in placed]})


async def cancel_order(request: web.Request) -> web.Response:
    """204 also where there is nothing (left) to cancel; knowing the reference is the permission."""
    ref = request.match_info["ref"]
    if len(ref) > NOTE_LENGTH:
        return refused(400, f"a reference has at most {NOTE_LENGTH} characters")
    parts = request.app[PARTS]
    await parts.database.ask(orders.cancel, ref, parts.clock.now())
    return web.Response(status=204)


async def health(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    started = parts.clock.monotonic()
    listed = await parts.database.ask(orders.products_listed)
    asked = parts.clock.monotonic()
    queue = await parts.database.ask(orders.queue_length, parts.clock.now())
    payments = "unhealthy" if Fault.HEALTH in request.app[FAULTS] else "healthy"
    components: dict[str, dict[str, JsonValue]] = {
        "database": {"status": "healthy", "latency_ms": round((asked - started) * 1000, 3)},
        "payments": {"status": payments, "provider": "sandbox"},
        "stock": {"status": "healthy" if listed else "degraded", "products": listed},
    }
    status = overall(components)
    body = {
        "status": status,
        "components": components,
        "queue": {"length": queue},
        "version": VERSION,
    }
    return web.json_response(body, status=200 if status == "healthy" else 503)


def overall(components: Mapping[str, Mapping[str, JsonValue]]) -> str:
    """The worst of them."""
    said = {str(component["status"]) for component in components.values()}
    return next((word for word in ("unhealthy", "degraded") if word in said), "healthy")


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/login", login)
    app.router.add_get("/api/products", list_products)
    app.router.add_get("/api/orders", list_orders)
    app.router.add_delete("/api/orders/{ref}", cancel_order)
    app.router.add_get("/health", health)
