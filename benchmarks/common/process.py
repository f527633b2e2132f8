"""How is a program started on the cores that are meant for it, and what does it cost?

Only what is started here is ever stopped, each by its own process id.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_UNPACKED = ROOT / ".tools" / "usr"
_SEARCH = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/sbin", f"{_UNPACKED}/bin", f"{_UNPACKED}/sbin"]
)
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
STOP_WITHIN = 12.0  # seconds: an agent may take ten to drain
_PR_SET_CHILD_SUBREAPER = 36
_KILLS, _PAUSE = 250, 0.02  # rounds, and the seconds between two


@dataclass(frozen=True, slots=True)
class Cores:
    """What is measured has one to itself where there are two; all else has the second."""

    measured: frozenset[int]
    others: frozenset[int]

    @classmethod
    def here(cls) -> Cores:
        there = sorted(os.sched_getaffinity(0))
        if len(there) < 2:
            return cls(frozenset(there), frozenset(there))
        return cls(frozenset(there[:1]), frozenset(there[1:2]))

    @property
    def apart(self) -> bool:
        return self.measured != self.others

    def __str__(self) -> str:
        if not self.apart:
            return "everything on the only core"
        measured, others = (min(cores) for cores in (self.measured, self.others))
        return f"what is measured on core {measured}, all else on core {others}"


@contextmanager
def on(cores: frozenset[int]) -> Iterator[None]:
    """What is started in the block stays on these cores.

    They are inherited, and so by every thread too: a program pinned later has threads that are not.
    """
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def program(*names: str) -> str:
    """The path of the first of these that there is; the machine's own or what was unpacked."""
    for name in names:
        if path := shutil.which(name, path=_SEARCH):
            return path
    sys.exit(f"{names[0]} is missing; scripts/tools gets it")


class Process:
    """One of ours: its output goes to a file beside its other files."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        folder: Path,
        cores: frozenset[int],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = Path(argv[0]).name
        self._log = folder / f"{self.name}.log"
        with on(cores), self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                argv,
                cwd=folder,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def has_ended(self) -> bool:
        return self._popen.poll() is not None

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def cpu(self) -> float:
        """Seconds of user and system time, of all threads and of all processes it started."""
        return cpu_of_family(self.pid)

    def pss(self) -> int:
        """Bytes of memory of all processes it started and its own; what they share counts once."""
        return sum(map(_pss, family(self.pid)))

    def rss(self) -> int:
        """Bytes of memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE

    def wait(self, seconds: float) -> None:
        """Until it has ended by itself, and well."""
        code = self._popen.wait(seconds)
        if code:
            sys.exit(f"{self.name} ended with {code}: {self.said}")

    def stop(self) -> None:
        if self.has_ended:
            return
        self._popen.terminate()
        try:
            self._popen.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


@contextmanager
def running(
    argv: Sequence[str | Path],
    *,
    folder: Path,
    cores: frozenset[int],
    env: Mapping[str, str] | None = None,
) -> Iterator[Process]:
    """The program runs for as long as the block does."""
    process = Process(argv, folder=folder, cores=cores, env=env)
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def nothing_left() -> Iterator[None]:
    """Kills at the end what runs of all that was started in the block, by whomever.

    A program that is killed leaves its browser to whoever takes in orphans,
    which is us then: none gets out of sight.
    """
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        for _ in range(_KILLS):
            _bury()
            left = set(family(os.getpid())) - {os.getpid()}
            if not left:
                break
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_PAUSE)


def _bury() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def cpu_of_family(pid: int) -> float:
    """Seconds of user and system time of a process and of all that it started."""
    return sum(map(_cpu, family(pid)))


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def _cpu(pid: int) -> float:
    """Including that of children it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def family(pid: int) -> Iterator[int]:
    """A process and all that it started and they started."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in children:
        yield from family(int(child))
