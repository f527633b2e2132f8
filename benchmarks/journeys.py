"""What does a journey cost in the agent, beside bare Playwright and beside @elastic/synthetics?

    scripts/bench journeys [--only PART] [--rounds N] [--seconds S]

`itself` is the order journey of the demo: one function, with a stopwatch
around it, run by `prober check` (as it is, and with `first_party: []`, so that its
requests are not told whose they are) and by plain Playwright in turns. `whole` is how many
whole runs a minute an agent with one worker and the peer's runner manage, start
of the browser to its end, and how much memory all their processes take.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.common.agent import agent
from benchmarks.common.bench import CLOCK, Bench, bench, free_ports, note, sleep_until
from benchmarks.common.elastic import NOWHERE
from benchmarks.common.elastic import argv as elastic
from benchmarks.common.options import options
from benchmarks.common.process import ROOT, Process, running
from benchmarks.common.table import quantile, ratio, show, spread
from benchmarks.common.web import wait_for
from benchmarks.common.window import Pace
from prober.demo.data import PASSWORD

SCRIPT = ROOT / "benchmarks" / "scripts" / "order.py"
LOOK = 0.2  # seconds between two looks at the memory
ONE_RUN = 120.0  # seconds that nothing takes
PARTS = ("itself", "whole")
UNSTAMPED = "\n      first_party: []"


@dataclass(frozen=True, slots=True)
class Place:
    bench: Bench
    shop: str

    @property
    def cores(self) -> frozenset[int]:
        """All: a browser is many processes."""
        return self.bench.cores.measured | self.bench.cores.others

    @property
    def env(self) -> dict[str, str]:
        return {"PROBER_CHROMIUM_ARGS": shlex.quote(NOWHERE), "PYTHONPATH": str(ROOT)}


@contextmanager
def shop(place: Bench) -> Iterator[Place]:
    folder, port = place.room("shop"), free_ports(1)[0]
    argv: list[str | Path] = [sys.executable, "-m", "prober.demo.shop", "--port", str(port)]
    env = {"PYTHONPATH": str(ROOT)}
    with running(argv, folder=folder, cores=place.cores.others, env=env) as process:
        wait_for(port, process)
        yield Place(place, f"http://127.0.0.1:{port}")


def checks(place: Place, count: int, report: Path, more: str = "") -> list[str]:
    return [
        f"""  - name: order-{n}
    interval: 20s
    timeout: 20s
    journey:
      script: {SCRIPT}::timed_order
      base_url: {place.shop}
      params: {{user: probe@example.com, sku: demo-1, report: {report}}}
      secrets: {{password: {PASSWORD}}}
      budgets: {{duration: 20s}}{more}"""
        for n in range(count)
    ]


# The journey itself


@dataclass(frozen=True, slots=True)
class Took:
    """In seconds."""

    wall: float
    cpu: float


def last(report: Path) -> Took:
    return Took(**json.loads(report.read_text().splitlines()[-1]))


def by_us(place: Place, more: str = "") -> Took:
    """By `check --budgets`, which runs it once, as an agent does it."""
    folder = place.bench.room("ours")
    head = f"agent: {{region: bench}}\nweb: {{listen: '127.0.0.1:{free_ports(1)[0]}'}}\nchecks:\n"
    config, report = folder / "config.yaml", folder / "report"
    config.write_text(head + "\n".join(checks(place, 1, report, more)) + "\n")
    argv: list[str | Path] = [
        sys.executable,
        "-m",
        "prober",
        "check",
        "order-0",
        "--budgets",
        "-n",
        "1",
        "-c",
        config,
    ]
    Process(argv, folder=folder, cores=place.cores, env=place.env).wait(ONE_RUN)
    return last(report)


def by_hand(place: Place) -> Took:
    folder = place.bench.room("bare")
    arguments, report = folder / "arguments", folder / "report"
    given = {
        "base_url": place.shop,
        "params": {"user": "probe@example.com", "sku": "demo-1", "report": str(report)},
        "secrets": {"password": PASSWORD},
        "run_id": f"bare-{CLOCK.now():.6f}",
    }
    arguments.write_text(json.dumps(given))
    argv: list[str | Path] = [
        sys.executable,
        "-m",
        "benchmarks.common.bare",
        SCRIPT,
        "timed_order",
        arguments,
    ]
    Process(argv, folder=folder, cores=place.cores, env=place.env).wait(ONE_RUN)
    return last(report)


def itself(place: Place, rounds: int) -> None:
    by: dict[str, Callable[[Place], Took]] = {
        "prober": by_us,
        "prober, unstamped": partial(by_us, more=UNSTAMPED),
        "bare Playwright": by_hand,
    }
    found: dict[str, list[Took]] = {name: [] for name in by}
    for number in range(rounds):
        note(f"the journey itself, round {number + 1} of {rounds}")
        for name, run in by.items():
            found[name].append(run(place))
    rows = [
        [
            name,
            str(len(took)),
            *(spread([pick(one) * 1e3 for one in took]) for pick in (_wall, _cpu)),
        ]
        for name, took in found.items()
    ]
    show(["the journey itself", "runs", "wall ms (range)", "CPU ms (range)"], rows)
    *ours, bare = found.values()
    print()
    for name, took in zip(found, ours, strict=False):
        said = (
            f"{word} {ratio([pick(one) for one in took], [pick(one) for one in bare])}"
            for word, pick in (("wall", _wall), ("CPU", _cpu))
        )
        print(f"{name} / bare Playwright: {', '.join(said)}")
    print()


def _wall(took: Took) -> float:
    return took.wall


def _cpu(took: Took) -> float:
    return took.cpu


# Whole runs


@dataclass(frozen=True, slots=True)
class Runs:
    """`memory` are looks at the bytes of all processes, `cpu` is in seconds."""

    done: int
    failed: int
    seconds: float
    cpu: float
    memory: list[int]

    def row(self, name: str) -> list[str]:
        each = self.cpu / max(1, self.done)
        mean, most = (value / 1e6 for value in (median(self.memory), quantile(self.memory, 0.99)))
        figures = (f"{self.a_minute:.1f}", f"{each:.2f}", f"{mean:.0f}", f"{most:.0f}")
        return [name, str(self.done), str(self.failed), *figures]

    @property
    def a_minute(self) -> float:
        return self.done / self.seconds * 60


def agents(place: Place, pace: Pace) -> Runs:
    report = place.bench.folder / "whole"
    with agent(
        place.bench,
        checks(place, 20, report),
        interval=20.0,
        timeout=20.0,
        env=place.env,
        cores=place.cores,
    ) as ours:
        sleep_until(CLOCK.monotonic() + pace.warm_up + 8.0)
        cpu, began, ahead = ours.process.cpu(), CLOCK.monotonic(), CLOCK.now() - CLOCK.monotonic()
        memory = _looks(ours.process, began + pace.seconds)
        ended, cpu = CLOCK.monotonic(), ours.process.cpu() - cpu
    runs = [run for run in ours.runs() if began <= run.ended_at - ahead < ended]
    failed = sum(run.outcome != "up" for run in runs)
    return Runs(len(runs), failed, ended - began, cpu, memory)


def elastics(place: Place, pace: Pace) -> Runs:
    journey = (ROOT / "benchmarks" / "peers" / "order.journey.ts").read_text()
    folder = place.bench.room("elastic")
    argv = elastic(folder, "order", journey, {"shop": place.shop, "password": PASSWORD})
    done, cpu, memory, began = 0, 0.0, [], CLOCK.monotonic()
    while CLOCK.monotonic() - began < pace.seconds:
        process = Process(argv, folder=folder, cores=place.cores)
        while not process.has_ended:
            memory.append(process.pss())
            cpu_now = process.cpu()
            sleep_until(CLOCK.monotonic() + LOOK)
        process.wait(ONE_RUN)
        done, cpu = done + 1, cpu + cpu_now
    return Runs(done, 0, CLOCK.monotonic() - began, cpu, memory)


def _looks(process: Process, until: float) -> list[int]:
    memory = []
    while CLOCK.monotonic() < until:
        memory.append(process.pss())
        sleep_until(CLOCK.monotonic() + LOOK)
    return memory


def whole(place: Place, pace: Pace) -> None:
    note("whole runs of the agent")
    ours = agents(place, pace)
    note("whole runs of @elastic/synthetics")
    theirs = elastics(place, pace)
    head = ["whole runs", "done", "failed", "a minute", "CPU s a run", "memory MB", "p99 MB"]
    show(head, [ours.row("prober"), theirs.row("elastic")])
    memory = ratio([float(n) for n in ours.memory], [float(n) for n in theirs.memory])
    print(f"\nours / theirs: runs a minute {ours.a_minute / theirs.a_minute:.2f}, memory {memory}")


def main(argv: Sequence[str] | None = None) -> None:
    given = options(__doc__, argv, PARTS, seconds=45.0, rounds=8)
    title = "A journey in the agent, beside bare Playwright and @elastic/synthetics"
    with bench(title) as place, shop(place) as there:
        if given.only in (None, "itself"):
            itself(there, given.rounds)
        if given.only in (None, "whole"):
            whole(there, given.pace)


if __name__ == "__main__":
    main()
