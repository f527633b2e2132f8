"""Requests without a page, what `params` and `secrets` are, and the steps in the trace."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from prober.journey.given import Gift
from prober.result import Outcome, Reason
from tests.journey.running import run
from tests.servers.pages import Page, site

SHOP = {
    "/": Page("<h1>shop</h1>", headers={"Set-Cookie": "of=page; Path=/"}),
    "/api/login": Page("{}", headers={"Set-Cookie": "of=api; Path=/"}),
    "/api/cart": Page("{}"),
}
SYNC = """
from playwright.sync_api import APIRequestContext, expect
from prober.journey import journey

def empty(api):
    print("emptied", api.get("/api/cart").status)

@journey
def order(page, step, api: APIRequestContext, cleanup, secrets):
    cleanup("empty the cart", empty, api)
    with step("outer"):
        with step("inner"):
            page.goto("/")
            expect(api.get("/api/login")).to_be_ok()
        with step("soft", soft=True):
            assert False
    with step("late", soft=True, timeout=0.3):
        with step("hangs", soft=True):
            page.wait_for_timeout(99999)
    with step("last"):
        api.get("/api/cart")
        page.title()
    print(page.evaluate("() => 'agent ' + navigator.userAgent"))
    secrets["pasword"]
"""
ASYNC = """
from prober.journey import journey

@journey
async def order(page, api, step):
    await page.goto("/")
    await api.get("/api/login")
    async with step("ask"):
        print("status", (await api.get("/api/cart")).status)
"""


def groups(trace: Path) -> list[str]:
    """The groups of a trace as they open and close."""
    with ZipFile(trace) as archive:
        lines = archive.read("trace.trace").decode().splitlines()
    opened: dict[str, str] = {}
    said = []
    for event in map(json.loads, lines):
        if event["type"] == "before" and event["method"] == "tracingGroup":
            opened[event["callId"]] = event["title"]
            said.append(f"+{event['title']}")
        elif event["type"] == "after" and event["callId"] in opened:
            said.append(f"-{opened[event['callId']]}")
    return said


def test_api_knows_the_base_url_and_keeps_its_own_cookies_and_steps_are_groups_of_the_trace(
    tmp_path: Path,
) -> None:
    with site(SHOP) as it:
        seen = run(tmp_path, SYNC, base_url=it.url, secrets={"password": "hunter22"}, trace="full")

    asked = [(path, headers) for path, headers in it.asked if path.startswith("/api")]
    assert [path for path, _ in asked] == ["/api/login", "/api/cart", "/api/cart"]
    assert [headers.get("cookie") for _, headers in asked] == [None, "of=api", "of=api"]
    (agent,) = {headers["user-agent"] for _, headers in asked}
    assert agent.endswith("prober-synthetic")
    assert f"agent {agent}" in seen.output
    assert "emptied 200" in seen.output
    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.STEP)
    assert groups(seen.folder / "trace.zip") == [
        "+outer", "+inner", "-inner", "+soft", "-soft", "-outer", "+late", "+hangs", "-hangs", "-late",
        "+last", "-last",
    ]  # fmt: skip


def test_an_async_journey_has_an_async_api_with_the_access_of_its_context(tmp_path: Path) -> None:
    with site(SHOP) as it:
        context = {"extra_http_headers": {"X-Stage": "test"}, "locale": "de-CH"}
        seen = run(tmp_path, ASYNC, base_url=it.url, context=context)

    assert seen.ended.outcome is Outcome.UP
    assert "status 200" in seen.output
    assert it.asked[-1][1]["x-stage"] == "test"
    assert it.asked[-1][1]["cookie"] == "of=api"


def test_a_key_that_was_not_given_is_told_with_those_that_were() -> None:
    secrets = Gift("secrets", {"password": "hunter22"})

    with pytest.raises(KeyError) as error:
        secrets["pasword"]

    assert str(error.value) == "secrets has no 'pasword'; did you mean 'password'?"
    assert secrets == {"password": "hunter22"}
    assert secrets.get("pasword") is None
