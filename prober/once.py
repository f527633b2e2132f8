"""What do these checks see right now? `prober check`: one run each, no history, no alerts."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence

from prober.clock import SystemClock
from prober.config.model import Config
from prober.errors import ConfigError, Problem
from prober.probes import AnyCheck
from prober.pulse import Pulse
from prober.result import Assertion, Outcome, Result
from prober.runner import Runner
from prober.units import show_duration
from prober.wire.network import Network

AT_ONCE = 8  # runs side by side: enough to be quick, few enough not to slow each other down

_COLOURS = {Outcome.UP: "32", Outcome.DOWN: "31", Outcome.UNKNOWN: "33"}


async def run(config: Config, names: Sequence[str], *, as_json: bool) -> int:
    """Runs the named checks (all, if none is named) and prints each; the exit code."""
    chosen = _chosen(config, names)
    clock = SystemClock()
    network = Network(clock, resolver=config.agent.resolver)
    pulse = Pulse(clock, lambda lag: None)
    beating = asyncio.create_task(pulse.run())
    runner = Runner(
        region=config.agent.region,
        clock=clock,
        network=network,
        pulse=pulse,
        scrub=config.scrub,
    )
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(check: AnyCheck) -> Result:
        async with slots:
            return await runner.run(check)

    tasks = [asyncio.create_task(one(check)) for check in chosen]
    outcomes = set()
    try:
        for check, task in zip(chosen, tasks, strict=True):
            result = await task
            outcomes.add(result.outcome)
            text = (
                json.dumps(result.to_json())
                if as_json
                else _report(result, config.scrub(check.target))
            )
            print(text, flush=True)
    finally:
        beating.cancel()
        network.close()
    return 1 if Outcome.DOWN in outcomes else 3 if Outcome.UNKNOWN in outcomes else 0


def _chosen(config: Config, names: Sequence[str]) -> list[AnyCheck]:
    by_name = {check.name: check for check in config.checks}
    known = ", ".join(by_name) or "none"
    unknown = [
        Problem("", 0, "", f"no check is called {name!r}; there are: {known}")
        for name in names
        if name not in by_name
    ]
    if unknown:
        raise ConfigError(unknown)
    return [by_name[name] for name in names] if names else list(config.checks)


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
    lines += [_assertion(assertion) for assertion in result.finding.assertions]
    return "\n".join(lines)


def _assertion(assertion: Assertion) -> str:
    mark = "ok  " if assertion.ok else "FAIL"
    return f"  {mark} {assertion.what}: {assertion.actual} (expected {assertion.expected})"


def _coloured(outcome: Outcome) -> str:
    word = f"{outcome.value:<7}"
    return f"\033[{_COLOURS[outcome]}m{word}\033[0m" if sys.stdout.isatty() else word
