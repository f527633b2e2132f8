"""Our agent, whole: started as its user would start it, history and metrics included."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.bench import CLOCK, Bench, free_ports
from benchmarks.common.history import Run, read
from benchmarks.common.process import Process, running
from benchmarks.common.web import get, wait_until_ready
from benchmarks.common.window import Window

_HEAD = """agent: {{region: bench}}
web: {{listen: '127.0.0.1:{port}'}}
defaults: {{interval: {interval}s, timeout: {timeout}s}}
checks:
"""


@dataclass(frozen=True, slots=True)
class Agent:
    process: Process
    port: int
    folder: Path
    startup: float  # seconds from its start until it was ready

    @property
    def database(self) -> Path:
        return self.folder / "data" / "prober.db"

    def metrics(self) -> str:
        return get(self.port, "/metrics")

    def runs(self, window: Window | None = None) -> list[Run]:
        """What the history holds: all, or what ended in the window."""
        return read(self.database, *(window.wall if window else ()))


def check(name: str, url: str) -> str:
    """In the short form."""
    return f"  - {{name: {name}, http: '{url}'}}"


@contextmanager
def agent(
    bench: Bench,
    checks: Sequence[str],
    *,
    interval: float = 1.0,
    timeout: float = 1.0,
    env: Mapping[str, str] | None = None,
    cores: frozenset[int] | None = None,
) -> Iterator[Agent]:
    """It is ready when the block begins; its folder stays until the next one is started."""
    folder, port = bench.room("agent"), free_ports(1)[0]
    head = _HEAD.format(port=port, interval=f"{interval:g}", timeout=f"{timeout:g}")
    (folder / "config.yaml").write_text(head + "\n".join(checks) + "\n")
    with _started(bench, folder, port, env, cores) as ours:
        yield ours


@contextmanager
def again(bench: Bench, last: Agent, env: Mapping[str, str] | None = None) -> Iterator[Agent]:
    """The same one once more, with the history that it has by now."""
    with _started(bench, last.folder, last.port, env) as ours:
        yield ours


@contextmanager
def _started(
    bench: Bench,
    folder: Path,
    port: int,
    env: Mapping[str, str] | None,
    cores: frozenset[int] | None = None,
) -> Iterator[Agent]:
    argv = [sys.executable, "-m", "prober", "--log-level", "warning", "run", "-c", "config.yaml"]
    began = CLOCK.monotonic()
    with running(argv, folder=folder, cores=cores or bench.cores.measured, env=env) as process:
        wait_until_ready(port, process)
        yield Agent(process, port, folder, CLOCK.monotonic() - began)


def value(text: str, series: str) -> float:
    """Of the one series that is written exactly so; nan where there is none."""
    for line in text.splitlines():
        if line.startswith(series + " "):
            return float(line.split()[1])
    return float("nan")


def total(text: str, family: str) -> float:
    """Of all series of a family."""
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith((family + " ", family + "{"))
    )


def buckets(text: str, name: str) -> dict[float, float]:
    """Of a histogram without labels: the upper edge, and how many were not above it."""
    found = re.findall(rf'^{name}_bucket{{le="([^"]+)"}} (\S+)', text, re.MULTILINE)
    return {float(edge): float(count) for edge, count in found}


def since(after: Mapping[float, float], before: Mapping[float, float]) -> dict[float, float]:
    return {edge: count - before.get(edge, 0.0) for edge, count in after.items()}


def within(seen: Mapping[float, float], share: float) -> str:
    """The edge that this share of a histogram is not above, in words."""
    if not seen or not max(seen.values()):
        return "-"
    wanted = share * max(seen.values())
    edge = min(edge for edge, count in seen.items() if count >= wanted)
    return f"<= {edge * 1000:g} ms"
