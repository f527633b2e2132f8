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
            'Locator.click: Timeout 500ms exceeded (waiting for get_by_role("button", name="Buy"): '
            "resolved to <button disabled>Buy</button>)",
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
    assert told(group, None, HERE).endswith(": first of 2 failures: no button")


def test_of_a_group_of_one_no_number_is_told() -> None:
    group = raised(BaseExceptionGroup("g", [raised(AssertionError("no button"))]))

    assert "first of" not in told(group, None, HERE)


def wrapped(error: BaseException, inner: BaseException, *, is_said: bool = True) -> BaseException:
    """An exception that an author's code has raised while another one was handled."""
    raised(inner)
    if is_said:
        error.__cause__ = inner  # as `raise … from` does
    else:
        error.__context__ = inner
    return raised(error)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (wrapped(RuntimeError("sign in"), Error("no button")), "RuntimeError: sign in; caused by no button"),
        (wrapped(RuntimeError("sign in"), Error("no button"), is_said=False),
         "RuntimeError: sign in; caused by no button"),
        (wrapped(RuntimeError("a"), wrapped(KeyError("b"), wrapped(Error("c"), OSError("d")))),
         "RuntimeError: a; caused by c"),
        (wrapped(RuntimeError("a"), wrapped(KeyError("b"), OSError("d"))),
         "RuntimeError: a; caused by OSError: d"),
        (wrapped(RuntimeError("sign in: no button"), Error("no button")), "RuntimeError: sign in: no button"),
        (wrapped(RuntimeError("a"), AssertionError()),
         "RuntimeError: a; caused by an assertion failed: raise error"),
        (wrapped(RuntimeError("a"), BaseExceptionGroup("g", [Error("in a task")])),
         "RuntimeError: a; caused by in a task"),
        (wrapped(RuntimeError("a" * 500), Error("b" * 500)), f"RuntimeError: {'a' * 105}…; caused by bbb"),
        (wrapped(Error("the second"), Error("the first"), is_said=False), "the second"),
        (wrapped(RuntimeError("a"), KeyError("b"), is_said=False), "RuntimeError: a"),
    ],
    ids=["from", "no from", "the target's own", "the innermost", "quoted already", "a bare assertion",
         "a group", "bounded", "two of the target's", "how Python works"],
)  # fmt: skip
def test_what_is_behind_an_authors_own_exception_is_told(
    error: BaseException, message: str
) -> None:
    text = told(error, None, HERE).partition(": ")[2]

    assert text.startswith(message)
    assert len(text) == len(message) or "bbb" in message
    assert len(text) <= 300
    assert failed(error, text).reason is (
        Reason.STEP if isinstance(error, Error) else Reason.SCRIPT
    )


def test_exceptions_that_lead_in_a_circle_are_told() -> None:
    one, other = RuntimeError("one"), RuntimeError("other")
    one.__cause__, other.__cause__ = other, one

    assert told(one, None, HERE) == "RuntimeError: one; caused by RuntimeError: other"
