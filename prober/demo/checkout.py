"""From the basket to an order: the checkout, and a customer's own orders."""

from __future__ import annotations

from aiohttp import web

from prober.demo import orders
from prober.demo.catalogue import PICK
from prober.demo.data import Visitor
from prober.demo.faults import FAULTS, Fault
from prober.demo.orders import Line
from prober.demo.pages import to_login
from prober.demo.parts import NOTE_LENGTH, PARTS, error_page, field, page, see_other, visitor


async def checkout(request: web.Request) -> web.Response:
    visiting = await visitor(request)
    if visiting.user is None:
        return to_login("/checkout")
    lines, picked = await to_buy(request, visiting)
    values = {
        "lines": lines,
        "picked": picked,
        "total": sum(line.total for line in lines),
        "longest": NOTE_LENGTH,
    }
    return await page(request, "checkout.html", values)


async def to_buy(request: web.Request, visiting: Visitor) -> tuple[list[Line], bool]:
    """The basket; an empty one holds today's pick, so that there is always something to buy."""
    lines = await request.app[PARTS].database.ask(orders.basket, visiting.token)
    return lines or [Line(PICK.sku, PICK.name, PICK.cents, 1)], not lines


async def buy(request: web.Request) -> web.Response:
    visiting = await visitor(request)
    if visiting.user is None:
        return to_login("/checkout")
    note = (await field(request, "note", NOTE_LENGTH)).strip()
    if Fault.CHECKOUT in request.app[FAULTS]:
        text = "The order could not be placed. Nothing was charged, and your basket is as it was."
        return await error_page(request, 500, "The till is stuck", text)
    lines, _ = await to_buy(request, visiting)
    parts = request.app[PARTS]
    now = parts.clock.now()
    order_id = await parts.database.ask(orders.place, visiting, lines, note, now)
    return see_other(f"/orders/{order_id}?thanks")


async def list_orders(request: web.Request) -> web.Response:
    visiting = await visitor(request)
    if visiting.user is None:
        return to_login("/orders")
    parts = request.app[PARTS]
    now = parts.clock.now()
    placed = await parts.database.ask(orders.orders_of, visiting.user)
    return await page(request, "orders.html", {"orders": placed, "now": now})


async def show_order(request: web.Request) -> web.Response:
    visiting = await visitor(request)
    order_id = request.match_info["id"]
    if visiting.user is None:
        return to_login(f"/orders/{order_id}")
    parts = request.app[PARTS]
    found = await parts.database.ask(orders.order_of, visiting.user, order_id)
    if found is None:
        raise web.HTTPNotFound
    order, lines = found
    values = {
        "order": order,
        "lines": lines,
        "now": parts.clock.now(),
        "thanks": "thanks" in request.query,
    }
    return await page(request, "order.html", values)


async def cancel_order(request: web.Request) -> web.Response:
    visiting = await visitor(request)
    order_id = request.match_info["id"]
    if visiting.user is None:
        return to_login(f"/orders/{order_id}")
    parts = request.app[PARTS]
    if await parts.database.ask(orders.order_of, visiting.user, order_id) is None:
        raise web.HTTPNotFound
    await parts.database.ask(orders.cancel, order_id, parts.clock.now())
    return see_other(f"/orders/{order_id}")


def add_routes(app: web.Application) -> None:
    app.router.add_get("/checkout", checkout)
    app.router.add_post("/checkout", buy)
    app.router.add_get("/orders", list_orders)
    app.router.add_get("/orders/{id}", show_order)
    app.router.add_post("/orders/{id}/cancel", cancel_order)
