"""The shop as programs see it."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from prober.demo.catalogue import PRODUCTS
from prober.demo.data import EMAIL, PASSWORD
from tests.demo.visiting import Guest

ACCOUNT: JsonValue = {"email": EMAIL, "password": PASSWORD}


async def orders(guest: Guest) -> list[tuple[JsonValue, JsonValue]]:
    token = (await guest.post_json("/api/login", ACCOUNT)).json()["access_token"]
    listed = (await guest.get("/api/orders", Authorization=f"Bearer {token}")).json()["orders"]
    assert isinstance(listed, list)
    return [(one["note"], one["status"]) for one in listed if isinstance(one, dict)]


async def test_signing_in_gives_a_token_that_lists_orders(guest: Guest) -> None:
    answer = await guest.post_json("/api/login", ACCOUNT)

    assert answer.status == 200
    assert answer.json()["token_type"] == "bearer"
    assert await orders(guest) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"email": "probe@example.com", "password": "guess"}', 401),
        (b'{"email": "nobody@example.com", "password": "open-sesame-42"}', 401),
        (b'{"email": "probe@example.com"}', 400),
        (b'{"email": ["probe@example.com"], "password": "x"}', 400),
        (b'{"email": "\\ud800", "password": "x"}', 400),
        (b'{"email": "a", "password": "' + b"x" * 300 + b'"}', 400),
        (b"[1", 400),
        (b"\xff", 400),
        (b"", 400),
    ],
)
async def test_a_sign_in_that_is_wrong_gets_no_token(
    guest: Guest, body: bytes, status: int
) -> None:
    answer = await guest.ask("POST", "/api/login", body=body)

    assert answer.status == status
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer guess", "Basic cHJvYmU6eA=="])
async def test_orders_are_not_for_strangers(guest: Guest, authorization: str) -> None:
    answer = await guest.get("/api/orders", Authorization=authorization)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_products_are_listed(guest: Guest) -> None:
    listed = (await guest.get("/api/products")).json()["products"]

    assert isinstance(listed, list)
    assert [one["sku"] for one in listed if isinstance(one, dict)] == [p.sku for p in PRODUCTS]
    assert listed[0] == {
        "sku": "demo-1",
        "name": "Moka pot",
        "price": 34.5,
        "tagline": "Three cups, no electronics",
        "url": "/products/demo-1",
        "image": "/static/img/demo-1.svg",
    }


async def test_an_order_is_cancelled_by_its_note_or_its_id_as_often_as_one_likes(
    guest: Guest,
) -> None:
    await guest.sign_in()
    await guest.order("run-1")
    known = await guest.order("run-2")
    await guest.order("run-3")
    guest.session.cookie_jar.clear()

    answers = [
        await guest.ask("DELETE", f"/api/orders/{ref}")
        for ref in ("run-1", "run-1", known, "never-made", "%2e%2e%2fx", "%00")
    ]

    assert [(answer.status, answer.text) for answer in answers] == [(204, "")] * 6
    assert await orders(guest) == [
        ("run-3", "packing"),
        ("run-2", "cancelled"),
        ("run-1", "cancelled"),
    ]


async def test_a_cancelled_order_is_out_of_the_queue(guest: Guest) -> None:
    await guest.sign_in()
    await guest.order("run-1")
    before = (await guest.get("/health")).json()["queue"]
    await guest.ask("DELETE", "/api/orders/run-1")

    assert before == {"length": 1}
    assert (await guest.get("/health")).json()["queue"] == {"length": 0}


async def test_health_tells_of_every_component(guest: Guest) -> None:
    answer = await guest.get("/health")
    said = answer.json()
    components = said["components"]

    assert answer.status == 200
    assert said["status"] == "healthy"
    assert said["version"] == "1.0.0"
    assert isinstance(components, dict)
    assert list(components) == ["database", "payments", "stock"]
    assert all(isinstance(c, dict) and c["status"] == "healthy" for c in components.values())
    assert isinstance(components["database"], dict)
    assert isinstance(components["database"]["latency_ms"], float)


async def test_what_is_not_there_is_said_in_json(guest: Guest) -> None:
    answer = await guest.get("/api/nothing")

    assert answer.status == 404
    assert answer.json() == {"error": "not found"}
