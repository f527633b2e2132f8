"""How many probes a second can one core do, ours and blackbox_exporter's?

    scripts/bench http_rate [--only LOAD] [--rounds N] [--seconds S]

Saturated: 32 probes under way at any time, each begun when one has ended. Ours
is the engine alone (runner and probe in a process of their own, without
schedule, metrics and history); theirs is blackbox_exporter asked over 32
connections that stay open, and writes its answers for that. What a whole agent
of ours costs is a question for http_cost. Where nginx has no CPU left, the
rate is nginx's: compare the CPU per probe.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.common.bench import Bench, bench, note
from benchmarks.common.blackbox import Blackbox, blackbox, driven, driving, paths
from benchmarks.common.blackbox import Job as Driving
from benchmarks.common.engine import Job
from benchmarks.common.nginx import PORTS, SCHEMES, Nginx, nginx
from benchmarks.common.options import options
from benchmarks.common.process import ROOT, running
from benchmarks.common.table import ratio, show, spread
from benchmarks.common.window import Pace, Window, observe

AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Round:
    window: Window
    done: int
    errors: int

    @property
    def rate(self) -> float:
        return self.done / self.window.seconds

    @property
    def each(self) -> float:
        """Microseconds of CPU a probe."""
        return self.window.cpu / max(1, self.done) * 1e6


Subject: TypeAlias = Callable[[str, int, Pace], Round]


def of_ours(place: Bench, target: Nginx) -> Subject:
    def run(scheme: str, at_once: int, pace: Pace) -> Round:
        folder = place.room("engine")
        order, report = folder / "job.json", folder / "report.json"
        job = Job(urls=target.urls(scheme, PORTS), at_once=at_once, seconds=pace.whole)
        order.write_text(json.dumps(job))
        argv: list[str | Path] = [sys.executable, "-m", "benchmarks.common.engine", order, report]
        env = {"PYTHONPATH": str(ROOT), "SSL_CERT_FILE": str(target.ca_file)}
        with running(argv, folder=folder, cores=place.cores.measured, env=env) as process:
            window = observe(process, pace, beside=target.process)
            process.wait(pace.whole + 30)
        ups = [up for moment, up in json.loads(report.read_text()) if window.holds(moment)]
        return Round(window, len(ups), ups.count(False))

    return run


def of_theirs(place: Bench, target: Nginx, theirs: Blackbox) -> Subject:
    def run(scheme: str, at_once: int, pace: Pace) -> Round:
        urls = paths(target.urls(scheme, PORTS))
        job = Driving(port=theirs.port, paths=urls, seconds=pace.whole, closed=at_once)
        with driving(place, job) as report:
            window = observe(theirs.process, pace, beside=target.process)
        ups = [one.up for one in driven(report).answers if window.holds(one.ended)]
        return Round(window, len(ups), ups.count(False))

    return run


def line(name: str, rounds: Sequence[Round]) -> list[str]:
    return [
        name,
        spread([one.rate for one in rounds]),
        spread([one.each for one in rounds]),
        spread([one.window.cpu / one.window.seconds for one in rounds], ".2f"),
        spread([one.window.beside / one.window.seconds for one in rounds], ".2f"),
        str(sum(one.errors for one in rounds)),
    ]


def measure(place: Bench, schemes: Sequence[str], at_once: int, rounds: int, pace: Pace) -> None:
    head = ["load", "probes/s (range)", "CPU us/probe", "of a core", "nginx of its", "errors"]
    rows, rates, costs = [], [], []
    with nginx(place) as target, blackbox(place, target.ca_file) as theirs:
        subjects = (of_ours(place, target), of_theirs(place, target, theirs))
        for scheme in schemes:
            seen: list[list[Round]] = [[], []]
            for number in range(rounds):
                note(f"{scheme}, round {number + 1} of {rounds}")
                for subject, found in zip(subjects, seen, strict=True):
                    found.append(subject(scheme, at_once, pace))
            mine, others = seen
            rows += [line(f"{scheme} prober's engine", mine), line(f"{scheme} blackbox", others)]
            rates.append(f"{scheme} {ratio([r.rate for r in mine], [r.rate for r in others])}")
            costs.append(f"{scheme} {ratio([r.each for r in others], [r.each for r in mine])}")
    show(head, rows)
    print(f"\nprobes a second, ours / blackbox_exporter's: {', '.join(rates)}")
    print(f"CPU a probe, blackbox_exporter's / ours: {', '.join(costs)}")


def main(argv: Sequence[str] | None = None) -> None:
    given = options(__doc__, argv, SCHEMES, seconds=6.0, rounds=2)
    schemes = [scheme for scheme in SCHEMES if given.only in (None, scheme)]
    with bench("Probes a second on one core, 32 at a time, ours and blackbox_exporter's") as place:
        measure(place, schemes, given.rate or AT_ONCE, given.rounds, given.pace)


if __name__ == "__main__":
    main()
