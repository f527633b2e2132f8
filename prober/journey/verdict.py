"""What does the way in which a journey ended say of the target?"""

from __future__ import annotations

import linecache
from dataclasses import dataclass

from playwright.async_api import Error

from prober.journey.forgotten import NeverRan
from prober.journey.where import Authors, Place, cut, said
from prober.result import Outcome, Reason

TARGETS = (Error, AssertionError)  # what a target that is not as it should be brings about
BESIDE_CAUSE = 120  # characters of what was raised where something is behind it


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
    expected = isinstance(innermost(error), TARGETS)
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
    else:
        what = _many(outer) + _with_cause(error, _what(error, place), authors)
    where = authors.short(place) if place else ""
    during = f"step {step!r}" if step else ""
    return cut(": ".join(filter(None, (where, during, what))))


def _many(error: BaseException) -> str:
    count = _count(error)
    return f"first of {count} failures: " if count > 1 else ""


def _count(error: BaseException) -> int:
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return sum(map(_count, inner)) or 1


def _what(error: BaseException, place: Place | None) -> str:
    if isinstance(error, NeverRan):
        return str(error)
    if isinstance(error, TARGETS):
        return said(error) or _asserted(place)
    return f"{type(error).__name__}: {said(error)}" if str(error) else type(error).__name__


def _with_cause(error: BaseException, what: str, authors: Authors) -> str:
    behind = cause(error)
    told = _what(behind, authors.place(behind.__traceback__)) if behind is not None else ""
    if not told or told in what:  # most who wrap an exception quote it
        return what
    return f"{cut(what, BESIDE_CAUSE)}; caused by {told}"


def cause(error: BaseException) -> BaseException | None:
    """What is behind an exception: the innermost, but rather one that the target has brought about.

    One that was under way when the author's code raised another counts without
    `from` where it is such a one and the other is not.
    """
    chain = [error]
    while (inner := _behind(chain[-1])) is not None and inner not in chain:
        chain.append(inner)
    behind = chain[1:]
    targets = [one for one in behind if isinstance(one, TARGETS)]
    return next(reversed(targets or behind), None)


def _behind(error: BaseException) -> BaseException | None:
    context = error.__context__
    if error.__cause__ is not None or error.__suppress_context__:
        return innermost(error.__cause__) if error.__cause__ is not None else None
    return context if isinstance(context, TARGETS) and not isinstance(error, TARGETS) else None


def _asserted(place: Place | None) -> str:
    """What an `assert` without words has to say: its line."""
    line = linecache.getline(place.file, place.line).strip() if place else ""
    return f"an assertion failed: {line}" if line else "an assertion failed"
