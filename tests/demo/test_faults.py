"""Each fault, on and off, as a visitor meets it."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from prober.demo.data import EMAIL, PASSWORD
from prober.demo.faults import DELAY, Fault, Faults
from prober.errors import StartError
from tests.demo.visiting import Guest, visiting
from tests.fake_clock import FakeClock

IMAGE = "/static/img/demo-1.svg"


async def test_a_fault_is_put_and_deleted(guest: Guest) -> None:
    broken = (await guest.ask("PUT", "/faults/health")).json()
    again = (await guest.ask("PUT", "/faults/health")).json()
    healed = (await guest.ask("DELETE", "/faults/health")).json()
    listed = (await guest.get("/faults")).json()

    assert list(listed) == [fault.value for fault in Fault]
    assert broken == again
    assert broken["health"] == {"on": True, "effect": "payments are unhealthy, /health answers 503"}
    assert healed == listed
    assert all(isinstance(fault, dict) and fault["on"] is False for fault in listed.values())


async def test_an_unknown_fault_is_refused_with_those_there_are(guest: Guest) -> None:
    answer = await guest.ask("PUT", "/faults/fire")

    assert answer.status == 404
    assert answer.json() == {
        "error": "'fire' is not a fault of the shop;"
        " there are health, latency, page, login, checkout, images"
    }


@pytest.mark.parametrize("remote", ["192.0.2.7", "2001:db8::1", "somewhere", None])
async def test_faults_are_switched_from_this_machine_only(
    guest: Guest, remote: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web.BaseRequest, "remote", remote)

    answer = await guest.ask("PUT", "/faults/health")

    assert answer.status == 403
    assert Fault.HEALTH not in guest.faults


async def test_faults_can_be_there_from_the_start() -> None:
    faults = Faults(["page", "login"])

    assert [fault for fault in Fault if fault in faults] == [Fault.PAGE, Fault.LOGIN]
    with pytest.raises(StartError, match="'fire' is not a fault of the shop"):
        Faults(["fire"])


async def test_health_breaks_payments(guest: Guest) -> None:
    guest.breaks(Fault.HEALTH)
    broken = await guest.get("/health")
    guest.heals(Fault.HEALTH)
    healed = await guest.get("/health")

    assert (broken.status, broken.json()["status"]) == (503, "unhealthy")
    assert '"payments": {"status": "unhealthy"' in broken.text
    assert '"database": {"status": "healthy"' in broken.text
    assert (healed.status, healed.json()["status"]) == (200, "healthy")


async def test_latency_delays_pages_and_answers_and_nothing_else() -> None:
    clock = FakeClock()
    async with visiting(clock) as guest:
        guest.breaks(Fault.LATENCY)
        slow = [asyncio.create_task(guest.get(path)) for path in ("/", "/api/products", "/health")]
        await clock.until_asleep(3)
        prompt = [await guest.get(path) for path in (IMAGE, "/faults", "/pager")]
        clock.move(DELAY - 0.1)
        waiting = clock.asleep
        clock.move(0.1)
        answers = await asyncio.gather(*slow)
        guest.heals(Fault.LATENCY)
        healed = await guest.get("/api/products")

    assert DELAY == 1.5
    assert waiting == 3
    assert {answer.status for answer in (*prompt, *answers, healed)} == {200}


async def test_page_breaks_products_and_empties_the_catalogue(guest: Guest) -> None:
    guest.breaks(Fault.PAGE)
    product, catalogue = await guest.get("/products/demo-1"), await guest.get("/")
    guest.heals(Fault.PAGE)
    healed = [await guest.get("/products/demo-1"), await guest.get("/")]

    assert product.status == 500
    assert "That broke" in product.text
    assert catalogue.status == 200
    assert "Moka pot" not in catalogue.text
    assert all(page.status == 200 and "Moka pot" in page.text for page in healed)


async def test_login_lets_nobody_in(guest: Guest) -> None:
    guest.breaks(Fault.LOGIN)
    page = await guest.sign_in()
    api = await guest.post_json("/api/login", {"email": EMAIL, "password": PASSWORD})
    guest.heals(Fault.LOGIN)

    assert (page.status, api.status) == (401, 401)
    assert "could not sign you in" in page.text
    assert (await guest.sign_in()).status == 303


async def test_checkout_ends_in_an_error_page_and_orders_nothing(guest: Guest) -> None:
    await guest.sign_in()
    await guest.post("/basket", sku="demo-4")
    guest.breaks(Fault.CHECKOUT)
    broken = await guest.post("/checkout", note="run-1")
    orders, basket = await guest.get("/orders"), await guest.get("/basket")
    guest.heals(Fault.CHECKOUT)
    healed = await guest.post("/checkout", note="run-1")

    assert broken.status == 500
    assert "The till is stuck" in broken.text
    assert "No orders yet" in orders.text
    assert "Window plant" in basket.text
    assert healed.status == 303


async def test_images_are_missing(guest: Guest) -> None:
    guest.breaks(Fault.IMAGES)
    image, style = await guest.get(IMAGE), await guest.get("/static/shop.css")
    guest.heals(Fault.IMAGES)

    assert (image.status, style.status) == (404, 200)
    assert (await guest.get(IMAGE)).status == 200
