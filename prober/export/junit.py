"""What do runs look like to a CI system? JUnit's XML: a test case for each check.

A check that is down is a failure, and so is one that is up and broke a budget;
one that is unknown is an error. What targets send may hold anything; XML may
not, so what it cannot have stands as `\\x07`.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from prober.errors import ProberError, StartError
from prober.result import Assertion, Outcome, Result, Step
from prober.units import rfc3339, show_duration

_UNFIT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ONCE: Mapping[str, int] = {}
_TAGS = {Outcome.DOWN: "failure", Outcome.UNKNOWN: "error"}


class Report:
    """A file that has the whole document or, if we do not come to `write`, what it had before.

    Entering raises StartError where it cannot be written, before anything is run for it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # A pipe or a device cannot be replaced, and need not be: nobody has read half of it before.
        self._replaces = not path.exists() or path.is_file()
        self._place = self._draft = path
        if self._replaces:
            self._place = Path(os.path.realpath(path))  # also of a link to itself
            self._draft = self._place.with_name(f".{self._place.name}.{secrets.token_hex(4)}")

    def __enter__(self) -> Self:
        try:
            self._file: BinaryIO = self._open()
        except (OSError, ValueError) as error:
            raise StartError(self._said(error)) from None
        return self

    def __exit__(self, *raised: object) -> None:
        with suppress(OSError):  # what could not be written has been said
            self._file.close()
        if self._replaces:
            self._draft.unlink(missing_ok=True)

    def write(self, results: Sequence[Result], runs: Mapping[str, int] = ONCE) -> None:
        try:
            self._file.write(document(results, runs))
            self._file.close()
            if self._replaces:
                os.replace(self._draft, self._place)
        except OSError as error:
            raise ProberError(self._said(error)) from None

    def _open(self) -> BinaryIO:
        return self._draft.open("xb" if self._replaces else "wb")

    def _said(self, error: OSError | ValueError) -> str:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return f"--junit {self._path} cannot be written: {why.lower()}"


def document(results: Sequence[Result], runs: Mapping[str, int] = ONCE) -> bytes:
    """The whole file, in the order of `results`. `runs` of a check, if one result tells of several."""
    root = Element("testsuites", _totals(results))
    suite = SubElement(root, "testsuite", _totals(results) | {"skipped": "0"})
    if results:
        suite.set("timestamp", rfc3339(min(one.started_at for one in results)))
        suite.set("hostname", _fit(results[0].region))
    for result in results:
        _case(suite, result, runs.get(result.check, 1))
    indent(root)
    whole: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return whole + b"\n"


def _totals(results: Sequence[Result]) -> dict[str, str]:
    tags = [_tag(result) for result in results]
    return {
        "name": "prober",
        "tests": str(len(results)),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
        "time": _seconds(sum(result.seconds for result in results)),
    }


def _tag(result: Result) -> str | None:
    return "failure" if result.degraded else _TAGS.get(result.outcome)


def _case(suite: Element, result: Result, runs: int) -> None:
    about = {"classname": result.kind, "name": result.check, "time": _seconds(result.seconds)}
    case = SubElement(suite, "testcase", {name: _fit(text) for name, text in about.items()})
    tag, body = _tag(result), _fit("\n".join((*_of(result, runs), *_body(result))))
    if tag is not None:
        what = {"message": result.message, "type": result.reason or ""}
        if result.degraded:
            what = {"message": _broken(result), "type": "budget"}
        SubElement(case, tag, {name: _fit(text) for name, text in what.items()}).text = body
    elif body:
        SubElement(case, "system-out").text = body


def _of(result: Result, runs: int) -> Iterator[str]:
    """Which of several runs is told of."""
    if runs > 1:
        which = f"the last of {runs} runs"
        if result.outcome is Outcome.UP:
            yield f"{which}; the time of all of it and the budgets are medians"
        else:
            yield f"{which} that is {result.outcome}; the budgets are medians"


def _body(result: Result) -> Iterator[str]:
    """All that a person wants to know who sees nothing else."""
    if result.message:
        yield f"{result.reason}: {result.message}"
    if result.attempts > 1:
        yield f"after {result.attempts} attempts"
    if result.phases:
        yield ", ".join(f"{name} {show_duration(took)}" for name, took in result.phases.items())
    yield from map(_assertion, result.finding.assertions)
    yield from map(_step, result.steps)
    yield from (f"skipped step {name}" for name in result.skipped)
    yield from (f"{_mark(one.ok)} budget {one}" for one in result.budgets)
    yield from (f"{one.kind}: {one.path}" for one in result.evidence)


def _assertion(one: Assertion) -> str:
    return f"{_mark(one.ok)} {one.what}: {one.actual} (expected {one.expected})"


def _step(step: Step) -> str:
    said = f": {step.message}" if step.message else ""
    return f"{_mark(step.ok)} step {step.name}, {show_duration(step.seconds)}{said}"


def _mark(ok: bool) -> str:
    return "ok" if ok else "FAIL"


def _broken(result: Result) -> str:
    return "; ".join(str(one) for one in result.budgets if not one.ok)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _fit(text: str) -> str:
    return _UNFIT.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
