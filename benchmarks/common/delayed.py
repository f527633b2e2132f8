"""The target of known delay, as a process, and what is to be known of it in the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.bench import Bench, free_ports
from benchmarks.common.process import ROOT, Process, running
from benchmarks.common.target import Truth
from benchmarks.common.web import wait_for

DELAY = 0.1  # seconds
PORTS = 8


@dataclass(frozen=True, slots=True)
class Delayed:
    process: Process
    ports: list[int]
    report: Path

    def urls(self, count: int, query: str = "") -> list[str]:
        ports = self.ports
        return [f"http://127.0.0.1:{ports[n % len(ports)]}/{query}" for n in range(count)]

    def truths(self) -> dict[str, Truth]:
        """What it answered, by the run it was asked in; ends it."""
        self.process.stop()
        told = (Truth(*row) for row in json.loads(self.report.read_text()))
        return {truth.run: truth for truth in told}


@contextmanager
def delayed(bench: Bench) -> Iterator[Delayed]:
    folder, ports = bench.room("target"), free_ports(PORTS)
    report = folder / "report.json"
    words = [str(DELAY), str(report), *map(str, ports)]
    argv = [sys.executable, "-m", "benchmarks.common.target", *words]
    env = {"PYTHONPATH": str(ROOT)}
    with running(argv, folder=folder, cores=bench.cores.others, env=env) as process:
        wait_for(ports[-1], process)
        yield Delayed(process, ports, report)
