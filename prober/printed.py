"""What does a person at a terminal read of a run?"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from prober.medians import Median
from prober.result import Assertion, Evidence, Outcome, Result, Step, Visit
from prober.secret import Scrubber
from prober.units import show_duration

LONGEST = 1 << 16  # bytes of a line that are waited for
_COLOURS = {Outcome.UP: "32", Outcome.DOWN: "31", Outcome.UNKNOWN: "33"}
_FLAGS = {
    "no_interaction": "nothing was clicked or typed",
    "contended": "another journey ran beside it",
    "stopped_by_input": "an input ended LCP early",
    "remote": "a remote browser",
    "throttled": "a slowed network",
    "unverified": "not a headless shell: INP may be wrong",
}
_GOOD = {"LCP": 2.5, "INP": 0.2, "CLS": 0.1}  # Google's; beyond them it is worth a line why
_WHY = {
    "LCP": ("lcp_element", "lcp_url"),
    "CLS": ("cls_source",),
    "INP": ("inp_event", "inp_target", "inp_script"),
}


class Echo:
    """Shows what an author's script prints, as it comes and without secrets, on stderr."""

    def __init__(self, scrub: Scrubber) -> None:
        self._scrub = scrub
        self._rest = b""

    def __call__(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._say(*lines)
        if len(self._rest) > LONGEST:
            self.end()

    def end(self) -> None:
        """Says what was no whole line."""
        rest, self._rest = self._rest, b""
        if rest:
            self._say(rest)

    def _say(self, *lines: bytes) -> None:
        if sys.stderr is not None:
            for line in lines:
                print(self._scrub(line.decode(errors="replace")), file=sys.stderr, flush=True)


def report(result: Result, target: str, data_dir: Path) -> str:
    """Verdict, phases, facts, every assertion with its actual value, and what a journey saw."""
    lines = [head(result, target), *_about(result)]
    lines += map(_assertion, result.finding.assertions)
    lines += _journey(result)
    for one in result.evidence:
        lines += _evidence(one, data_dir)
    return "\n".join(lines)


def head(result: Result, target: str) -> str:
    degraded = "  degraded" if result.degraded else ""
    took = show_duration(result.seconds)
    return f"{_coloured(result.outcome)} {result.check}  {took}{degraded}  {target}"


def table(check: str, found: Sequence[Median]) -> str:
    """The medians of a check's runs beside their limits."""
    rows = [f"  {_mark(one.budget.ok)} {one.budget}  ({_spread(one.runs)})" for one in found]
    return "\n".join(
        [f"medians of {check}", *(rows or ["  nothing was measured that has a budget"])]
    )


def _spread(runs: Sequence[float]) -> str:
    if len(runs) == 1:
        return "1 run"
    return f"{len(runs)} runs, {min(runs):.3g} to {max(runs):.3g}"


def _about(result: Result) -> Iterator[str]:
    if result.message:
        yield f"  {result.reason}: {result.message}"
    if result.attempts > 1:
        yield f"  after {result.attempts} attempts"
    if result.phases:
        phases = (f"{name} {show_duration(seconds)}" for name, seconds in result.phases.items())
        yield "  " + " · ".join(phases)
    if result.values:
        read = (f"{name} = {value:.12g}" for name, value in result.values.items())
        yield "  " + " · ".join(read)


def _assertion(assertion: Assertion) -> str:
    return (
        f"  {_mark(assertion.ok)} {assertion.what}: {assertion.actual}"
        f" (expected {assertion.expected})"
    )


def _journey(result: Result) -> Iterator[str]:
    yield from map(_step, result.steps)
    if result.skipped:
        yield f"       not reached: {', '.join(result.skipped)}"
    broken = {(one.budget, one.page) for one in result.budgets if not one.ok}
    for visit in result.visits:
        yield _visit(visit)
        for name in _GOOD:
            if (name.lower(), visit.page) in broken or _is_poor(visit, name):
                yield from _why(visit, name)
    yield from (f"  {_mark(one.ok)} budget {one}" for one in result.budgets)


def _step(step: Step) -> str:
    failed = "" if step.ok else f": {step.message}"
    return f"  {_mark(step.ok)} {step.name}  {show_duration(step.seconds)}{failed}"


def _visit(visit: Visit) -> str:
    """What the browser has reported; the rest is left out."""
    times = {"LCP": visit.lcp, "INP": visit.inp, "FCP": visit.fcp, "TTFB": visit.ttfb}
    said = [f"{name} {show_duration(took)}" for name, took in times.items() if took is not None]
    if visit.cls is not None:
        said.append(f"CLS {visit.cls:.4g}")
    counts = {"JS error": visit.js_errors, "failed request": visit.failed_requests}
    said = [*(said or ["no vitals"]), *(_several(n, what) for what, n in counts.items() if n)]
    flags = [_FLAGS.get(flag, flag) for flag in visit.quality]
    noted = f"  ({'; '.join(flags)})" if flags else ""
    return f"       {visit.page}: {' · '.join(said)}{noted}"


def _several(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _is_poor(visit: Visit, name: str) -> bool:
    value = {"LCP": visit.lcp, "INP": visit.inp, "CLS": visit.cls}[name]
    return value is not None and value > _GOOD[name]


def _why(visit: Visit, name: str) -> Iterator[str]:
    causes = [str(visit.attribution[key]) for key in _WHY[name] if key in visit.attribution]
    if causes:
        yield f"         {name}: {' · '.join(causes)}"


def _evidence(one: Evidence, data_dir: Path) -> Iterator[str]:
    path = data_dir / one.path
    yield f"  {one.kind}: {path}"
    if one.kind == "trace":
        python = shlex.quote(sys.executable)  # `playwright` alone may not be on the PATH
        yield f"         open it: {python} -m playwright show-trace {shlex.quote(str(path))}"


def _mark(ok: bool) -> str:
    return "ok  " if ok else "FAIL"


def _coloured(outcome: Outcome) -> str:
    word = f"{outcome.value:<7}"
    is_seen = sys.stdout is not None and sys.stdout.isatty()  # None: it was closed before we began
    return f"\033[{_COLOURS[outcome]}m{word}\033[0m" if is_seen else word
