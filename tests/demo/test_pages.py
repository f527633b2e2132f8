"""The shop as people see it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from prober.demo.catalogue import PRODUCTS
from prober.demo.data import EMAIL
from prober.demo.pages import local_path
from tests.demo.visiting import Guest


class Named(HTMLParser):
    """Labels with the fields they are for, buttons, and pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.labels: dict[str, str] = {}
        self.fields: set[str] = set()
        self.buttons: list[str] = []
        self.images: list[str] = []
        self._open: tuple[str, str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag in ("input", "select", "textarea"):
            self.fields.add(found.get("id", ""))
        if tag == "img":
            self.images.append(found["src"])
        if tag in ("label", "button"):
            self._open = (tag, found.get("for", ""))

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            tag, target = self._open
            if tag == "label":
                self.labels[data.strip()] = target
            else:
                self.buttons.append(data.strip())
            self._open = None


async def test_the_catalogue_shows_every_product_with_a_picture_that_is_there(
    guest: Guest,
) -> None:
    page = await guest.get("/")
    images = [await guest.get(source) for source in Named(page.text).images]

    assert page.status == 200
    assert all(product.name in page.text for product in PRODUCTS)
    assert len(images) == len(PRODUCTS) + 2
    assert {image.headers["Content-Type"] for image in images} == {"image/svg+xml"}
    assert all(image.text.startswith("<svg") for image in images)


async def test_every_product_has_a_page(guest: Guest) -> None:
    pages = [await guest.get(f"/products/{product.sku}") for product in PRODUCTS]

    assert {page.status for page in pages} == {200}
    assert all(f"<h1>{p.name}</h1>" in page.text for p, page in zip(PRODUCTS, pages, strict=True))


async def test_the_sign_in_form_has_the_names_that_journeys_use(guest: Guest) -> None:
    named = Named((await guest.get("/login")).text)

    assert named.labels == {"Email": "email", "Password": "password"}
    assert named.fields >= {"email", "password"}
    assert named.buttons == ["Sign in"]


async def test_signing_in_leads_to_a_page_with_note_and_buy(guest: Guest) -> None:
    answer = await guest.sign_in()
    named = Named((await guest.get(answer.location)).text)

    assert answer.status == 303
    assert named.labels == {"Note": "note"}
    assert "note" in named.fields
    assert named.buttons == ["Sign out", "Buy"]


async def test_a_wrong_password_signs_nobody_in_and_keeps_the_address(guest: Guest) -> None:
    answer = await guest.post("/login", email=EMAIL, password="guess")

    assert answer.status == 401
    assert f'value="{EMAIL}"' in answer.text
    assert "Set-Cookie" not in answer.headers
    assert (await guest.get("/checkout")).location == "/login?next=/checkout"


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(guest: Guest) -> None:
    cookie = (await guest.sign_in()).headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


async def test_signing_out_ends_the_session_itself(guest: Guest) -> None:
    signed_in = await guest.sign_in()
    cookie = signed_in.headers["Set-Cookie"].partition(";")[0]
    await guest.post("/logout")
    guest.session.cookie_jar.clear()

    kept = await guest.get("/orders", Cookie=cookie)

    assert kept.location == "/login?next=/orders"


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/orders/K-1?x=1", "/orders/K-1?x=1"),
        ("", "/checkout"),
        ("https://elsewhere.example/", "/checkout"),
        ("//elsewhere.example/", "/checkout"),
        ("/\\elsewhere.example/", "/checkout"),
        ("/a\r\nSet-Cookie: x=1", "/checkout"),
    ],
)
def test_signing_in_never_leads_to_another_site(target: str, leads_to: str) -> None:
    assert local_path(target) == leads_to


async def test_a_basket_fills_changes_and_survives_signing_in(guest: Guest) -> None:
    await guest.post("/basket", sku="demo-2", quantity="2")
    await guest.post("/basket", sku="demo-3")
    await guest.post("/basket/demo-2", quantity="5")
    await guest.sign_in()
    full = await guest.get("/basket")
    await guest.post("/basket/demo-3", quantity="0")
    less = await guest.get("/basket")

    assert 'data-count="6"' in full.text
    assert "€133.50" in full.text
    assert "Desk lamp" not in less.text
    assert "€64.50" in less.text


async def test_the_script_is_told_the_count(guest: Guest) -> None:
    added = await guest.ask(
        "POST", "/basket", body=b"sku=demo-1&quantity=3", Accept="application/json"
    )

    assert added.json() == {"count": 3}


async def test_nobody_gets_more_than_nine_of_a_thing(guest: Guest) -> None:
    for _ in range(2):
        await guest.post("/basket", sku="demo-1", quantity="9")

    assert 'data-count="9"' in (await guest.get("/basket")).text


async def test_looking_around_makes_no_session(guest: Guest) -> None:
    answers = [await guest.get(path) for path in ("/", "/products/demo-1", "/basket", "/login")]

    assert not [answer for answer in answers if "Set-Cookie" in answer.headers]


@pytest.mark.parametrize("quantity", ["0", "10", "-1", "1e1", "²", "many", "9" * 40])
async def test_an_odd_quantity_is_refused_and_quoted(guest: Guest, quantity: str) -> None:
    answer = await guest.post("/basket", sku="demo-1", quantity=quantity)

    assert answer.status == 400
    assert re.search("cannot be ordered; write 1 to 9", answer.text)
    assert 'data-count="0"' in (await guest.get("/basket")).text


async def test_what_is_typed_comes_back_escaped(guest: Guest) -> None:
    script = '"><script>alert(1)</script>'
    login = await guest.post("/login", email=script, password="x", next="/x" + script)
    await guest.sign_in()
    order = await guest.get(f"/orders/{await guest.order(script)}")
    orders = await guest.get("/orders")

    for page in (login, order, orders):
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/products/none", "/products/%ff%00", "/orders/%00/x"]
)
async def test_a_page_that_is_not_there_says_so_in_the_shops_clothes(
    guest: Guest, path: str
) -> None:
    answer = await guest.get(path)

    assert answer.status == 404
    assert "Nothing here" in answer.text
    assert "shop.css" in answer.text


async def test_too_much_is_refused(guest: Guest) -> None:
    long_field = await guest.post("/login", email="a" * 300, password="x")
    long_body = await guest.ask("POST", "/login", body=b"x" * 300_000)

    assert (long_field.status, long_body.status) == (400, 413)
    assert "email is 300 characters long; 254 will do" in long_field.text


async def test_bytes_that_are_no_text_sign_nobody_in(guest: Guest) -> None:
    answer = await guest.ask("POST", "/login", body=b"email=%ff\xff&password=\xfe%00")

    assert answer.status == 401


@pytest.mark.parametrize("path", ["/login", "/api/login"])
async def test_a_body_that_cannot_be_unpacked_is_refused(guest: Guest, path: str) -> None:
    answer = await guest.ask("POST", path, body=b"no gzip at all", Content_Encoding="gzip")

    assert answer.status == 400
