"""Does anything grow in an agent that runs one journey after the other?

    scripts/bench soak [--count N]

An agent with one worker runs the order journey of the demo without a pause.
Between two of them it is looked at: its memory and open files, the processes
that it has, the files in its folder of runs and in the folder for temporary
files. The last line says whether its memory is flat: the mean of the last
third of the journeys beside that of the third before it. 300 journeys take
about ten minutes.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from statistics import fmean, median

from benchmarks.common.agent import Agent, agent
from benchmarks.common.bench import CLOCK, Bench, bench, note, sleep_until
from benchmarks.common.process import family
from benchmarks.common.table import show
from benchmarks.journeys import checks, shop

LOOK = 0.5  # seconds
SCRAPE = 30  # looks between two scrapes: what those leave until garbage is searched is no journey's
QUIET = 0.1  # of the looks, those with the fewest processes, are between two journeys
ROWS = 10
# Bytes a journey. The interpreter takes memory by the MiB, which is 10 KB for each of a hundred
# journeys; and history's own cache fills by 4 KB with each, until it has its 8 MiB.
FLAT = 20_000.0


@dataclass(frozen=True, slots=True)
class Look:
    done: int
    rss: int
    files: int
    processes: int
    left: int  # files and folders

    def row(self) -> list[str]:
        figures = (f"{self.rss / 1e6:.1f}", self.files, self.processes, self.left)
        return [str(self.done), *map(str, figures)]


def look(ours: Agent, temporary: Path, report: Path) -> Look:
    """Each journey has written a line into `report`."""
    pid = ours.process.pid
    left = sum(map(_inside, (ours.folder / "data" / "runs", temporary)))
    return Look(
        done=len(report.read_bytes().splitlines()) if report.exists() else 0,
        rss=ours.process.rss(),
        files=len(os.listdir(f"/proc/{pid}/fd")),
        processes=len(list(family(pid))),
        left=left,
    )


def _inside(folder: Path) -> int:
    """Files and folders; some may vanish meanwhile."""
    return sum(len(folders) + len(files) for _, folders, files in os.walk(folder))


def soak(place: Bench, count: int, seconds: float) -> list[Look]:
    temporary, report = place.room("tmp"), place.folder / "report"
    looks: list[Look] = []
    with shop(place) as there:
        config = checks(there, 20, report)
        env = {**there.env, "TMPDIR": str(temporary)}
        with agent(place, config, interval=20.0, timeout=20.0, env=env, cores=there.cores) as ours:
            until = CLOCK.monotonic() + seconds
            while CLOCK.monotonic() < until and (not looks or looks[-1].done < count):
                looks.append(look(ours, temporary, report))
                if len(looks) % SCRAPE == 0:
                    ours.metrics()
                if len(looks) % 60 == 0:
                    note(f"{looks[-1].done} journeys of {count}")
                sleep_until(CLOCK.monotonic() + LOOK)
            outcomes = [run.outcome for run in ours.runs()]
    print(f"{len(outcomes)} runs, {len(outcomes) - outcomes.count('up')} of them not up\n")
    return looks


def between(looks: Sequence[Look]) -> Look:
    """What most of the quiet moments look like, of so many looks."""
    quiet = sorted(looks, key=lambda one: one.processes)[: max(1, int(len(looks) * QUIET))]
    return Look(
        done=looks[-1].done,
        rss=int(median(one.rss for one in quiet)),
        files=int(median(one.files for one in quiet)),
        processes=min(one.processes for one in quiet),
        left=min(one.left for one in quiet),
    )


def growth(looks: Sequence[Look]) -> float:
    """Bytes of memory that each journey adds, from the second third of them to the last."""
    third = looks[-1].done / 3
    parts = [
        [look for look in looks if begin < look.done <= begin + third]
        for begin in (third, 2 * third)
    ]
    if not all(parts):
        return float("nan")
    before, after = (fmean(look.rss for look in part) for part in parts)
    return (after - before) / third


def verdict(grown: float) -> str:
    word = "too few journeys to say" if isnan(grown) else "flat" if grown < FLAT else "GROWS"
    return f"memory: {word} ({grown / 1e3:+.1f} KB a journey, from the second third to the last)"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=300, help="journeys (default: %(default)d)")
    parser.add_argument(
        "--seconds", type=float, default=1200.0, help="at most (default: %(default)g)"
    )
    given = parser.parse_args(argv)
    with bench("Many journeys in a row: does anything grow?") as place:
        looks = soak(place, given.count, given.seconds)
        size = -(-len(looks) // ROWS)
        parts = [looks[start : start + size] for start in range(0, len(looks), size)]
        show(
            ["journeys done", "agent's RSS MB", "its open files", "processes", "files left"],
            [between(part).row() for part in parts],
        )
        print(f"\n{verdict(growth(looks))}")


if __name__ == "__main__":
    main()
