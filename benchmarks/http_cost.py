"""What does one probe cost, ours and blackbox_exporter's, at the same rate?

    scripts/bench http_cost [--only LOAD] [--rounds N] [--seconds S]

Ours is a whole agent: schedule, metrics scraped every 5 s, history, alert
state. Theirs is one GET /probe per probe over connections that stay open; the
program that asks is not counted. Both probe the same nginx in turns, A-B-A-B,
on the same core. CPU is user and system time of the process and its threads,
between two moments after a warm-up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from benchmarks.common.agent import agent, check
from benchmarks.common.bench import Bench, bench, note
from benchmarks.common.blackbox import Blackbox, Job, blackbox, driven, driving, paths
from benchmarks.common.nginx import Nginx, nginx
from benchmarks.common.options import options
from benchmarks.common.table import of_offered, ratio, show, spread
from benchmarks.common.window import Pace, Window, observe


@dataclass(frozen=True, slots=True)
class Load:
    name: str
    scheme: str
    rate: int


LOADS = (
    Load("http-500", "http", 500),
    Load("http-1000", "http", 1000),
    Load("https-ecdsa-300", "ecdsa", 300),
    Load("https-rsa-300", "rsa", 300),
)


@dataclass(frozen=True, slots=True)
class Round:
    """What was seen in `seconds`."""

    cpu: float  # seconds
    done: int
    errors: Counter[str]  # by outcome
    offered: float
    seconds: float

    @property
    def each(self) -> float:
        """Microseconds a probe."""
        return self.cpu / max(1, self.done) * 1e6


Subject: TypeAlias = Callable[[Load, Pace], Round]


def of_ours(place: Bench, target: Nginx) -> Subject:
    def run(load: Load, pace: Pace) -> Round:
        checks = [
            check(f"check-{n}", url) for n, url in enumerate(target.urls(load.scheme, load.rate))
        ]
        env = {"SSL_CERT_FILE": str(target.ca_file)}
        with agent(place, checks, env=env) as ours:
            window = observe(ours.process, pace, scraped=ours.port)
        outcomes = Counter(run.outcome for run in ours.runs(window))
        return _round(window, outcomes, load)

    return run


def of_theirs(place: Bench, target: Nginx, theirs: Blackbox) -> Subject:
    def run(load: Load, pace: Pace) -> Round:
        job = Job(
            port=theirs.port,
            paths=paths(target.urls(load.scheme, load.rate)),
            seconds=pace.whole,
            rate=load.rate,
        )
        with driving(place, job) as report:
            window = observe(theirs.process, pace)
        answers = (one for one in driven(report).answers if window.holds(one.ended))
        return _round(window, Counter("up" if one.up else "down" for one in answers), load)

    return run


def _round(window: Window, outcomes: Counter[str], load: Load) -> Round:
    done = outcomes.total()
    del outcomes["up"]
    return Round(window.cpu, done, outcomes, load.rate * window.seconds, window.seconds)


def line(load: Load, name: str, rounds: Sequence[Round]) -> list[str]:
    done, offered = sum(one.done for one in rounds), sum(one.offered for one in rounds)
    errors = sum((one.errors for one in rounds), Counter[str]())
    return [
        f"{load.name} {name}",
        spread([one.each for one in rounds]),
        spread([one.cpu / one.seconds for one in rounds], ".2f"),
        f"{done:,}",
        of_offered(done / offered),
        ", ".join(f"{n} {word}" for word, n in errors.items()) or "0",
    ]


def measure(place: Bench, loads: Sequence[Load], rounds: int, pace: Pace) -> None:
    head = ["load", "CPU us/probe (range)", "of a core", "done", "of offered", "errors"]
    rows, ratios = [], []
    with nginx(place) as target, blackbox(place, target.ca_file) as theirs:
        subjects = (of_ours(place, target), of_theirs(place, target, theirs))
        for load in loads:
            seen: list[list[Round]] = [[], []]
            for number in range(rounds):
                note(f"{load.name}, round {number + 1} of {rounds}")
                for subject, found in zip(subjects, seen, strict=True):
                    found.append(subject(load, pace))
            rows += [
                line(load, name, found)
                for name, found in zip(("prober", "blackbox"), seen, strict=True)
            ]
            mine, others = ([one.each for one in found] for found in seen)
            ratios.append(f"{load.name}: {ratio(others, mine)}")
    show(head, rows)
    print(f"\nCPU a probe, blackbox_exporter's / ours: {', '.join(ratios)}")


def main(argv: Sequence[str] | None = None) -> None:
    given = options(__doc__, argv, [load.name for load in LOADS], seconds=7.0, rounds=2)
    loads = [
        replace(load, rate=given.rate or load.rate)
        for load in LOADS
        if given.only in (None, load.name)
    ]
    with bench("CPU per probe at a given rate, a whole agent beside blackbox_exporter") as place:
        measure(place, loads, given.rounds, given.pace)


if __name__ == "__main__":
    main()
