"""What machine was that, and how much of it did others have meanwhile?"""

from __future__ import annotations

import os
import platform
import re
import resource
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.common.process import Cores, program

_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _NICE, _SYSTEM, _IDLE, _IOWAIT, _IRQ, _SOFTIRQ, _STEAL = range(8)


@dataclass(frozen=True, slots=True)
class Share:
    """CPU seconds of the whole machine since it was started, and our own of them."""

    total: float
    busy: float
    stolen: float
    ours: float

    @classmethod
    def now(cls) -> Self:
        line = Path("/proc/stat").read_text().splitlines()[0]
        ticks = [int(field) / _TICKS for field in line.split()[1:9]]
        busy = sum(ticks[place] for place in (_USER, _NICE, _SYSTEM, _IRQ, _SOFTIRQ))
        ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return cls(
            total=sum(ticks),
            busy=busy,
            stolen=ticks[_STEAL],
            ours=sum(usage.ru_utime + usage.ru_stime for usage in ours),
        )


def hardware() -> str:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores = len(os.sched_getaffinity(0))
    name = cpu.group(1) if cpu else platform.machine()
    return f"{name}, {cores} core{'' if cores == 1 else 's'}, Linux {platform.release()}"


def versions() -> str:
    openssl = " ".join(ssl.OPENSSL_VERSION.split()[:2])
    said = [f"Python {platform.python_version()} ({openssl})"]
    for names, options, pattern in (
        (("prometheus-blackbox-exporter", "blackbox_exporter"), "--version", r"version (\S+)"),
        (("prometheus-blackbox-exporter", "blackbox_exporter"), "--version", r"(go1\S*)"),
        (("nginx",), "-v", r"nginx/(\S+)"),
    ):
        done = subprocess.run(
            [program(*names), options], capture_output=True, text=True, check=False
        )
        found = re.search(pattern, done.stdout + done.stderr)
        name = "blackbox_exporter" if "blackbox" in names[0] else names[0]
        version = found.group(1) if found else "?"
        said.append(version if version.startswith("go") else f"{name} {version}")
    return ", ".join(said)


def report(cores: Cores, before: Share, seconds: float) -> str:
    """To be asked for when every process of ours has ended: only then are their times known."""
    after = Share.now()
    total = (after.total - before.total) or 1.0
    stolen = (after.stolen - before.stolen) / total
    others = max(0.0, after.busy - before.busy - (after.ours - before.ours)) / total
    return (
        f"{hardware()}\n{versions()}\n{cores}\n"
        f"in the {seconds:.0f} s it took, {stolen:.1%} of the machine's CPU was stolen "
        f"by its host and {others:.1%} used by other programs"
    )
