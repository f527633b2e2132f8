"""What do these checks see right now? `prober check`: one run each, no history, no alerts."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from prober import printed
from prober.clock import SystemClock
from prober.config.listing import looked
from prober.config.model import Config
from prober.errors import ConfigError, Problem, StartError
from prober.export.junit import Report
from prober.medians import as_one, medians
from prober.probes import AnyCheck, Means
from prober.probes.browsers import Browsers, Setup
from prober.probes.journey_budgets import Budgets
from prober.probes.journey_settings import JourneyCheck
from prober.probes.play import UNATTENDED, Play
from prober.pulse import Pulse
from prober.rehearsal import rehearsed
from prober.result import Outcome, Result
from prober.runner import Runner
from prober.stdout import say
from prober.wire.network import Network

AT_ONCE = 8  # runs side by side: enough to be quick, few enough not to slow each other down
LISTED = 10  # names that a message lists
ENDING = (signal.SIGTERM, signal.SIGHUP)

DEBUGGING = 86400.0  # seconds that a journey may take while its author looks into it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How the checks are to be run; with `budgets`, so many times, and the medians are judged."""

    as_json: bool = False
    junit: Path | None = None
    play: Play = UNATTENDED
    budgets: int = 0


async def run(config: Config, names: Sequence[str], wish: Wish) -> int:
    """Runs the named checks (all, if none is named) and prints each; the exit code.

    SIGTERM and SIGHUP cancel it, so that what runs is ended and what lies about is removed.
    """
    chosen = _fit(_chosen(config, names), wish)
    results: dict[str, list[Result]] = {check.name: [] for check in chosen}
    with _ended_by_signals(), Report(wish.junit) if wish.junit else nullcontext() as report:
        async with (
            _runner(config, wish) as runner,
            aclosing(_runs(runner, chosen, wish)) as runs,
        ):
            async for check, result in runs:
                results[check.name].append(result)
                say(_shown(config, check, result, wish))
        if wish.budgets and not wish.as_json:
            for check in filter(_has_budgets, chosen):
                say(printed.table(check.name, medians(results[check.name])))
        each = [as_one(several) if wish.budgets else several[0] for several in results.values()]
        if report:
            report.write(each, {name: len(several) for name, several in results.items()})
    return _exit_code(each, wish)


def rehearse(config: Config, names: Sequence[str], wish: Wish) -> int:
    """Prints what `run` would do; the exit code."""
    chosen = _fit(_chosen(config, names), wish)
    found = looked({check.journey.parts for check in chosen if isinstance(check, JourneyCheck)})
    for check in chosen:
        said = rehearsed(check, found, scrub=config.scrub, play=wish.play, env=os.environ)
        say(json.dumps(said.to_json()) if wish.as_json else str(said))
    return 0


def _exit_code(results: Sequence[Result], wish: Wish) -> int:
    outcomes = {result.outcome for result in results}
    broken = wish.budgets and not all(one.ok for result in results for one in result.budgets)
    return 1 if broken or Outcome.DOWN in outcomes else 3 if Outcome.UNKNOWN in outcomes else 0


def _runs(
    runner: Runner, chosen: Sequence[AnyCheck], wish: Wish
) -> AsyncGenerator[tuple[AnyCheck, Result], None]:
    return _in_turn(runner, chosen, wish.budgets) if wish.budgets else _at_once(runner, chosen)


async def _in_turn(
    runner: Runner, chosen: Sequence[AnyCheck], times: int
) -> AsyncGenerator[tuple[AnyCheck, Result], None]:
    """One by one: what runs beside a journey would be measured with it."""
    for check in chosen:
        for _ in range(times if _has_budgets(check) else 1):
            yield check, await runner.run(check)


async def _at_once(
    runner: Runner, chosen: Sequence[AnyCheck]
) -> AsyncGenerator[tuple[AnyCheck, Result], None]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(check: AnyCheck) -> Result:
        async with slots:
            return await runner.run(check)

    tasks = [asyncio.create_task(one(check)) for check in chosen]
    try:
        for check, task in zip(chosen, tasks, strict=True):
            yield check, await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _fit(chosen: list[AnyCheck], wish: Wish) -> list[AnyCheck]:
    """As they are run. Raises StartError where what is wished makes no sense with them."""
    if wrong := _wrong(chosen, wish):
        raise StartError(wrong)
    if wish.play.debug:
        return [one.model_copy(update={"timeout": DEBUGGING, "retries": 0}) for one in chosen]
    return chosen


def _wrong(chosen: Sequence[AnyCheck], wish: Wish) -> str | None:
    play, journeys = wish.play, [one for one in chosen if isinstance(one, JourneyCheck)]
    if play.debug and (len(chosen), len(journeys)) != (1, 1):
        return "--debug is for one journey; name it: prober check NAME --debug"
    if play != UNATTENDED and not journeys:
        return "--headed and --slow-mo are for journeys, and none of these checks is one"
    if not play.headless and any(one.journey.browser.connect for one in journeys):
        return "--headed cannot show the browser that browser.connect names; leave connect out"
    if wish.budgets and not any(map(_has_budgets, chosen)):
        return "--budgets: none of these checks has journey.budgets; write some, or leave it out"
    return None


def _has_budgets(check: AnyCheck) -> bool:
    return isinstance(check, JourneyCheck) and check.journey.budgets != Budgets()


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
async def _runner(config: Config, wish: Wish) -> AsyncIterator[Runner]:
    """Journeys work in a temporary folder: data_dir may be a running agent's."""
    clock = SystemClock()
    network = Network(clock, resolver=config.agent.resolver)
    pulse = Pulse(clock, lambda lag: None)
    runs = Path(tempfile.gettempdir()) / f"prober-{secrets.token_hex(4)}"
    echo = printed.Echo(config.scrub)
    setup = Setup(
        data_dir=config.agent.data_dir,
        runs=runs,
        play=wish.play,
        echo=None if wish.play.headless else echo,
        in_full=not wish.budgets,  # what is measured is as the agent will measure it
    )
    browsers = Browsers(clock, setup)
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
        echo.end()
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


def _shown(config: Config, check: AnyCheck, result: Result, wish: Wish) -> str:
    if wish.as_json:
        return json.dumps(result.to_json())
    target = config.scrub(check.target)
    if wish.budgets and _has_budgets(check) and result.outcome is Outcome.UP:  # the table says more
        return printed.head(result, target)
    return printed.report(result, target, config.agent.data_dir)
