from __future__ import annotations

from pathlib import Path

import pytest

from prober.journey.vitals import default_name
from prober.result import Outcome
from tests.journey.running import run
from tests.servers.pages import (
    HANDLERS,
    MEASURED,
    MEASURED_CLS,
    MEASURED_INP,
    MEASURED_LCP,
    MEASURED_TTFB,
    TRUTH,
    Page,
    site,
)

SYNC = """
from prober.journey import journey

@journey
def measured(page, step, page_name):
    with step("look"):
        page.goto("/measured")
        page_name("measured")
        page.wait_for_timeout(200)
    with step("click"):
        page.get_by_role("button").click()
    page.goto("/next")
"""
ASYNC = """
from prober.journey import journey

@journey
async def measured(page, step, page_name):
    async with step("look"):
        await page.goto("/measured")
        page_name("measured")
        await page.wait_for_timeout(200)
    await page.get_by_role("button").click()
    await page.goto("/next")
"""


@pytest.mark.parametrize("source", [SYNC, ASYNC], ids=["sync", "async"])
def test_a_page_of_known_behaviour_is_measured_as_it_behaves(tmp_path: Path, source: str) -> None:
    with site(MEASURED) as it:
        seen = run(tmp_path, source, base_url=it.url)

    assert seen.ended.outcome is Outcome.UP
    assert list(seen.visits) == ["measured", "/next"]
    visit = seen.visits["measured"]
    assert visit.cls == pytest.approx(MEASURED_CLS, abs=1e-12)
    assert visit.lcp is not None
    assert visit.lcp >= MEASURED_LCP
    assert visit.inp is not None
    assert visit.inp >= MEASURED_INP
    assert visit.ttfb is not None
    assert visit.ttfb >= MEASURED_TTFB
    assert visit.fcp is not None
    assert visit.interactions == 1
    assert visit.long_task is not None
    assert visit.long_task >= MEASURED_INP - 0.051
    assert seen.visits["/next"].inp is None


TRUE = """
from prober.journey import journey

@journey
def true(page, params, page_name):
    for path in ("/server-600", "/image-150"):
        page.goto(path)
        page_name(path)
    for milliseconds in params["handlers"]:
        page.goto(f"/handler-{milliseconds}")
        page_name(f"handler {milliseconds}")
        page.get_by_role("button").click()
"""


def test_nothing_is_measured_faster_than_it_was_and_every_click_is_caught(tmp_path: Path) -> None:
    with site(TRUTH) as it:
        seen = run(tmp_path, TRUE, base_url=it.url, params={"handlers": list(HANDLERS)})

    assert seen.ended.outcome is Outcome.UP, seen.ended.message
    slow, image = seen.visits["/server-600"], seen.visits["/image-150"]
    assert slow.ttfb is not None
    assert slow.ttfb >= 0.6
    assert image.ttfb is not None
    assert image.lcp is not None
    assert image.fcp is not None
    assert image.lcp >= 0.15
    for milliseconds in HANDLERS:
        visit = seen.visits[f"handler {milliseconds}"]
        assert visit.inp is not None
        assert visit.inp >= milliseconds / 1000
        processing = visit.attribution["inp_processing"]
        assert isinstance(processing, float)
        assert processing >= milliseconds / 1000


def test_a_page_that_nobody_clicked_has_no_inp(tmp_path: Path) -> None:
    source = """
from prober.journey import journey

@journey
def look(page, step):
    page.goto("/strict?token=s3cret-token")
    with step("fill"):
        page.get_by_role("textbox").fill("s3cret-token")
    page.goto("/orders/123/x7")
"""
    strict = Page(
        "<!doctype html><h1>strict</h1><input>",
        headers={"Content-Security-Policy": "default-src 'none'"},
    )
    with site({"/strict": strict, "/orders/123/x7": strict}) as it:
        seen = run(tmp_path, source, base_url=it.url, secrets={"token": "s3cret-token"})

    assert list(seen.visits) == ["/strict", "/orders/:id/:id"]
    visit = seen.visits["/strict"]
    assert (visit.inp, visit.interactions, visit.cls) == (None, 0, 0)
    assert visit.quality == ("no_interaction",)
    assert visit.fcp is not None
    assert visit.lcp is not None
    assert visit.url == f"{it.url}/strict?token=***"
    assert "s3cret-token" not in repr(seen.events)


POPUPS = """
from prober.journey import journey

@journey
def popups(page, context, step, page_name):
    page.goto("/opener")
    with step("open"):
        with page.expect_popup() as popup:
            page.get_by_role("link", name="popup").click()
        popup.value.get_by_role("button").click()
    with step("leave"):
        page.get_by_role("link", name="next").click()
        page.wait_for_url("**/next")
        page.wait_for_function("() => window.failed")
    context.close()
"""


def test_every_document_is_seen_popups_too_with_its_errors_whoever_closes_it(
    tmp_path: Path,
) -> None:
    pages = {
        "/opener": Page("<a href=/popup target=_blank>popup</a> <a href=/next>next</a>"),
        "/popup": Page("<button onclick='throw new Error(1)'>break</button>"),
        "/next": Page(
            "<h1>next</h1><img src=/none.png><script>"
            "fetch('/none').then(() => { window.failed = 1 })</script>"
        ),
    }
    with site(pages) as it:
        seen = run(tmp_path, POPUPS, base_url=it.url)

    assert seen.ended.outcome is Outcome.UP
    assert list(seen.visits) == ["/opener", "/popup", "/next"]
    assert [one.js_errors for one in seen.visits.values()] == [0, 1, 0]
    assert [one.failed_requests for one in seen.visits.values()] == [0, 0, 2]
    assert [one.interactions for one in seen.visits.values()] == [2, 1, 0]
    assert seen.visits["/popup"].inp is not None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://shop.example.com", "/"),
        ("https://shop.example.com/", "/"),
        ("https://shop.example.com/cart?x=1#y", "/cart"),
        ("https://shop.example.com/orders/2024-11/lines", "/orders/:id/lines"),
        ("data:text/html,hello", "data"),
    ],
)
def test_a_page_is_called_by_its_path_without_its_numbers(url: str, name: str) -> None:
    assert default_name(url) == name
