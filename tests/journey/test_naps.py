from __future__ import annotations

import textwrap
import time

import pytest

from prober.journey.defs import definition
from prober.journey.naps import naps
from tests.journey.test_needs import function

NAMES = {"time": time, "clock": time, "sleep": time.sleep, "page": object()}
BLOCKING = {
    "plainly": "time.sleep(1)",
    "under another name": "clock.sleep(1)",
    "by the function itself": "sleep(1)",
    "in a step": "with step('a'):\n    time.sleep(1)",
    "in a function of its own": "def wait():\n    time.sleep(1)\nwait()",
    "imported here": "import time as t\nt.sleep(1)",
    "the function imported here": "from time import monotonic, sleep as nap\nnap(1)",
}
ELSE = {
    "of Playwright": "page.wait_for_timeout(1000)",
    "of asyncio": "asyncio.sleep(1)",
    "another of the module": "time.monotonic()",
    "of its own name": "sleep = page.wait_for_timeout\nsleep(1)",
    "of its argument": "def wait(sleep):\n    sleep(1)",
    "not called": "wait(time.sleep)",
    "of another module imported here": "from asyncio import sleep as pause\npause(1)",
    "of what is returned": "clocks()[0].sleep(1)",
}


@pytest.mark.parametrize("case", BLOCKING)
def test_a_journey_that_sleeps_is_found(case: str) -> None:
    assert len(naps(function(BLOCKING[case]), NAMES)) == 1


@pytest.mark.parametrize("case", ELSE)
def test_whatever_else_it_does_is_no_sleep(case: str) -> None:
    assert naps(function(ELSE[case]), NAMES) == ()


def test_every_line_is_told_in_order() -> None:
    body = textwrap.dedent("""
        if page:
            time.sleep(2)
        sleep(1)
    """).strip()

    assert naps(function(body), NAMES) == (3, 4)


def test_of_a_function_that_is_imported_its_own_lines_are_told() -> None:
    found = definition(_napping)

    assert found is not None
    assert naps(found, _napping.__globals__) == (found.lineno + 1,)


def _napping() -> None:
    time.sleep(0)
