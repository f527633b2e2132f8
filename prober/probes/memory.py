"""How is a run: how much memory has it, is one of its processes stopped, has the system ended some?

Only what is a run's own is counted: private and shared memory (`RssAnon`,
`RssShmem`), not the files that a browser's processes all have mapped. All of
this blocks: call it in a thread.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prober.probes import processes
from prober.result import Finding, Outcome, Reason

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
_OWN = re.compile(rb"^Rss(?:Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Look:
    """What a run was like in one moment; bytes, 0 where the system does not say."""

    used: int = 0
    is_stopped: bool = False  # its first process
    has_stopped: bool = False  # any other


def look(first: int | None, folder: Path | None = None) -> Look:
    """At the process `first`, all that descends from it and, if told, all that belongs to `folder`.

    Where `first` has ended, the others have lost their parent and are found by the
    folder; but that reads a file of each process that there is.
    """
    table = processes.processes()
    marked = processes.marked(table, folder) if folder is not None else ()
    pids = processes.with_descendants([*marked, *([] if first is None else [first])], table)
    stopped = {pid for pid in pids if table[pid].is_stopped}
    return Look(sum(map(_used, pids)), first in stopped, bool(stopped - {first}))


def _used(pid: int) -> int:
    with suppress(OSError):  # gone meanwhile
        status = (PROC / str(pid) / "status").read_bytes()
        return 1024 * sum(map(int, _OWN.findall(status)))
    return 0


def kills() -> int | None:
    """How many processes the system has ended so far since it had no memory; None: it does not say.

    Those of our own group, else of the whole machine.
    """
    for path in (*_groups(), PROC / "vmstat"):
        with suppress(OSError):
            if found := _KILLS.search(path.read_text()):
                return int(found[1])
    return None


def _groups() -> list[Path]:
    """The files that may say it of our group: version 2 of the kernel's interface, and 1."""
    try:
        lines = (PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        number, names, place = line.split(":", 2)
        if number == "0" and not names:
            found.append(CGROUPS / place.lstrip("/") / "memory.events")
        elif "memory" in names.split(","):
            found.append(CGROUPS / "memory" / place.lstrip("/") / "memory.oom_control")
    return found


def too_much(used: int, limit: int, where: str) -> Finding:
    """Of a run that was ended, as it had more than it may."""
    return Finding.unknown(
        f"out of memory: the journey and its browser used {show_size(used)}, "
        f"over agent.browser.memory {show_size(limit)}{where}",
        Reason.KILLED,
    )


def blamed(finding: Finding, before: int | None, after: int | None) -> Finding:
    """With the cause of a crash, where the system has ended processes meanwhile for want of memory."""
    crashed = finding.outcome is Outcome.UNKNOWN and finding.reason in (
        Reason.BROWSER,
        Reason.KILLED,
    )
    if not crashed or before is None or after is None or after <= before:
        return finding
    said = f"out of memory: the system ended a process for want of it; {finding.message}"
    return finding._replace(reason=Reason.KILLED, message=said)


def show_size(size: int) -> str:
    """For people: `1.5 GiB`, `256 MiB`."""
    mebibytes = size / (1 << 20)
    return f"{mebibytes / 1024:.2g} GiB" if mebibytes >= 1024 else f"{mebibytes:.0f} MiB"
