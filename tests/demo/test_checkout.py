"""From the basket to an order, and back."""

from __future__ import annotations

from prober.demo.orders import PACKING_SECONDS
from tests.demo.visiting import Guest, visiting
from tests.fake_clock import FakeClock


async def test_an_order_is_bought_end_to_end(guest: Guest) -> None:
    await guest.post("/basket", sku="demo-6", quantity="2")
    sent_away = await guest.get("/checkout")
    signed_in = await guest.sign_in("/checkout")
    checkout = await guest.get(signed_in.location)
    bought = await guest.post("/checkout", note="run-1")
    order = await guest.get(bought.location)
    orders = await guest.get("/orders")

    assert sent_away.location == "/login?next=/checkout"
    assert "2 \N{MULTIPLICATION SIGN} €27.00" in checkout.text
    assert bought.status == 303
    assert "Thank you" in order.text
    assert "Umbrella" in order.text
    assert "€54.00" in order.text
    assert "run-1" in orders.text
    assert 'data-count="0"' in orders.text


async def test_with_an_empty_basket_todays_pick_is_bought(guest: Guest) -> None:
    await guest.sign_in()
    order = await guest.get(f"/orders/{await guest.order('run-2')}")

    assert "Moka pot" in order.text
    assert "€34.50" in order.text


async def test_a_stranger_buys_and_sees_nothing(guest: Guest) -> None:
    answers = [
        await guest.post("/checkout", note="x"),
        await guest.get("/orders"),
        await guest.get("/orders/K-1"),
        await guest.post("/orders/K-1/cancel"),
    ]

    assert [answer.status for answer in answers] == [303] * 4
    assert {answer.location.partition("?")[0] for answer in answers} == {"/login"}


async def test_a_customer_cancels_on_the_page(guest: Guest) -> None:
    await guest.sign_in()
    order = await guest.order("run-3")
    cancelled = await guest.post(f"/orders/{order}/cancel")
    page = await guest.get(cancelled.location)

    assert "cancelled" in page.text
    assert "Cancel this order" not in page.text


async def test_an_order_of_nobody_is_not_there(guest: Guest) -> None:
    await guest.sign_in()

    assert (await guest.get("/orders/K-000000000000")).status == 404
    assert (await guest.post("/orders/K-000000000000/cancel")).status == 404


async def test_a_long_note_is_refused_and_nothing_ordered(guest: Guest) -> None:
    await guest.sign_in()
    answer = await guest.post("/checkout", note="n" * 201)

    assert answer.status == 400
    assert "No orders yet" in (await guest.get("/orders")).text


async def test_an_order_is_packed_after_a_while() -> None:
    clock = FakeClock()
    async with visiting(clock) as guest:
        await guest.sign_in()
        await guest.order("run-4")
        before, waiting = await guest.get("/orders"), await guest.get("/health")
        clock.move(PACKING_SECONDS)
        after, done = await guest.get("/orders"), await guest.get("/health")

    assert ">packing<" in before.text
    assert ">packed<" in after.text
    assert (waiting.json()["queue"], done.json()["queue"]) == ({"length": 1}, {"length": 0})


async def test_a_session_ends_by_itself() -> None:
    clock = FakeClock()
    async with visiting(clock) as guest:
        cookie = (await guest.sign_in()).headers["Set-Cookie"].partition(";")[0]
        guest.session.cookie_jar.clear()
        clock.move(3599)
        before = await guest.get("/orders", Cookie=cookie)
        clock.move(2)
        after = await guest.get("/orders", Cookie=cookie)

    assert (before.status, after.status) == (200, 303)
