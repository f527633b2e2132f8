"""What does an agent's history say, read from outside while it runs and after?"""

from __future__ import annotations

import json
import sqlite3
import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, nan
from pathlib import Path
from typing import NamedTuple

from benchmarks.common.bench import CLOCK

_LOOK = 0.05  # seconds between two looks for new rows


class Run(NamedTuple):
    """One row; times are Unix seconds, `detail` is JSON."""

    check: str
    started_at: float
    seconds: float
    outcome: str
    run_id: str
    detail: str

    @property
    def ended_at(self) -> float:
        return self.started_at + self.seconds

    @property
    def first_byte(self) -> float:
        """Seconds from the request to the first byte; nan where none came."""
        phases: dict[str, float] = json.loads(self.detail).get("phases", {})
        return phases.get("processing", nan)


def read(database: Path, began: float = 0.0, ended: float = inf) -> list[Run]:
    """What ended between the two."""
    query = """select check_name, started_at, seconds, outcome, run_id, detail from results
        where started_at + seconds >= ? and started_at + seconds < ?"""
    with closing(sqlite3.connect(database)) as connection:
        return [Run(*row) for row in connection.execute(query, (began, ended))]


@dataclass(frozen=True, slots=True)
class Rhythms:
    """How the runs of each check followed each other."""

    late: dict[Run, float]  # seconds after the moment that the check's most punctual run implies
    lost: int
    doubled: int


def rhythms(runs: Sequence[Run], interval: float) -> Rhythms:
    """A gap of k intervals has lost k - 1 runs; two runs within half of one are doubled."""
    by_check: dict[str, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.started_at):
        by_check[run.check].append(run)
    late: dict[Run, float] = {}
    lost = doubled = 0
    for own in by_check.values():
        slots = [round((run.started_at - own[0].started_at) / interval) for run in own]
        steps = [after - before for before, after in pairwise(slots)]
        lost += sum(step - 1 for step in steps if step > 1)
        doubled += steps.count(0)
        phases = [run.started_at - n * interval for n, run in zip(slots, own, strict=True)]
        first = min(phases)
        late.update({run: phase - first for run, phase in zip(own, phases, strict=True)})
    return Rhythms(late, lost, doubled)


@dataclass(frozen=True, slots=True)
class Spans:
    """Stretches of time that do not overlap, in order; Unix seconds."""

    began: list[float]
    ended: list[float]

    def touch(self, run: Run) -> bool:
        """Whether the run was under way in one of them."""
        place = bisect_left(self.ended, run.started_at)
        return place < len(self.began) and self.began[place] <= run.ended_at


@dataclass(slots=True)
class Arrivals:
    """How long after its end each result was to be read from disk, to 50 ms."""

    waits: list[float] = field(default_factory=list)


@contextmanager
def watched(database: Path) -> Iterator[Arrivals]:
    """Looks for new rows beside the block, on a connection that only reads."""
    seen, over = Arrivals(), threading.Event()
    thread = threading.Thread(target=_watch, args=(database, seen, over))
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _watch(database: Path, seen: Arrivals, over: threading.Event) -> None:
    address = f"{database.as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=5)) as connection:
        (newest,) = connection.execute("select coalesce(max(id), 0) from results").fetchone()
        while not over.wait(_LOOK):
            query = "select id, started_at + seconds from results where id > ? order by id"
            rows = connection.execute(query, (newest,)).fetchall()
            now = CLOCK.now()
            seen.waits += [now - ended for _, ended in rows]
            newest = rows[-1][0] if rows else newest
