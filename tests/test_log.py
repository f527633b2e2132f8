"""Log lines: one each, for people or programs, never with a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from prober import log
from prober.secret import Scrubber


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


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


def test_the_level_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("console", "warning")

    logging.getLogger("prober.x").info("quiet")

    assert capsys.readouterr().err == ""
