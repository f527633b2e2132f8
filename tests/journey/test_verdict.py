from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Error

from prober.journey.tried import Tried
from prober.journey.verdict import failed, told
from prober.journey.where import Authors
from prober.result import Reason

HERE = Authors(Path(__file__))
LOG = """Locator.click: Timeout 500ms exceeded.
Call log:
\x1b[2m  - waiting for get_by_role("button", name="Buy")\x1b[22m
\x1b[2m    - locator resolved to <button disabled>Buy</button>\x1b[22m
"""
EXPECTED = """Locator expected to have text 'b'
Actual value: a
Aria snapshot of the page: - heading "secret things"
Call log:
  - Expect "to_have_text" with timeout 100ms
  - waiting for get_by_role("heading")
"""
LAUNCH = """BrowserType.launch: Executable doesn't exist at /x
╔════════╗
║ Please run: ║
║     playwright install ║
╚════════╝"""


def raised(error: BaseException) -> BaseException:
    with Tried() as tried:
        raise error
    assert tried.error is error
    return error


@pytest.mark.parametrize(
    ("error", "reason", "message"),
    [
        (
            Error(LOG),
            Reason.STEP,
            'Locator.click: Timeout 500ms exceeded (waiting for get_by_role("button", name="Buy"))',
        ),
        (
            AssertionError(EXPECTED),
            Reason.STEP,
            "Locator expected to have text 'b'; Actual value: a "
            '(waiting for get_by_role("heading"))',
        ),
        (
            Error(LAUNCH),
            Reason.STEP,
            "BrowserType.launch: Executable doesn't exist at /x; Please run:; playwright install",
        ),
        (AssertionError(), Reason.STEP, "an assertion failed: raise error"),
        (
            ZeroDivisionError("division by zero"),
            Reason.SCRIPT,
            "ZeroDivisionError: division by zero",
        ),
        (KeyboardInterrupt(), Reason.SCRIPT, "KeyboardInterrupt"),
    ],
    ids=["action", "expectation", "picture frame", "bare assertion", "own error", "interrupt"],
)
def test_what_is_said_of_an_exception_is_one_line(
    error: BaseException, reason: Reason, message: str
) -> None:
    text = told(raised(error), "pay", HERE)

    assert text.partition(": ")[2] == f"step 'pay': {message}"
    assert text.startswith("test_verdict.py:")
    assert failed(error, text).reason is reason


def test_a_long_message_is_cut() -> None:
    text = told(raised(Error("x" * 1000)), None, HERE)

    assert len(text) == 300
    assert text.endswith("x…")


def test_what_was_installed_beside_a_script_is_not_the_authors() -> None:
    shop = Authors(Path("/shop/journeys/order.py"))

    assert shop.wrote("/shop/journeys/order.py")
    assert shop.wrote("/shop/journeys/pages/cart.py")
    assert not shop.wrote("/shop/journeys/.venv/lib/python3.11/site-packages/playwright/x.py")
    assert not shop.wrote("/shop/other.py")
    assert not Authors(Path("/x.py")).wrote(json.__file__)


def test_of_a_group_of_tasks_the_first_failure_is_told() -> None:
    inner = raised(AssertionError("no button"))
    group = raised(BaseExceptionGroup("g", [BaseExceptionGroup("h", [inner]), KeyError("x")]))

    assert failed(group, "").reason is Reason.STEP
    assert told(group, None, HERE).endswith(": no button")
