"""What counts as a failed request, and of which page."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.result import Outcome
from tests.journey.running import Run, run
from tests.servers.pages import Page, site

REFUSED = "http://127.0.0.1:9/"  # a port that no browser asks
FILE = {"Content-Disposition": "attachment; filename=a.bin"}
FRAMES = f"""<!doctype html><iframe src=/broken></iframe><iframe src={REFUSED}></iframe>
<iframe src=/denied></iframe><iframe src=/refused></iframe><iframe src=/file></iframe>
<iframe src=/plain></iframe>"""
PAGES = {
    "/plain": Page("<h1>plain</h1>"),
    "/broken": Page("<h1>broken</h1>", status=500),
    "/refused": Page("no", status=403, headers={"X-Frame-Options": "DENY"}),
    "/denied": Page("no", headers={"X-Frame-Options": "DENY"}),
    "/frames": Page(FRAMES),
    "/at-once": Page(f"<!doctype html><img src={REFUSED}><iframe src={REFUSED}></iframe>"),
    "/moved": Page(status=302, headers={"Location": "/broken"}),
    "/links": Page(
        "<a href=/file>file</a><a href=/none>none</a><a href=/broken target=_blank>new</a>"
    ),
    "/file": Page("x", "application/octet-stream", headers=FILE),
    "/none": Page("x", "application/octet-stream", 404, headers=FILE),
}
HEAD = "from playwright.sync_api import Error\nfrom prober.journey import journey\n"


def visits(seen: Run) -> dict[str, int]:
    assert seen.ended.outcome is Outcome.UP, seen.ended.message
    return {name: visit.failed_requests for name, visit in seen.visits.items()}


def played(folder: Path, body: str, *, is_async: bool = False) -> Run:
    lines = body.replace("await ", "" if not is_async else "await ").strip().splitlines()
    define = "async def" if is_async else "def"
    source = f"{HEAD}@journey\n{define} look(page, page_name, context):\n"
    with site(PAGES) as it:
        return run(folder, source + "".join(f"    {line}\n" for line in lines), base_url=it.url)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_page_has_failed_by_its_own_answer_and_by_those_of_its_frames(
    tmp_path: Path, is_async: bool
) -> None:
    body = """
await page.goto("/plain"); page_name("before")
await page.goto("/broken"); page_name("broken")
await page.goto("/plain"); page_name("between")
await page.goto("/moved"); page_name("moved")
await page.goto("/frames"); page_name("frames")
async with page.expect_event("requestfailed"): await page.goto("/at-once")
page_name("at once")
await page.goto("/plain"); page_name("after")
"""
    body = body.replace("async with", "async with" if is_async else "with")
    seen = played(tmp_path, body, is_async=is_async)

    assert visits(seen) == {
        "before": 0, "broken": 1, "between": 0, "moved": 1, "frames": 4, "at once": 2, "after": 0,
    }  # fmt: skip


def test_a_download_and_a_page_that_is_left_are_no_failures(tmp_path: Path) -> None:
    body = """
page.goto("/links"); page_name("links")
with page.expect_download(): page.get_by_text("file").click()
page.get_by_text("none").click()
while not page.url.startswith("chrome-error:"): page.wait_for_timeout(10)
page.goto("/plain")
"""
    seen = played(tmp_path, body)

    assert visits(seen) == {"links": 0, "/plain": 0}


def test_what_answers_a_new_window_counts_for_what_it_shows(tmp_path: Path) -> None:
    body = """
page.goto("/links")
with page.expect_popup() as popup: page.get_by_text("new").click()
popup.value.get_by_text("broken").wait_for()
"""
    seen = played(tmp_path, body)

    assert visits(seen) == {"/links": 0, "/broken": 1}


def test_a_page_that_is_not_reached_is_none_and_the_one_left_has_not_failed(tmp_path: Path) -> None:
    body = f"""
page.goto("/links")
try: page.goto("{REFUSED}")
except Error: pass
context.new_page().goto("/plain")
"""
    seen = played(tmp_path, body)

    assert visits(seen) == {"/links": 0, "/plain": 0}
