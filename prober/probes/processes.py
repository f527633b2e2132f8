"""Which processes belong to a run, and how are all of them ended?

Killing the first of them is not enough: a browser sits in a process group of
its own, and one that is stopped stays for ever. So everything that descends
from the first is killed, and everything that has the run's folder as TMPDIR or
works in it: an orphan has lost its parent, but keeps these.

All of this blocks: call it in a thread.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
ROUNDS, PAUSE = 75, 0.02  # looks, and the seconds between two: killed processes are gone in one


class Process(NamedTuple):
    parent: int
    is_dead: bool  # its parent has not been told yet; it does nothing any more
    is_stopped: bool = False  # by a signal: it does nothing until somebody lets it go on


def end(folder: Path, first: int | None = None) -> tuple[int, ...]:
    """Kills all that belongs to `folder`; the pids of what would not go in a second and a half.

    `first` is a process that is known to be ours still: nobody may have waited
    for it. It is stopped before anything else, so that it starts no more.
    """
    if first is not None:
        _send(signal.SIGSTOP, first)
    ours: set[int] = set()
    for _ in range(ROUNDS):
        table = processes()
        roots = {*ours, *marked(table, folder), *([] if first is None else [first])}
        ours = {pid for pid in with_descendants(roots, table) if not table[pid].is_dead}
        if not ours:
            return ()
        for pid in ours:
            _send(signal.SIGKILL, pid)
        threading.Event().wait(PAUSE)
        _bury(ours - {first})
    return tuple(sorted(ours))


def with_descendants(roots: Iterable[int], table: Mapping[int, Process]) -> set[int]:
    """Those of `roots` that there are, their children, and so on; never ourselves."""
    children: dict[int, list[int]] = {}
    for pid, process in table.items():
        children.setdefault(process.parent, []).append(pid)
    found: set[int] = set()
    left = [pid for pid in roots if pid in table and pid != os.getpid()]
    while left:
        pid = left.pop()
        if pid not in found:
            found.add(pid)
            left += children.get(pid, ())
    return found


def processes() -> dict[int, Process]:
    """All there are."""
    if not _has_proc():
        return _parsed(_ps("-A", "-o", "pid=,ppid=,stat="))
    found = {}
    for entry in os.scandir(PROC):
        if entry.name.isdigit():
            with suppress(OSError):  # gone meanwhile
                found[int(entry.name)] = _stat(_read(f"{entry.path}/stat"))
    return found


def _stat(line: bytes) -> Process:
    state, parent = line.rpartition(b")")[2].split()[:2]
    return Process(int(parent), state in (b"Z", b"X"), state in (b"T", b"t"))


def _parsed(listing: str) -> dict[int, Process]:
    rows = (line.split() for line in listing.splitlines())
    return {
        int(row[0]): Process(int(row[1]), row[2][0] in "ZX", row[2][0] == "T")
        for row in rows
        if len(row) > 2
    }


def marked(table: Iterable[int], folder: Path) -> set[int]:
    """Those that have `folder` as TMPDIR or work in it."""
    if not _has_proc():
        return _marked_in(_ps("-A", "-E", "-ww", "-o", "pid=,command="), folder)
    inside = os.fsencode(folder)
    return {pid for pid in table if pid != os.getpid() and _is_marked(pid, inside)}


def _is_marked(pid: int, folder: bytes) -> bool:
    with suppress(OSError):  # gone, or another user's
        variables = b"\0" + _read(f"/proc/{pid}/environ")
        if any(b"\0TMPDIR=" + folder + ending in variables for ending in (b"\0", b"/")):
            return True
        place = os.readlink(b"/proc/%d/cwd" % pid)
        return place == folder or place.startswith(folder + b"/")
    return False


def _marked_in(listing: str, folder: Path) -> set[int]:
    mark = re.compile(rf"\s*(\d+) .*\sTMPDIR={re.escape(str(folder))}(?:[/\s]|$)")
    matches = map(mark.match, listing.splitlines())
    return {int(match[1]) for match in matches if match and int(match[1]) != os.getpid()}


def _ps(*options: str) -> str:
    command = ("ps", *options)
    said = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - fixed words
    return said.stdout.decode(errors="replace")


def _has_proc() -> bool:
    return (PROC / "self" / "stat").exists()


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _send(number: signal.Signals, pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _bury(pids: Iterable[int]) -> None:
    """Orphans come to us where the agent is a container's first process; else they are not ours."""
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
