"""What do these checks see right now? `prober check`: one run each, no history, no alerts."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from difflib import get_close_matches
from pathlib import Path

from prober.clock import SystemClock
from prober.config.model import Config
from prober.errors import ConfigError, Problem
from prober.export.junit import Report
from prober.probes import AnyCheck, Means
from prober.probes.browsers import Browsers, Setup
from prober.pulse import Pulse
from prober.result import Assertion, Outcome, Result, Step, Visit
from prober.runner import Runner
from prober.stdout import say
from prober.units import show_duration
from prober.wire.network import Network

AT_ONCE = 8  # runs side by side: enough to be quick, few enough not to slow each other down
LISTED = 10  # names that a message lists
ENDING = (signal.SIGTERM, signal.SIGHUP)

_COLOURS = {Outcome.UP: "32", Outcome.DOWN: "31", Outcome.UNKNOWN: "33"}


async def run(
    config: Config, names: Sequence[str], *, as_json: bool, junit: Path | None = None
) -> int:
    """Runs the named checks (all, if none is named) and prints each; the exit code.

    SIGTERM and SIGHUP cancel it, so that what runs is ended and what lies about is removed.
    """
    chosen = _chosen(config, names)
    slots = asyncio.Semaphore(AT_ONCE)
    results: list[Result] = []
    with _ended_by_signals(), Report(junit) if junit else nullcontext() as report:
        async with _runner(config) as runner:

            async def one(check: AnyCheck) -> Result:
                async with slots:
                    return await runner.run(check)

            tasks = [asyncio.create_task(one(check)) for check in chosen]
            try:
                for check, task in zip(chosen, tasks, strict=True):
                    results.append(await task)
                    say(_shown(config, check, results[-1], as_json))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        if report:
            report.write(results)
    return _exit_code(results)


def _exit_code(results: Sequence[Result]) -> int:
    outcomes = {result.outcome for result in results}
    return 1 if Outcome.DOWN in outcomes else 3 if Outcome.UNKNOWN in outcomes else 0


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Raises SystemExit where one came."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine is always run by one
    came: list[int] = []

    def end(number: int) -> None:
        came.append(number)
        task.cancel()

    heeded = [one for one in ENDING if signal.getsignal(one) is not signal.SIG_IGN]  # as by nohup
    for number in heeded:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    except asyncio.CancelledError:
        if came:
            sys.exit(128 + came[0])
        raise
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _runner(config: Config) -> AsyncIterator[Runner]:
    """Journeys work in a temporary folder: data_dir may be a running agent's."""
    clock = SystemClock()
    network = Network(clock, resolver=config.agent.resolver)
    pulse = Pulse(clock, lambda lag: None)
    runs = Path(tempfile.gettempdir()) / f"prober-{secrets.token_hex(4)}"
    browsers = Browsers(clock, Setup(data_dir=config.agent.data_dir, runs=runs))
    browsers.configure(config.agent.browser, config.scrub)
    beating = asyncio.create_task(pulse.run())
    try:
        yield Runner(
            region=config.agent.region,
            clock=clock,
            means=Means(network, browsers),
            pulse=pulse,
            scrub=config.scrub,
        )
    finally:
        beating.cancel()
        network.close()
        with suppress(OSError):  # none was needed, or what is in it has been complained about
            runs.rmdir()


def _chosen(config: Config, names: Sequence[str]) -> list[AnyCheck]:
    """In the order of `names`, each once; one that has targets from files stands for all of them."""
    by_name = {check.name: check for check in config.checks}
    chosen: dict[str, AnyCheck] = {}
    unknown = []
    for name in names or by_name:
        found = (
            [name] if name in by_name else [one for one in by_name if one.startswith(f"{name}:")]
        )
        if not found:
            unknown.append(Problem("", 0, "", _nobody(name, list(by_name))))
        chosen |= {one: by_name[one] for one in found}
    if unknown:
        raise ConfigError(unknown)
    return list(chosen.values())


def _nobody(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    there = f"there are: {', '.join(known[:LISTED]) or 'none'}"
    if len(known) > LISTED:
        there += f" and {len(known) - LISTED} more"
    return f"no check is called {name!r}; {f'did you mean {close[0]}?' if close else there}"


def _shown(config: Config, check: AnyCheck, result: Result, as_json: bool) -> str:
    if as_json:
        return json.dumps(result.to_json())
    lines = [_report(result, config.scrub(check.target)), *_journey(result)]
    lines += [f"  {one.kind}: {config.agent.data_dir / one.path}" for one in result.evidence]
    return "\n".join(lines)


def _report(result: Result, target: str) -> str:
    """The run for people: verdict, phases, facts, and every assertion with its actual value."""
    head = f"{_coloured(result.outcome)} {result.check}  {show_duration(result.seconds)}  {target}"
    lines = [head]
    if result.message:
        lines.append(f"  {result.reason}: {result.message}")
    if result.attempts > 1:
        lines.append(f"  after {result.attempts} attempts")
    if result.phases:
        phases = (f"{name} {show_duration(seconds)}" for name, seconds in result.phases.items())
        lines.append("  " + " · ".join(phases))
    if result.values:
        read = (f"{name} = {value:.12g}" for name, value in result.values.items())
        lines.append("  " + " · ".join(read))
    lines += [_assertion(assertion) for assertion in result.finding.assertions]
    return "\n".join(lines)


def _assertion(assertion: Assertion) -> str:
    mark = "ok  " if assertion.ok else "FAIL"
    return f"  {mark} {assertion.what}: {assertion.actual} (expected {assertion.expected})"


def _journey(result: Result) -> Iterator[str]:
    for step in result.steps:
        yield _step(step)
    for visit in result.visits:
        yield _visit(visit)


def _step(step: Step) -> str:
    failed = "" if step.ok else f": {step.message}"
    return f"  {'ok  ' if step.ok else 'FAIL'} {step.name}  {show_duration(step.seconds)}{failed}"


def _visit(visit: Visit) -> str:
    """What the browser has reported; the rest is left out."""
    times = {"LCP": visit.lcp, "INP": visit.inp, "FCP": visit.fcp, "TTFB": visit.ttfb}
    said = [f"{name} {show_duration(took)}" for name, took in times.items() if took is not None]
    if visit.cls is not None:
        said.append(f"CLS {visit.cls:.4g}")
    return f"       {visit.page}: {' · '.join(said) or 'no vitals'}"


def _coloured(outcome: Outcome) -> str:
    word = f"{outcome.value:<7}"
    is_seen = sys.stdout is not None and sys.stdout.isatty()  # None: it was closed before we began
    return f"\033[{_COLOURS[outcome]}m{word}\033[0m" if is_seen else word
