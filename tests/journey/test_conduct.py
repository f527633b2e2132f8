"""What the end of a journey says of the target."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.journey.events import Ended, Kept, Ready, StepBegun, Tidying
from prober.result import Outcome, Reason
from tests.journey.running import run
from tests.servers.pages import Page, site

HEAD = """
import asyncio, sys, threading
from pathlib import Path
from playwright.sync_api import expect
from prober.journey import journey
"""
SHOP = {
    "/": Page("<h1>shop</h1><a href=/next>next</a>"),
    "/next": Page("<h1>next</h1>"),
    "/noisy": Page(
        "<h1>noisy</h1><script>console.error('broken with s3cret-word'); console.log('fine');"
        "setTimeout(() => { throw new Error('kaputt') })</script><img src='/none?k=s3cret-word'>"
    ),
}


def test_steps_are_told_in_order_with_the_line_and_the_reason_of_a_failure(tmp_path: Path) -> None:
    source = (
        HEAD
        + """
@journey
def order(page, step, params, base_url, run_id):
    print("hello", params["who"], base_url, run_id)
    print(page.evaluate("() => navigator.userAgent + ' ' + innerWidth + 'x' + innerHeight"))
    with step("open"):
        page.goto("/")
    with step("soft", soft=True):
        expect(page.get_by_role("heading")).to_have_text("other", timeout=100)
    with step("outer"):
        with step("pay"):
            page.get_by_role("button", name="Pay").click(timeout=300)
"""
    )
    with site(SHOP) as it:
        seen = run(tmp_path, source, base_url=it.url, params={"who": "you"})

    assert isinstance(seen.events[0], Ready)
    assert [one.name for one in seen.all(StepBegun)] == ["open", "soft", "outer", "pay"]
    assert [(n, one.ok) for n, one in seen.steps.items()] == [
        ("open", True),
        ("soft", False),
        ("pay", False),
        ("outer", False),
    ]
    assert seen.steps["open"].url == f"{it.url}/"
    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.STEP)
    assert seen.steps["pay"].message == seen.steps["outer"].message
    assert seen.ended.message == seen.steps["soft"].message  # the first cause
    pay = seen.steps["pay"].message
    assert pay.startswith("journey.py:17: step 'pay': Locator.click: Timeout 300ms")
    assert 'waiting for get_by_role("button", name="Pay")' in pay
    assert seen.steps["soft"].message.startswith("journey.py:14: step 'soft': ")
    assert "\n" not in seen.steps["soft"].message
    assert f"hello you {it.url} run-1" in seen.output
    assert "prober-synthetic 1280x720" in seen.output
    assert "screenshot.png" in seen.kept


def test_a_soft_failure_alone_is_down_at_the_end_of_an_async_journey_too(tmp_path: Path) -> None:
    source = (
        HEAD
        + """
async def sign_out(page):
    await page.goto("/next")
    print("signed out", await page.get_by_role("heading").inner_text())

@journey
async def order(page, step, cleanup):
    cleanup("sign out", sign_out, page)
    async with step("soft", soft=True):
        assert False, "not so good"
    async with step("more"):
        await page.goto("/")
"""
    )
    with site(SHOP) as it:
        seen = run(tmp_path, source, base_url=it.url)

    assert seen.steps["more"].ok
    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.STEP)
    assert seen.ended.message == "journey.py:15: step 'soft': not so good"
    assert "signed out next" in seen.output


CASES = {
    "exit": ("    sys.exit()", Reason.SCRIPT, "journey.py:9: SystemExit"),
    "secret": (
        "    raise ValueError(secrets['word'])",
        Reason.SCRIPT,
        "journey.py:9: ValueError: ***",
    ),
    "handler": (
        "    page.on('console', lambda message: 1 / 0)\n    page.evaluate('() => console.log(1)')\n"
        "    page.title()\n    page.title()",
        Reason.SCRIPT,
        "journey.py:9: ZeroDivisionError: division by zero",
    ),
    "closed browser": (
        "    browser.close()\n    page.title()",
        Reason.STEP,
        "journey.py:10: Page.title: Target page, context or browser has been closed",
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_how_a_journey_raises_is_what_it_is_worth(tmp_path: Path, case: str) -> None:
    body, reason, message = CASES[case]
    source = f"{HEAD}\n@journey\ndef order(page, browser, secrets, step):\n{body}\n"

    seen = run(tmp_path, source, secrets={"word": "s3cret-word"})

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, reason)
    assert seen.ended.message.startswith(message)
    assert seen.code == 0


def test_nothing_an_author_leaves_behind_keeps_the_process(tmp_path: Path) -> None:
    source = (
        HEAD
        + """
import os
@journey
def order(page, context, step):
    page.goto("/")
    os.chdir("/")
    threading.Thread(target=threading.Event().wait).start()
    context.new_page().goto("/next")
    print("x" * 300_000)
    try:
        input()
    except EOFError:
        return
    1 / 0
"""
    )
    with site(SHOP) as it:
        seen = run(tmp_path, source, base_url=it.url)

    assert seen.ended.outcome is Outcome.UP
    assert list(seen.visits) == ["/", "/next"]
    assert seen.all(Kept) == []
    assert seen.code == 0


def test_the_first_cause_counts_and_the_console_is_kept_without_secrets(tmp_path: Path) -> None:
    source = (
        HEAD
        + """
@journey
async def order(page, step):
    async with step("soft", soft=True):
        raise AssertionError("first")
    await page.goto("/noisy")
    1 / 0
"""
    )
    with site(SHOP) as it:
        seen = run(tmp_path, source, base_url=it.url, secrets={"word": "s3cret-word"})

    assert seen.ended.reason is Reason.STEP
    assert seen.ended.message.endswith("first")
    assert {"screenshot.png", "console.txt"} <= {one.name for one in seen.all(Kept)}
    console = (seen.folder / "console.txt").read_text()
    assert "exception Error: kaputt" in console
    assert "error     broken with ***" in console
    assert "log       fine" in console
    assert f"request   GET {it.url}/none?k=***: 404" in console
    assert "s3cret" not in console
    (visit,) = seen.visits.values()
    assert (visit.js_errors, visit.failed_requests) == (1, 1)


def test_cleanups_run_last_first_after_the_failure_with_a_living_page(tmp_path: Path) -> None:
    source = (
        HEAD
        + """
def sign_out(page, who):
    page.goto("/next")
    print("signed out", who, page.get_by_role("heading").inner_text())

@journey
def order(page, step, cleanup):
    page.goto("/")
    cleanup("sign out", sign_out, page, who="you")
    cleanup("fails", lambda: 1 / 0)
    page.close()
    with step("after"):
        page.goto("/")
"""
    )
    with site(SHOP) as it:
        seen = run(tmp_path, source, base_url=it.url)

    assert seen.ended.reason is Reason.STEP
    tidying = seen.events.index(seen.all(Tidying)[0])
    later = [one.name for one in seen.events[tidying:] if isinstance(one, StepBegun)]
    assert later == ["cleanup: fails", "cleanup: sign out"]
    assert seen.steps["cleanup: fails"].message == (
        "journey.py:15: step 'cleanup: fails': ZeroDivisionError: division by zero"
    )
    assert seen.steps["cleanup: sign out"].ok
    assert "signed out you next" in seen.output


def test_what_cannot_begin_is_said_instead_of_ready(tmp_path: Path) -> None:
    unfit = run(tmp_path, "import nothing_like_it\n")
    browserless = run(
        tmp_path,
        f"{HEAD}\n@journey\ndef order(page): ...\n",
        executable="/bin/false",
    )

    assert [type(one) for one in unfit.events] == [Ended]
    assert (unfit.ended.outcome, unfit.ended.reason) == (Outcome.UNKNOWN, Reason.SCRIPT)
    assert unfit.ended.message == (
        "journey.py:1: cannot be imported: ModuleNotFoundError: No module named 'nothing_like_it'"
        "; packages go into journeys/requirements.txt"
    )
    assert [type(one) for one in browserless.events] == [Ended]
    assert (browserless.ended.outcome, browserless.ended.reason) == (
        Outcome.UNKNOWN,
        Reason.BROWSER,
    )
    assert "the browser did not start" in browserless.ended.message
    assert browserless.code == 0


def test_an_agent_that_is_gone_ends_the_process(tmp_path: Path) -> None:
    seen = run(tmp_path, f"{HEAD}\n@journey\ndef order(page): 1 / 0\n", is_due=False)

    assert [type(one) for one in seen.events] == [Ready]
    assert seen.code == 0


def test_a_server_that_does_not_answer_is_named_and_the_page_before_is_photographed(
    tmp_path: Path,
) -> None:
    source = (
        HEAD
        + """
@journey
def wait(page, step):
    page.goto("/")
    with step("next"):
        page.goto("/slow", timeout=500)
"""
    )
    with site(SHOP | {"/slow": Page(delay=60)}) as it:
        seen = run(tmp_path, source, base_url=it.url)

    assert seen.ended.reason is Reason.STEP
    assert f'(navigating to "{it.url}/slow"' in seen.ended.message
    assert "screenshot.png" in seen.kept


def test_measuring_takes_little_of_the_journeys_time(tmp_path: Path) -> None:
    """A page that never paints, asked after each of a hundred steps: a second of twenty in all."""
    source = (
        HEAD
        + """
import time
@journey
def many(page, step):
    page.goto("/blank")
    began = time.monotonic()
    for number in range(100):
        with step(str(number)):
            pass
    print("took", time.monotonic() - began)
"""
    )
    with site({"/blank": Page("")}) as it:
        seen = run(tmp_path, source, base_url=it.url)

    assert seen.ended.outcome is Outcome.UP
    assert float(seen.output.split("took ")[1]) < 10  # it would take twenty


def test_a_secret_among_the_parameters_shows_nowhere(tmp_path: Path) -> None:
    source = (
        HEAD
        + """
@journey
def fail(page, step, params):
    page.goto("/")
    with step("x" * 90 + params["pin"]):
        raise AssertionError(params["pin"])
"""
    )
    with site(SHOP) as it:
        params = {"pin": "s3cret-word-of-length"}
        seen = run(tmp_path, source, base_url=it.url, params=params, hidden=tuple(params.values()))

    assert "s3c" not in "".join(str(event) for event in seen.events)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("@journey\nasync def look(page):\n    await page.goto('/')\n"
         "    async_expect(page.get_by_text('never there')).to_be_visible()\n", 4),
        ("@journey\ndef look(page):\n    return helper(page)\n", 3),
        ("@journey\nasync def look(page):\n    it = helper(page)\n    loop = [it]\n"
         "    loop.append(loop)\n", 3),
    ],
    ids=["an expectation", "returned by a sync one", "in a cycle"],
)  # fmt: skip
def test_what_the_author_forgot_to_await_is_no_success(
    tmp_path: Path, source: str, line: int
) -> None:
    head = HEAD + "from playwright.async_api import expect as async_expect\n"
    head += "async def helper(page): ...\n"
    with site(SHOP) as it:
        seen = run(tmp_path, head + source, base_url=it.url)

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.SCRIPT)
    where = f"journey.py:{head.count(chr(10)) + line}: "
    assert seen.ended.message.startswith(where)
    assert seen.ended.message.endswith("was never awaited; write await before it")
