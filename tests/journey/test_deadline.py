"""Whatever hangs, the process has said its last word in time, and shows what was to be seen."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from prober.result import Outcome, Reason
from tests.journey.running import LAST_WORD, Run, children, run

PAGE = "data:text/html,<h1>stuck</h1>"
HEAD = f"""
import asyncio, threading, time
from prober.journey import journey

def told():  # once the journey hangs
    threading.Timer(0.2, print, ["stuck"], {{"flush": True}}).start()

PAGE = {PAGE!r}
"""
SYNC = """
@journey
def stuck(page, step):
    page.goto(PAGE)
    with step("hang"):
        told()
        BODY
"""
ASYNC = """
@journey
async def stuck(page, step):
    await page.goto(PAGE)
    async with step("hang"):
        told()
        BODY
"""
LATE = 3.0  # seconds that a noisy machine may add


def stuck(
    folder: Path, template: str, body: str, meddle: Callable[[int], None] | None = None
) -> Run:
    source = HEAD + template.replace("BODY", body.replace("\n", "\n        "))
    return run(folder, source, deadline_on="stuck", meddle=meddle or (lambda pid: None))


@pytest.mark.parametrize(
    ("template", "body", "line"),
    [
        (SYNC, "while True: pass", 15),
        (SYNC, "time.sleep(999)", 15),
        (SYNC, "page.evaluate('() => { while (true); }')", 15),
        (ASYNC, "while True: pass", 15),
        (ASYNC, "await page.evaluate('() => { while (true); }')", 15),
    ],
    ids=["spin", "sleep", "script", "async spin", "async script"],
)
def test_a_stuck_journey_is_down_at_the_line_where_it_hangs_with_a_picture(
    tmp_path: Path, template: str, body: str, line: int
) -> None:
    seen = stuck(tmp_path, template, body)

    where = f"journey.py:{line}: step 'hang': not done within 20 s"
    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.TIMEOUT)
    assert seen.ended.message == seen.steps["hang"].message == where
    assert not seen.steps["hang"].ok
    assert "screenshot.png" in seen.kept
    assert seen.code == 0
    assert seen.took < LAST_WORD + LATE
    assert seen.visits["data"].fcp is not None


def test_a_page_that_hangs_when_all_is_done_changes_no_verdict(tmp_path: Path) -> None:
    source = HEAD + SYNC.replace("BODY", "page.evaluate('setTimeout(() => { while (true); })')")

    seen = run(tmp_path, source.replace("    told()\n", ""))

    assert (seen.ended.outcome, seen.ended.message) == (Outcome.UP, "")
    assert seen.steps["hang"].ok
    assert seen.took < LAST_WORD + LATE
    assert seen.visits["data"].fcp is not None


@pytest.mark.parametrize(
    ("template", "body"),
    [
        (
            SYNC,
            "while True:\n    try: page.wait_for_timeout(99999)\n    except BaseException: pass",
        ),
        (ASYNC, "while True:\n    try: await asyncio.sleep(999)\n    except: pass"),
    ],
    ids=["sync", "async"],
)
def test_a_journey_that_swallows_its_deadline_is_given_up(
    tmp_path: Path, template: str, body: str
) -> None:
    seen = stuck(tmp_path, template, body)

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.TIMEOUT)
    assert "step 'hang': not done within 20 s" in seen.ended.message
    assert list(seen.steps) == ["hang"]
    assert "screenshot.png" in seen.kept
    assert seen.code == 0


def stop(*what: str) -> Callable[[int], None]:
    def meddle(pid: int) -> None:
        for child, command in children(pid).items():
            if any(one in command for one in what):
                os.kill(child, signal.SIGSTOP)

    return meddle


def kill_driver(pid: int) -> None:
    for child, command in children(pid).items():
        if "run-driver" in command:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    ("template", "body", "meddle"),
    [
        (SYNC, "page.wait_for_timeout(99999)", stop("headless")),
        (ASYNC, "await page.wait_for_timeout(99999)", stop("run-driver")),
        (SYNC, "time.sleep(999)", kill_driver),
    ],
    ids=["browser", "driver", "killed driver"],
)
def test_a_browser_that_does_not_answer_is_no_fault_of_the_target(
    tmp_path: Path, template: str, body: str, meddle: Callable[[int], None]
) -> None:
    seen = stuck(tmp_path, template, body, meddle)

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.UNKNOWN, Reason.BROWSER)
    assert "step 'hang'" in seen.ended.message
    assert seen.code == 0
    assert seen.took < LAST_WORD + LATE


def test_a_journey_that_never_lets_go_of_the_loop_still_has_a_verdict(tmp_path: Path) -> None:
    seen = stuck(tmp_path, ASYNC, "while True:\n    try: time.sleep(999)\n    except: pass")

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.TIMEOUT)
    assert seen.code == 0
    assert seen.took < LAST_WORD + LATE


def test_an_event_handler_that_hangs_is_ended_too(tmp_path: Path) -> None:
    body = (
        "def forever(message):\n    told()\n    while True: pass\n"
        "page.on('console', forever)\npage.evaluate('() => console.log(1)')\ntime.sleep(999)"
    )
    seen = stuck(tmp_path, SYNC.replace("        told()\n", ""), body)

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.TIMEOUT)
    assert "screenshot.png" in seen.kept
    assert seen.code == 0


SOFT = """
    with step("banner", soft=True):
        assert False, "no banner"
"""
HANGS = "page.wait_for_timeout(99999)"
STUBBORN = "while True:\n    try: time.sleep(999)\n    except BaseException: pass"


@pytest.mark.parametrize(
    ("template", "body"),
    [(SYNC, HANGS), (ASYNC, f"await {HANGS}"), (ASYNC, STUBBORN)],
    ids=["sync", "async", "never let go"],
)
def test_what_failed_before_the_deadline_is_the_first_cause(
    tmp_path: Path, template: str, body: str
) -> None:
    template = template.replace("goto(PAGE)\n", f"goto(PAGE)\n{SOFT}", 1)
    seen = stuck(tmp_path, template, body)

    banner, hang = seen.steps["banner"], seen.steps["hang"]
    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.STEP)
    assert seen.ended.message == banner.message
    assert banner.message.endswith("step 'banner': no banner")
    assert (banner.soft, hang.soft) == (Reason.STEP, None)
    assert hang.message.endswith("step 'hang': not done within 20 s")
    assert seen.ended.seconds is not None
    assert seen.ended.seconds >= hang.seconds > 0.1  # it is asked to end after 0.2 s


def test_what_a_handler_raised_before_the_deadline_is_the_first_cause(tmp_path: Path) -> None:
    body = "page.on('console', lambda one: 1 / 0)\npage.evaluate('() => console.log(1)')\n"
    body += "try: page.title()\nexcept ZeroDivisionError: pass\ntime.sleep(999)"
    seen = stuck(tmp_path, SYNC, body)

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.SCRIPT)
    assert seen.ended.message == "journey.py:15: ZeroDivisionError: division by zero"


def test_what_the_deadline_made_of_a_soft_step_is_the_deadlines(tmp_path: Path) -> None:
    template = SYNC.replace('step("hang")', 'step("hang", soft=True)')
    body = "try: time.sleep(999)\nexcept BaseException: raise ValueError('mine') from None"
    seen = stuck(tmp_path, template, body)

    assert (seen.ended.outcome, seen.ended.reason) == (Outcome.DOWN, Reason.TIMEOUT)
    assert seen.steps["hang"].soft is None
