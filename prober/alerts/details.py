"""What did a failed run find, besides its message? Texts for people, by the annotation they become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.result import Assertion, Result
from prober.secret import CUT
from prober.units import show_duration

# Of these every run has its own: they are no news by themselves, or every failure were written down.
VOLATILE = frozenset({"actual", "phases", "trace_id"})
OURS = VOLATILE | {"step", "assertion", "expected"}
LONGEST = 300  # characters of one text


def of(result: Result) -> Mapping[str, str]:
    """Of a run that failed; what there is not is left out."""
    return {name: _cut(text) for name, text in _found(result) if text}


def newest(known: Mapping[str, str], result: Result, *, same: bool) -> Mapping[str, str]:
    """`known` with what `result` found; itself where nothing is new but what is new each time.

    `same` says that the run failed with the words of the one before.
    """
    found = of(result)
    told = {name: text for name, text in known.items() if name in OURS}
    if same and _steady(told) == _steady(found):
        return known
    others = {name: text for name, text in known.items() if name not in OURS}
    return {**others, **found}


def _found(result: Result) -> Iterator[tuple[str, str]]:
    failed = next((step for step in result.steps if not step.ok), None)
    yield "step", failed.name if failed else ""
    missed = next((one for one in result.finding.assertions if not one.ok), None)
    if missed is not None:
        yield from _missed(missed)
    took = [f"{phase} {show_duration(seconds)}" for phase, seconds in result.phases.items()]
    yield "phases", ", ".join(took)
    yield "trace_id", _trace_id(result.traceparent)


def _missed(one: Assertion) -> Iterator[tuple[str, str]]:
    yield "assertion", one.what
    yield "expected", one.expected
    yield "actual", one.actual


def _trace_id(traceparent: str) -> str:
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""


def _steady(found: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in found.items() if name not in VOLATILE}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + CUT
