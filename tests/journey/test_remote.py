from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prober.journey.remote import shown, speaks_cdp
from prober.result import Outcome, Reason
from tests.journey.running import OFFLINE, Run, run
from tests.servers.pages import Page, Site, site
from tests.tools import browser

SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", OFFLINE]
LOOK = """
from prober.journey import journey

@journey
def look(page, context, browser, step):
    page.goto("/")
    with step("press"):
        page.get_by_role("button").click()
    assert page.evaluate("navigator.userAgent").endswith(" prober-synthetic")
    assert browser.contexts[-1] == context
    browser.new_context(base_url=page.url).new_page().goto("/somebody-elses")
"""
TOKEN = "tok-98765"


def look(folder: Path, connect: str, base_url: str | None = None) -> Run:
    return run(folder, LOOK, base_url=base_url, connect=connect, executable="/missing")


@contextmanager
def started(command: list[str], mark: str, *, stderr: bool) -> Iterator[str]:
    """A process, by the word of its output that begins with `mark`."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if stderr else subprocess.PIPE,
        stderr=subprocess.PIPE if stderr else subprocess.DEVNULL,
        text=True,
    )
    output = process.stderr if stderr else process.stdout
    assert output
    try:
        words = (word for said in output for word in said.split())
        yield next(word for word in words if word.startswith(mark))
        assert process.poll() is None, "the browser is not ours to end"
    finally:
        process.terminate()
        process.wait(10)
        output.close()


def test_a_browser_that_speaks_cdp_is_driven_and_left_as_it_was(tmp_path: Path) -> None:
    command = [browser(), *SWITCHES, "--remote-debugging-port=0", f"--user-data-dir={tmp_path}/p"]
    with (
        site({"/": Page("<button>x</button>")}) as it,
        started(command, "ws://", stderr=True) as ws,
    ):
        http = "http://" + ws.split("/")[2]
        by_ws = look(tmp_path, ws, it.url)
        by_http = look(tmp_path, f"{http}/?token={TOKEN}", it.url)
        gone = gone_from(http, it.url)

    assert (by_ws.ended.outcome, by_ws.ended.message) == (Outcome.UP, "")
    assert (by_http.ended.outcome, by_http.ended.message) == (Outcome.UP, "")
    assert by_ws.visits["/"].interactions == 1
    assert told_of_runs(it) == {"/": 2, "/somebody-elses": 0}
    assert gone


def told_of_runs(it: Site) -> dict[str, int]:
    """How many of the requests for each document were told of the run that they are part of."""
    counts: dict[str, int] = {}
    for path, headers in it.asked:
        if path != "/favicon.ico":
            counts[path] = counts.get(path, 0) + (headers.get("x-synthetic-run") == "run-1")
    return counts


def gone_from(http: str, url: str) -> bool:
    """Whether the browser closes the pages of a site within a while of who opened them leaving."""
    for _ in range(200):
        with urllib.request.urlopen(f"{http}/json/list", timeout=10) as answer:  # noqa: S310 - ours
            if not [one for one in json.load(answer) if one["url"].startswith(url)]:
                return True
        time.sleep(0.05)
    return False


def test_a_playwright_server_gives_a_browser_and_keeps_its_path_to_itself(tmp_path: Path) -> None:
    config = tmp_path / "server.json"
    launch = {"executablePath": browser(), "args": SWITCHES, "host": "127.0.0.1", "port": 0}
    config.write_text(json.dumps(launch))
    # The driver itself: a Python around it would leave it behind.
    driver = "from playwright._impl._driver import compute_driver_executable as c; print(*c(), sep='\\n')"
    node = subprocess.run(
        [sys.executable, "-c", driver], capture_output=True, text=True, check=True
    )
    command = [*node.stdout.split("\n")[:2], "launch-server", "--browser", "chromium"]
    with (
        site({"/": Page("<button>x</button>")}) as it,
        started([*command, "--config", str(config)], "ws://", stderr=False) as ws,
    ):
        good = look(tmp_path, ws, it.url)
        bad = look(tmp_path, f"{ws[:-4]}?token={TOKEN}")

    assert (good.ended.outcome, good.ended.message) == (Outcome.UP, "")
    assert good.visits["/"].interactions == 1
    assert told_of_runs(it) == {"/": 1, "/somebody-elses": 0}
    host = ws.split("/")[2]
    assert bad.ended.reason is Reason.BROWSER
    assert f"{host} gives none: " in bad.ended.message
    assert ws.split("/")[3][:-4] not in bad.ended.message


def test_who_refuses_is_named_with_the_reason_and_without_a_token(tmp_path: Path) -> None:
    mismatch = "Playwright version mismatch: server v1.99"
    with site({"/pw": Page(mismatch, status=428)}) as it:
        host = it.url.removeprefix("http://")
        seen = look(tmp_path, f"ws://{host}/pw?token={TOKEN}")

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.UNKNOWN, Reason.BROWSER)
    assert seen.ended.message.startswith(f"the browser did not start: {host} gives none: ")
    assert mismatch in seen.ended.message
    assert TOKEN not in repr(seen.events)


@pytest.mark.parametrize(
    ("address", "is_cdp", "to_show"),
    [
        ("ws://grid:3000", False, "grid:3000"),
        ("wss://grid.example/secret/path?token=a", False, "grid.example"),
        ("ws://u:p@grid:3000/devtools/browser/1-2", True, "grid:3000"),
        ("http://[::1]:9222?token=a", True, "[::1]:9222"),
        ("https://u@grid", True, "grid"),
    ],
)
def test_an_address_tells_its_protocol_and_is_shown_without_what_may_be_secret(
    address: str, is_cdp: bool, to_show: str
) -> None:
    assert speaks_cdp(address) is is_cdp
    assert shown(address) == to_show
