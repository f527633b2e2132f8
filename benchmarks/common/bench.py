"""What every benchmark has around it: a folder, the cores, an end that leaves nothing behind."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from benchmarks.common import machine
from benchmarks.common.process import Cores, nothing_left
from prober.clock import SystemClock

CLOCK = SystemClock()
PORTS = range(12_000, 32_000)  # below those that systems give to whoever asks for any


@dataclass(frozen=True, slots=True)
class Bench:
    """Where it happens. `folder` is removed at the end."""

    folder: Path
    cores: Cores

    def room(self, name: str) -> Path:
        """An empty folder in it."""
        path = self.folder / name
        if path.exists():
            shutil.rmtree(path)
        path.mkdir()
        return path


@contextmanager
def bench(title: str) -> Iterator[Bench]:
    """Prints the title first and the machine last."""
    if not sys.platform.startswith("linux"):
        sys.exit("the benchmarks read /proc and pin to cores: they need Linux")
    signal.signal(signal.SIGTERM, _end)  # so that what was started is stopped
    print(f"{title}\n", flush=True)
    began, before, cores = CLOCK.monotonic(), machine.Share.now(), Cores.here()
    with tempfile.TemporaryDirectory(prefix="prober-bench-") as name:
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores.others)
        try:
            with nothing_left():  # or it writes into the folder that goes
                yield Bench(Path(name), cores)
        finally:
            os.sched_setaffinity(0, own)
    print()
    print(machine.report(cores, before, CLOCK.monotonic() - began), flush=True)


def note(text: str) -> None:
    """For whoever waits."""
    print(f"... {text}", file=sys.stderr, flush=True)


def free_ports(count: int) -> list[int]:
    """Of 127.0.0.1; all different, free a moment ago, and none that the system gives to others."""
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(PORTS, len(PORTS)):
            sock = held.enter_context(socket.socket())
            with suppress(OSError):
                sock.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                break
    return found


def sleep_until(moment: float) -> None:
    """A monotonic one; at once where it has passed."""
    time.sleep(max(0.0, moment - CLOCK.monotonic()))


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
