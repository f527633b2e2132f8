"""What holds for all tests."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Generator, Iterator

import pytest

# Who starts the tests in the background hands on that these are ignored; programs that tests end by them would not end.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)

LONG = 40  # bytes; longer ones say nothing as a test's name


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are named by their length: packed ones hold the second they were made in.

    Workers that collect in different seconds must find the same tests.
    """
    if isinstance(val, bytes) and len(val) > LONG:
        return f"{argname} of {len(val)} bytes"
    return None


@pytest.fixture(autouse=True)
def _logging_is_left_as_it_was() -> Iterator[None]:
    """A command that runs in this process sets up the log: whoever lets it must put that back."""
    root = logging.getLogger()
    before = root.level
    yield
    assert root.level == before, "the log's level is another one now; see tests/command.py"


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """`-n auto`: two more than there are processors, since many tests wait for a process or a limit."""
    found = yield
    return found if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else found + 2
