"""How far off are the times that we report, and those that blackbox_exporter does?

    scripts/bench accuracy [--only LOAD] [--rounds N] [--seconds S]

A target answers after 100 ms and knows for each request how long that truly
took, from the request's last byte to the answer. Ours is what the history of a
whole agent holds (duration, and the phase `processing` as the time of the
first byte), theirs what each answer of /probe says. What is shown is the
difference without its sign. The total has the way there in it too (name,
connection, sending), for both alike: some tens of microseconds that are no
error.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from benchmarks.common.agent import agent, check
from benchmarks.common.bench import CLOCK, Bench, bench, note, sleep_until
from benchmarks.common.blackbox import Job, blackbox, driven, driving, figure, paths
from benchmarks.common.delayed import DELAY, delayed
from benchmarks.common.options import options
from benchmarks.common.table import of_offered, quantile, quantiles, ratio, show, spread
from benchmarks.common.target import Truth
from benchmarks.common.window import Pace, Window, observe

INTERVAL = 1.0  # seconds between two runs of one check
TOGETHER = 1e-4  # the share of an interval in which all of a burst are due


@dataclass(frozen=True, slots=True)
class Load:
    name: str
    rate: int
    at_once: bool = False  # all of a second's, rather than evenly


LOADS = (
    Load("100/s", 100),
    Load("500/s", 500),
    Load("1000/s", 1000),
    Load("2000/s", 2000),
    Load("300 at once", 300, at_once=True),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What was reported of one run, in seconds."""

    total: float
    first_byte: float


@dataclass(frozen=True, slots=True)
class Seen:
    """One load on one of the two: errors in seconds, shares of 1."""

    name: str
    done: float
    failed: int
    total: list[float]
    first_byte: list[float]
    cpu: float
    late: list[float]  # how much more than its 100 ms the target took
    doubt: list[float]  # how long it took to hand an answer over
    target_cpu: float
    width: float  # of a burst, in seconds

    @property
    def row(self) -> list[str]:
        return [
            self.name,
            of_offered(self.done),
            str(self.failed),
            quantiles(self.first_byte),
            quantiles(self.total),
            f"{self.cpu:.2f}",
            quantiles(self.late),
            quantiles(self.doubt),
            f"{self.target_cpu:.2f}",
        ]


HEAD = (
    "load",
    "of offered",
    "failed",
    "first byte p50/p99 ms",
    "total p50/p99 ms",
    "of a core",
    "target late ms",
    "in doubt ms",
    "of its core",
)


def judged(
    name: str, load: Load, window: Window, said: dict[str, Said | None], truths: dict[str, Truth]
) -> Seen:
    """What was said (None of a probe that failed) beside what was so."""
    pairs = [(one, truths[run]) for run, one in said.items() if one and run in truths]
    return Seen(
        name=f"{load.name} {name}",
        done=len(said) / (load.rate * window.seconds),
        failed=len(said) - len(pairs),
        total=[abs(one.total - truth.seconds) for one, truth in pairs],
        first_byte=[abs(one.first_byte - truth.seconds) for one, truth in pairs],
        cpu=window.cpu / window.seconds,
        late=[truth.seconds - DELAY for _, truth in pairs],
        doubt=[truth.after - truth.before for _, truth in pairs],
        target_cpu=window.beside / window.seconds,
        width=width([truth.came for _, truth in pairs]) if load.at_once else 0.0,
    )


def width(moments: Sequence[float]) -> float:
    """Within how many seconds the middle 98 % of a burst came, by the median of all bursts."""
    bursts: list[list[float]] = [[]]
    for moment in sorted(moments):
        if bursts[-1] and moment - bursts[-1][-1] > INTERVAL / 4:
            bursts.append([])
        bursts[-1].append(moment)
    widths = [quantile(burst, 0.99) - quantile(burst, 0.01) for burst in bursts]
    return quantile(widths, 0.5)


def names(load: Load) -> Iterator[str]:
    """Names of checks; an agent sees to it that their runs are spread, unless they are chosen."""
    if not load.at_once:
        yield from (f"check-{n}" for n in range(load.rate))
        return
    base = zlib.crc32(b"check-")  # three million are looked at
    for n in count():
        if 0.5 <= zlib.crc32(b"%d" % n, base) / 2**32 < 0.5 + TOGETHER:
            yield f"check-{n}"


def of_ours(place: Bench, load: Load, pace: Pace) -> Seen:
    with delayed(place) as target:
        urls = target.urls(load.rate)
        checks = [check(name, url) for name, url in zip(names(load), urls, strict=False)]
        with agent(place, checks, interval=INTERVAL, timeout=INTERVAL) as ours:
            window = observe(ours.process, pace, scraped=ours.port, beside=target.process)
            sleep_until(CLOCK.monotonic() + 0.5)  # for what is under way
        said = {
            run.run_id: Said(run.seconds, run.first_byte) if run.outcome == "up" else None
            for run in ours.runs(window)
        }
        return judged("prober", load, window, said, target.truths())


def of_theirs(place: Bench, load: Load, pace: Pace) -> Seen:
    with delayed(place) as target, blackbox(place) as theirs:
        job = Job(
            port=theirs.port,
            paths=paths(target.urls(load.rate, "?run={number}")),
            seconds=pace.whole,
            bodies=True,
        )
        job |= Job(burst=load.rate) if load.at_once else Job(rate=load.rate)
        with driving(place, job) as report:
            window = observe(theirs.process, pace, beside=target.process)
        said = {
            str(one.number): told(one.body) if one.up else None
            for one in driven(report).answers
            if window.holds(one.ended)
        }
        return judged("blackbox", load, window, said, target.truths())


def told(body: str) -> Said:
    """What an answer of /probe says."""
    return Said(
        total=figure(body, "probe_duration_seconds"),
        first_byte=figure(body, 'probe_http_duration_seconds{phase="processing"}'),
    )


def p99s(seen: Sequence[Seen]) -> list[float]:
    """Of the total's error, of each round."""
    return [quantile(one.total, 0.99) for one in seen]


def measure(place: Bench, loads: Sequence[Load], rounds: int, pace: Pace) -> None:
    rows, ratios, widths = [], [], []
    for load in loads:
        note(load.name)
        seen = [(of_ours(place, load, pace), of_theirs(place, load, pace)) for _ in range(rounds)]
        ours, theirs = ([pair[which] for pair in seen] for which in (0, 1))
        rows += [one.row for pair in seen for one in pair]
        ratios.append(f"{load.name}: {ratio(p99s(theirs), p99s(ours))}")
        if load.at_once:
            widths = [spread([one.width * 1e3 for one in found]) for found in (ours, theirs)]
    show(HEAD, rows)
    print(f"\np99 error of the total, blackbox_exporter's / ours: {', '.join(ratios)}")
    if widths:
        print(f"a burst came to the target within {widths[0]} ms (ours), {widths[1]} ms (theirs)")
    print(
        "target late: how much longer than 100 ms it truly took (known, and in no error);\n"
        "in doubt: how long it took to hand over an answer, the error of its own figures"
    )


def main(argv: Sequence[str] | None = None) -> None:
    given = options(__doc__, argv, [load.name for load in LOADS], seconds=6.0, rounds=1)
    loads = [
        replace(load, rate=given.rate or load.rate)
        for load in LOADS
        if given.only in (None, load.name)
    ]
    with bench("Error of the times that are reported, ours and blackbox_exporter's") as place:
        measure(place, loads, given.rounds, given.pace)


if __name__ == "__main__":
    main()
