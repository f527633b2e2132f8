"""The shop as people see it, up to the basket. Every page works without JavaScript."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from prober.demo import data, orders
from prober.demo.catalogue import Product
from prober.demo.data import Visitor
from prober.demo.faults import FAULTS, Fault
from prober.demo.parts import (
    COOKIE,
    PARTS,
    error_page,
    field,
    page,
    remember,
    see_other,
    visitor,
)


async def catalogue(request: web.Request) -> web.Response:
    found: list[Product] = []
    if Fault.PAGE not in request.app[FAULTS]:
        found = await request.app[PARTS].database.ask(data.products)
    return await page(request, "catalogue.html", {"products": found})


async def product(request: web.Request) -> web.Response:
    if Fault.PAGE in request.app[FAULTS]:
        return await error_page(
            request, 500, "That broke", "This page could not be put together. It is not your fault."
        )
    found = await request.app[PARTS].database.ask(data.product, request.match_info["sku"])
    if found is None:
        raise web.HTTPNotFound
    return await page(request, "product.html", {"product": found})


async def login(request: web.Request) -> web.Response:
    values = {"next": local_path(request.query.get("next", "")), "email": "", "refused": False}
    return await page(request, "login.html", values)


async def sign_in(request: web.Request) -> web.Response:
    parts = request.app[PARTS]
    email, password = await field(request, "email"), await field(request, "password")
    target = local_path(await field(request, "next"))
    user = await user_for(request, email, password)
    if user is None:
        values = {"next": target, "email": email, "refused": True}
        return await page(request, "login.html", values, status=401)
    before = (await visitor(request)).token
    now = parts.clock.now()
    response = see_other(target)
    remember(response, await parts.database.ask(data.open_session, now, user, before))
    return response


async def user_for(request: web.Request, email: str, password: str) -> int | None:
    if Fault.LOGIN in request.app[FAULTS]:
        return None
    return await request.app[PARTS].database.ask(data.user_with, email, password)


async def sign_out(request: web.Request) -> web.Response:
    token = (await visitor(request)).token
    if token is not None:
        await request.app[PARTS].database.ask(data.close_session, token)
    response = see_other("/")
    response.del_cookie(COOKIE)
    return response


def local_path(target: str) -> str:
    """Where to go after signing in: a path of this shop, never another site."""
    sane = target.startswith("/") and not target.startswith("//") and target.isprintable()
    return target if sane and "\\" not in target else "/checkout"


def to_login(path: str) -> web.Response:
    return see_other(f"/login?next={quote(path, safe='/')}")


async def basket(request: web.Request) -> web.Response:
    visiting = await visitor(request)
    lines = await request.app[PARTS].database.ask(orders.basket, visiting.token)
    values = {"lines": lines, "total": sum(line.total for line in lines)}
    return await page(request, "basket.html", values)


async def add_to_basket(request: web.Request) -> web.Response:
    """Answers the count to the script, and everybody else with the basket."""
    database = request.app[PARTS].database
    sku = await field(request, "sku")
    quantity = await quantity_in(request, least=1)
    if await database.ask(data.product, sku) is None:
        raise web.HTTPNotFound
    visiting = await visitor(request)
    token = visiting.token or await new_session(request)
    await database.ask(orders.add_to_basket, token, sku, quantity)
    response = await basket_answer(request, token)
    remember(response, token)
    return response


async def new_session(request: web.Request) -> str:
    parts = request.app[PARTS]
    return await parts.database.ask(data.open_session, parts.clock.now())


async def basket_answer(request: web.Request, token: str) -> web.Response:
    if "application/json" not in request.headers.get("Accept", ""):
        return see_other("/basket")
    parts = request.app[PARTS]
    now: Visitor = await parts.database.ask(data.visitor, token, parts.clock.now())
    return web.json_response({"count": now.count})


async def change_basket(request: web.Request) -> web.Response:
    visiting = await visitor(request)
    quantity = await quantity_in(request, least=0)
    if visiting.token is not None:
        sku = request.match_info["sku"]
        await request.app[PARTS].database.ask(orders.set_in_basket, visiting.token, sku, quantity)
    return see_other("/basket")


async def quantity_in(request: web.Request, *, least: int) -> int:
    text = await field(request, "quantity") or "1"
    if not (text.isascii() and text.isdigit() and least <= int(text) <= orders.MOST_OF_ONE):
        raise web.HTTPBadRequest(
            text=f"{text[:20]!r} pieces cannot be ordered; write {least} to {orders.MOST_OF_ONE}"
        )
    return int(text)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/", catalogue)
    app.router.add_get("/products/{sku}", product)
    app.router.add_get("/login", login)
    app.router.add_post("/login", sign_in)
    app.router.add_post("/logout", sign_out)
    app.router.add_get("/basket", basket)
    app.router.add_post("/basket", add_to_basket)
    app.router.add_post("/basket/{sku}", change_basket)
