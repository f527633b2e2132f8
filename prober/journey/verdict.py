"""What does the way in which a journey ended say of the target?"""

from __future__ import annotations

import linecache
from dataclasses import dataclass

from playwright.async_api import Error

from prober.journey.forgotten import NeverRan
from prober.journey.where import Authors, Place, cut, said
from prober.result import Outcome, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    outcome: Outcome
    reason: Reason | None = None
    message: str = ""


UP = Verdict(outcome=Outcome.UP)


def no_browser(message: str) -> Verdict:
    return Verdict(outcome=Outcome.UNKNOWN, reason=Reason.BROWSER, message=cut(message))


def no_script(message: str) -> Verdict:
    return Verdict(outcome=Outcome.UNKNOWN, reason=Reason.SCRIPT, message=cut(message))


def timed_out(told: str) -> Verdict:
    return Verdict(outcome=Outcome.DOWN, reason=Reason.TIMEOUT, message=told)


def failed(error: BaseException, told: str) -> Verdict:
    expected = isinstance(innermost(error), Error | AssertionError)
    reason = Reason.STEP if expected else Reason.SCRIPT
    return Verdict(outcome=Outcome.DOWN, reason=reason, message=told)


def innermost(error: BaseException) -> BaseException:
    """The first of those that a group of tasks has raised, and what it says; else itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def told(
    error: BaseException, step: str | None, authors: Authors, *, late: float | None = None
) -> str:
    """The author's line, the step, and what went wrong; `late`: the seconds that were not enough."""
    outer, error = error, innermost(error)
    place = authors.place(error.__traceback__) or authors.place(outer.__traceback__)
    if isinstance(error, NeverRan):
        place = error.place or place
    if late is not None:
        what = f"not done within {late:g} s"
    elif isinstance(error, NeverRan):
        what = str(error)
    elif isinstance(error, Error | AssertionError):
        what = said(error) or _asserted(place)
    else:
        what = f"{type(error).__name__}: {said(error)}" if str(error) else type(error).__name__
    where = authors.short(place) if place else ""
    during = f"step {step!r}" if step else ""
    return cut(": ".join(filter(None, (where, during, what))))


def _asserted(place: Place | None) -> str:
    """What an `assert` without words has to say: its line."""
    line = linecache.getline(place.file, place.line).strip() if place else ""
    return f"an assertion failed: {line}" if line else "an assertion failed"
