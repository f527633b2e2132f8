"""Log lines: one each, for people or programs, never with a secret."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from prober import log
from prober.secret import Scrubber

LONG = "x" * 5000  # more than the pipe below holds


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    every = logging.getLogger(log.EVERY_RUN)
    yield
    root.handlers[:], root.level = handlers, level
    every.setLevel(logging.NOTSET)


def test_json_lines_carry_the_extra_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("json", "info")

    logging.getLogger("prober.x").info("run of %s", "shop", extra={"check": "shop"})

    line = json.loads(capsys.readouterr().err)
    assert line["message"] == "run of shop"
    assert line["check"] == "shop"
    assert line["level"] == "info"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_secret_is_taken_out_of_message_and_traceback(
    log_format: log.LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    log.set_up(log_format, "info", Scrubber(["hunter22"]))

    try:
        raise ValueError("the password is hunter22")  # noqa: TRY301  # the traceback is the point
    except ValueError:
        logging.getLogger("prober.x").exception("failed with %s", "hunter22")

    said = capsys.readouterr().err
    assert "hunter22" not in said
    assert "ValueError" in said


def test_what_is_no_text_of_others_is_left_alone_however_short_a_secret_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.set_up("json", "info", Scrubber(["123", "prober", "20", 'pä"ss']))
    extra = {"duration_ms": 8123.5, "run_id": "ab123", "seen": ['pä"ss'], "reason": 'pä"ss 123'}

    logging.getLogger("prober.x").info("no %s", 'pä"ss', extra=extra)

    line = json.loads(capsys.readouterr().err)
    assert re.match(r"\d{4}-\d\d-", line.pop("timestamp"))
    assert line == {
        "level": "info",
        "message": "no ***",
        "logger": "prober.x",
        "duration_ms": 8123.5,
        "run_id": "ab123",
        "seen": "['***']",
        "reason": "*** ***",
    }


def test_the_level_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("console", "warning")

    logging.getLogger("prober.x").info("quiet")

    assert capsys.readouterr().err == ""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A small one, whose reading end nobody reads unless the test does."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield reading, writing
    for end in (reading, writing):
        with suppress(OSError):
            os.close(end)


def read(end: int, until: bytes) -> list[str]:
    """All lines there are, to the one that ends so."""
    found = b""
    while not found.endswith(until + b"\n"):
        found += os.read(end, 1 << 16)
    return found.decode().splitlines()


def blocked(stream: log.Behind) -> None:
    """The thread has a line, and sits there."""
    stream.write(f"{LONG}\n")
    until_taken(stream)


def until_taken(stream: log.Behind) -> None:
    while stream.waiting:
        stream.drain(0.01)


def test_what_is_not_known_is_left_out_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("json", "info")

    logging.getLogger("prober.x").info("run", extra={"reason": None, "attempts": 0})

    line = json.loads(capsys.readouterr().err)
    assert "reason" not in line
    assert line["attempts"] == 0


def test_lines_behind_come_in_their_order(pipe: tuple[int, int]) -> None:
    stream = log.Behind(pipe[1])

    for number in range(1000):
        stream.write(f"{number}\n")

    assert read(pipe[0], b"999") == [str(number) for number in range(1000)]
    assert stream.drain(20)


def test_nobody_waits_for_who_does_not_read_and_the_gap_says_how_many_are_missing(
    pipe: tuple[int, int],
) -> None:
    stream = log.Behind(pipe[1], lines=10)
    stream.left_out = "{} missing\n".format
    blocked(stream)

    for number in range(30):
        stream.write(f"{number}\n")

    assert not stream.drain(0.05)
    lines = read(pipe[0], b"20 missing")
    assert lines == [LONG, *map(str, range(10)), "20 missing"]
    stream.write("on\n")
    assert read(pipe[0], b"on") == ["on"]


def test_what_comes_after_a_gap_stands_behind_the_word_of_it(pipe: tuple[int, int]) -> None:
    stream = log.Behind(pipe[1], lines=2)
    stream.left_out = "{} missing\n".format
    blocked(stream)
    for number in range(4):
        stream.write(f"{number}{LONG}\n")
    left = len(LONG) + 1
    while left:  # so much that the thread has to take the next lines, and sits there
        left -= len(os.read(pipe[0], left))
    until_taken(stream)

    stream.write("on\n")

    assert read(pipe[0], b"on") == [f"0{LONG}", f"1{LONG}", "2 missing", "on"]


def test_a_pipe_that_does_not_block_gets_every_line(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    stream = log.Behind(pipe[1])
    for number in range(2000):
        stream.write(f"{number}\n")

    assert read(pipe[0], b"1999")[-3:] == ["1997", "1998", "1999"]


def test_a_stderr_that_was_closed_loses_lines_and_stops_nobody(pipe: tuple[int, int]) -> None:
    stream = log.Behind(pipe[1])
    os.close(pipe[0])

    stream.write("nobody\n")

    assert stream.drain(20)


def test_there_is_one_thread_however_often_it_is_set_up() -> None:
    before = threading.active_count()
    stderr = sys.__stderr__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", stderr)
        for log_format in ("json", "console", "json"):
            log.set_up(log_format, "error", behind=True)

    assert threading.active_count() == before + 1


def test_without_a_stderr_to_write_to_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    log.set_up("console", "info", behind=True)

    logging.getLogger("prober.x").debug("quiet")

    assert logging.getLogger().handlers


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_program_that_ends_has_said_everything(log_format: str) -> None:
    code = f"""
import logging
from prober import log
log.set_up({log_format!r}, "info", behind=True)
for number in range(3000):
    logging.getLogger("prober.x").info("line %d", number)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stderr
    assert said.count(b"\n") == 3000
    assert b"line 2999" in said.splitlines()[-1]
