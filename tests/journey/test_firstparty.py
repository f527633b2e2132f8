"""Which requests say of which run they are; real servers tell what they were asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.journey.firstparty import with_safe_twins
from prober.result import Outcome
from tests.journey.running import TRACEPARENT, Run, run
from tests.servers.pages import Page, Site, site

STAMPS = {
    "traceparent": TRACEPARENT,
    "x-synthetic-check": "shop",
    "x-synthetic-run": "run-1",
}
ANY = {"Access-Control-Allow-Origin": "*"}  # and no header beyond those that are always allowed
FRAMES = """<!doctype html><link rel=stylesheet href=/style.css><title>shop</title>
<iframe src=/frame></iframe><iframe src=OTHER/around></iframe>
<a href=/popup target=_blank>more</a>
<form action=/bought method=post enctype=multipart/form-data><input name=what><button>buy</button></form>
"""
SHOP = {
    "/plain": Page("<h1>plain</h1>"),
    "/style.css": Page("h1 { color: red }", "text/css", headers={"Cache-Control": "max-age=600"}),
    "/frame": Page(
        "<img src=/picture.png><script>fetch('/of-frame'); new Worker('/worker.js')</script>"
    ),
    "/worker.js": Page("fetch('/of-worker')", "text/javascript"),
    "/of-worker": Page("{}"),
    "/of-frame": Page("{}"),
    "/inner": Page("inner"),
    "/popup": Page("<h1>popup</h1>"),
    "/api": Page("{}"),
    "/own": Page("{}"),
    "/events": Page("data: one\n\n", "text/event-stream"),
    "/bought": Page("<h1>bought</h1>"),
}
ELSEWHERE = {
    "/api": Page("{}", headers=ANY),
    "/landed": Page("<h1>landed</h1>", headers=ANY),
}
TOUR = """
from prober.journey import journey

ASK = '''(url) => fetch(url).then((one) => one.status, () => "refused")'''
OWN = '''() => fetch("/own", {headers: {traceparent: "00-mine"}}).then((one) => one.status)'''
XHR = '''() => new Promise((done) => {
    const one = new XMLHttpRequest()
    one.onload = () => done(one.status)
    one.open("POST", "/api")
    one.setRequestHeader("Content-Type", "application/json")
    one.send("{}")
})'''
EVENTS = '''() => new Promise((done) => {
    const one = new EventSource("/events")
    one.onmessage = () => { one.close(); done(true) }
})'''

@journey
async def tour(page, context, params):
    await page.goto("/plain")
    await page.goto("/shop", wait_until="networkidle")
    await page.goto("/shop", wait_until="networkidle")
    assert await page.evaluate(XHR) == 200
    assert await page.evaluate(OWN) == 200
    assert await page.evaluate(EVENTS)
    assert await page.evaluate(ASK, params["elsewhere"] + "/api") == 200
    assert await page.evaluate(ASK, "/leave") == 200
    async with page.expect_popup() as popup:
        await page.get_by_role("link").click()
    second = await popup.value
    await second.wait_for_load_state()
    await page.get_by_role("button").click()
    await page.get_by_text("bought").wait_for()
    await second.goto("/leave")
    await second.get_by_text("landed").wait_for()
"""
SYNC = (
    TOUR.replace("(await popup.value)", "popup.value").replace("await ", "").replace("async ", "")
)


def stamps(headers: dict[str, str]) -> dict[str, str]:
    """Those of ours that a request had."""
    return {name: headers[name] for name in STAMPS if name in headers}


def told(it: Site, path: str) -> list[dict[str, str]]:
    return [stamps(headers) for asked, headers in it.asked if asked == path]


def why(seen: Run) -> tuple[Outcome, str]:
    return seen.ended.outcome, seen.ended.message


@pytest.mark.parametrize("source", [TOUR, SYNC], ids=["async", "sync"])
def test_documents_and_what_scripts_ask_first_parties_for_is_told_of_the_run_and_nothing_else(
    tmp_path: Path, source: str
) -> None:
    with site(SHOP) as it, site(ELSEWHERE) as other:
        around = f"<iframe src={it.url}/inner></iframe>"
        it.pages["/around"] = Page(around)
        it.pages["/shop"] = Page(FRAMES.replace("OTHER", it.other_url))
        it.pages["/leave"] = Page(
            status=302,
            headers={"Location": f"{other.url}/landed", "Access-Control-Allow-Origin": "*"},
        )
        seen = run(tmp_path, source, base_url=it.url, params={"elsewhere": other.url})

    assert why(seen) == (Outcome.UP, "")
    for path in (
        "/plain",
        "/shop",
        "/frame",
        "/of-frame",
        "/of-worker",
        "/inner",
        "/api",
        "/events",
        "/popup",
        "/bought",
        "/leave",
    ):
        assert [path, *told(it, path)] == [path, *[STAMPS] * len(told(it, path))]
        assert told(it, path), path
    assert told(it, "/own") == [STAMPS | {"traceparent": "00-mine"}]
    assert told(it, "/style.css") == [{}], "fetched once over two visits"
    assert set(map(str, told(it, "/picture.png"))) == {"{}"}
    assert [stamps(headers) for path, headers in it.asked if path == "/around"] == [{}, {}]
    assert {path for path, _ in other.asked} == {"/api", "/landed"}
    assert [stamps(headers) for _, headers in other.asked] == [{}] * len(other.asked)


LEAVE = """
from prober.journey import journey

@journey
async def leave(page):
    await page.goto("/start?token=hidden")
    await page.evaluate("fetch('/api')")
    await page.evaluate("fetch('/leave')")
    await page.get_by_role("link").click()
    await page.get_by_text("landed").wait_for()
"""


def test_another_site_learns_from_a_redirect_no_more_of_the_page_than_from_a_link(
    tmp_path: Path,
) -> None:
    with site(SHOP) as it, site(ELSEWHERE) as other:
        it.pages["/start"] = Page("<a href=/leave>to the bank</a>")
        it.pages["/leave"] = Page(status=302, headers={"Location": f"{other.url}/landed", **ANY})
        seen = run(tmp_path, LEAVE, base_url=it.url)

    assert why(seen) == (Outcome.UP, "")
    own = {headers["referer"] for path, headers in it.asked if path in ("/api", "/leave")}
    assert own == {f"{it.url}/start?token=hidden"}
    assert [headers["referer"] for _, headers in other.asked] == [f"{it.url}/"] * 2


OPEN = """
from prober.journey import journey

@journey
def look(page):
    page.set_content("<h1>nothing asked yet</h1>")
    page.goto("FIRST/plain")
    page.goto("NAMED/plain")
    page.goto("LISTED/landed")
    page.goto("THIRD/landed?http://x@HOST/plain")
"""


def test_without_a_base_url_who_is_asked_first_is_a_first_party_as_those_that_are_listed(
    tmp_path: Path,
) -> None:
    with site(SHOP) as it, site(ELSEWHERE) as listed, site(ELSEWHERE) as third:
        host = it.url.removeprefix("http://")
        source = OPEN.replace("FIRST", it.url).replace("NAMED", f"http://u:p@{host}")
        source = source.replace("LISTED", listed.url).replace("THIRD", third.url)
        seen = run(tmp_path, source.replace("HOST", host), first_party=(listed.url,))

    assert why(seen) == (Outcome.UP, "")
    assert told(it, "/plain") == [STAMPS, STAMPS]
    assert told(listed, "/landed") == [STAMPS]
    assert told(third, "/landed") == [{}]


REQUESTS = """
from prober.journey import journey

@journey
async def ask(page, api, context, params):
    await page.goto("/plain")
    for one in (api, context.request, page.request):
        await one.get("/api", headers={"X-Own": "1"})
        await one.post(url="/api", data={}, headers={"TraceParent": "00-mine"})
        await one.get(params["elsewhere"] + "/api")
    page.on("request", lambda asked: None)
    async with page.expect_request("**/of-frame") as asked:
        await page.goto("/frame")
    await api.fetch(await asked.value)
    try:
        await api.get("http://[wrong")
    except Exception as error:
        assert "Invalid URL" in str(error), error
"""


def test_requests_without_a_page_are_told_to_first_parties_alone(tmp_path: Path) -> None:
    with site(SHOP) as it, site(ELSEWHERE) as other:
        seen = run(tmp_path, REQUESTS, base_url=it.url, params={"elsewhere": other.url})

    assert why(seen) == (Outcome.UP, "")
    assert told(it, "/api") == [STAMPS, STAMPS | {"traceparent": "00-mine"}] * 3
    assert [headers.get("x-own") for path, headers in it.asked if path == "/api"] == ["1", None] * 3
    assert told(it, "/of-frame") == [STAMPS, STAMPS]
    assert [stamps(headers) for _, headers in other.asked] == [{}] * 3


NOBODY = """
from prober.journey import journey

@journey
def look(page, api):
    page.goto("/frame", wait_until="networkidle")
    api.get("/api")
"""


def test_where_nobody_is_to_be_told_no_request_is(tmp_path: Path) -> None:
    with site(SHOP) as it:
        seen = run(tmp_path, NOBODY, base_url=it.url, traceparent="")

    assert why(seen) == (Outcome.UP, "")
    assert {"/frame", "/of-frame", "/api"} <= {path for path, _ in it.asked}
    assert [stamps(headers) for _, headers in it.asked] == [{}] * len(it.asked)


ROUTES = """
from prober.journey import journey

@journey
def look(page):
    def add(route):
        route.continue_(headers={**route.request.headers, "x-own": "1"})

    def make(route):
        route.fulfill(body="made here")

    def alter(route):
        answer = route.fetch()
        route.fulfill(body="altered " + answer.text())

    page.route("**/plain", add)
    page.route("**/made", make)
    page.route("**/inner", alter)
    page.route("**/popup", lambda route: route.abort())
    page.goto("/plain")
    page.goto("/made")
    page.get_by_text("made here").wait_for()
    page.goto("/inner")
    page.get_by_text("altered inner").wait_for()
    assert page.evaluate("fetch('/popup').then(() => 1, () => 'aborted')") == "aborted"
    page.goto("/guarded")
"""


def test_an_authors_routes_and_credentials_work_beside_it(tmp_path: Path) -> None:
    ask = {"WWW-Authenticate": 'Basic realm="shop"'}
    with site({**SHOP, "/guarded": Page("who?", status=401, headers=ask)}) as it:
        context = {
            "http_credentials": {"username": "u", "password": "p"},
            "extra_http_headers": {"X-Synthetic-Check": "mine"},
        }
        seen = run(tmp_path, ROUTES, base_url=it.url, context=context)

    assert why(seen) == (Outcome.UP, "")
    mine = STAMPS | {"x-synthetic-check": "mine"}
    assert told(it, "/plain") == [mine]
    assert [headers["x-own"] for path, headers in it.asked if path == "/plain"] == ["1"]
    assert {path for path, _ in it.asked} >= {"/inner", "/guarded"}
    assert {path for path, _ in it.asked}.isdisjoint({"/made", "/popup"})
    asked = [headers for path, headers in it.asked if path == "/guarded"]
    assert ["authorization" in headers for headers in asked][:2] == [False, True]
    assert list(map(stamps, asked)) == [mine] * len(asked)


CLOSING = """
from prober.journey import journey

MANY = "() => { for (let n = 0; n < 5; n++) fetch('/slow?' + n).catch(() => 0) }"

@journey
def leave(page, context):
    other = context.new_page()
    other.goto("/plain")
    other.evaluate(MANY)
    other.close()
    page.goto("/plain")
    page.evaluate(MANY)
    page.goto("/plain")
    page.evaluate(MANY)
    context.close()
"""


def test_pages_that_go_while_they_ask_hold_nothing_up(tmp_path: Path) -> None:
    with site({**SHOP, "/slow": Page("{}", delay=30)}) as it:
        seen = run(tmp_path, CLOSING, base_url=it.url)

    assert why(seen) == (Outcome.UP, "")
    assert seen.ended.seconds is not None
    assert seen.ended.seconds < 15
    assert told(it, "/plain") == [STAMPS] * 3


HANDLER = """
import itertools

from playwright.sync_api import Error
from prober.journey import journey

@journey
def look(page):
    kinds = itertools.cycle((ValueError, Error))

    def wrong(asked):
        raise next(kinds)("of the handler")

    page.on("request", wrong)
    for _ in range(60):
        try:
            page.goto("/many")
            break
        except (ValueError, Error) as error:
            assert "of the handler" in str(error), error
    for _ in range(600):
        try:
            page.wait_for_timeout(20)
            if page.title() == "8 of 8":
                return
        except (ValueError, Error) as error:
            assert "of the handler" in str(error), error
    raise AssertionError("a request is still held up")
"""
MANY = """<!doctype html><title>0 of 8</title><script>
let come = 0
for (let n = 0; n < 8; n++)
    fetch("/api?" + n).then(() => document.title = ++come + " of 8")
</script>"""


def test_what_an_authors_handler_raises_holds_no_request_up(tmp_path: Path) -> None:
    with site({**SHOP, "/many": Page(MANY)}) as it:
        seen = run(tmp_path, HANDLER, base_url=it.url)

    assert "held up" not in seen.ended.message
    for path, least in (("/many", 1), ("/api", 8)):
        assert told(it, path) == [STAMPS] * max(least, len(told(it, path)))


def test_a_site_at_the_usual_port_is_the_same_party_in_its_safe_form() -> None:
    origins = [
        "http://shop.example",
        "http://shop.example:8080",
        "https://a.example",
        "http://[::1]",
    ]

    assert set(with_safe_twins(origins)) == {*origins, "https://shop.example", "https://[::1]"}
