"""Does this machine have the clock, processors, memory and disk that the agent needs?"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from prober.clock import SystemClock
from prober.doctor.looks import Machine, Seen
from prober.units import show_duration

MIB, GIB = 2**20, 2**30
WATCHED = 0.5  # seconds for which the two clocks are compared
STEP = 0.05  # seconds by which they may differ after them
UNSYNCHRONISED = 5  # what adjtimex(2) returns then
PER_JOURNEY = 400 * MIB  # that an ordinary one takes
AGENT = 256 * MIB
ENOUGH = GIB  # free in data_dir
SLOW_DISK = 0.1  # seconds for a write that is to last
FILES, FILES_PER_CHECK, FILES_PER_JOURNEY = 128, 2, 20


async def clock(machine: Machine) -> Seen:
    before = machine.clock.now() - machine.clock.monotonic()
    await machine.clock.sleep(WATCHED)
    step = machine.clock.now() - machine.clock.monotonic() - before
    return judged_clock(step, _adjtimex())


def judged_clock(step: float, state: int | None) -> Seen:
    """By how much the time of day was set meanwhile, and what the kernel thinks of it."""
    if abs(step) > STEP:
        found = f"the time of day was set by {show_duration(step)} within {show_duration(WATCHED)}"
        return Seen.warn(found, "let one program set it, slowly: chrony or systemd-timesyncd")
    if state == UNSYNCHRONISED:
        found = "the kernel does not take its clock for synchronised"
        return Seen.warn(found, "run chrony or systemd-timesyncd, on the host of a container")
    return Seen.ok("it runs evenly" + ("" if state is None else ", and is synchronised"))


def _adjtimex() -> int | None:
    """None where nobody can be asked."""
    call = getattr(ctypes.CDLL(None), "adjtimex", None)
    state = -1 if call is None else call(ctypes.create_string_buffer(512))  # zeros: change nothing
    return state if state >= 0 else None


def processors(machine: Machine) -> Seen:
    count, workers = _processors(), machine.config.agent.browser.workers
    load = os.getloadavg()[0]
    if workers > count:
        found = f"{count} for {workers} journeys at a time, which measure each other then"
        return Seen.warn(found, f"write agent: {{browser: {{workers: {count}}}}}")
    if load > count:
        found = f"{count}, on which {load:.2g} programs want to run"
        return Seen.warn(found, "vitals get worse by that: give the agent a quieter machine")
    return Seen.ok(f"{count}, on which {load:.2g} programs want to run")


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory(machine: Machine) -> Seen:
    left = min(_available(machine.root), default=None)
    if left is None:
        return Seen.ok("this system does not say how much there is")
    browser = machine.config.agent.browser
    has = f"{_size(left)} are available"
    allowed = f"agent.browser allows {browser.workers} times {_size(browser.memory)}"
    if left < AGENT + browser.workers * PER_JOURNEY:
        found = f"{has}; an ordinary journey takes {_size(PER_JOURNEY)}"
        return Seen.fail(found, "add memory, or lower agent.browser.workers")
    if left < AGENT + browser.workers * browser.memory:
        return Seen.warn(f"{has}; {allowed}", "add memory, or lower one of them")
    return Seen.ok(f"{has}; {allowed}")


def _available(root: Path) -> Iterator[int]:
    with suppress(OSError, StopIteration):
        lines = (root / "proc/meminfo").read_text().splitlines()
        line = next(one for one in lines if one.startswith("MemAvailable:"))
        yield int(line.split()[1]) * 1024
    group = root / "sys/fs/cgroup"
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):  # "max"
            yield int((group / limit).read_text()) - int((group / used).read_text())


def files(machine: Machine) -> Seen:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    settings = machine.config
    wanted = FILES + FILES_PER_CHECK * len(settings.checks)
    wanted += FILES_PER_JOURNEY * settings.agent.browser.workers
    if soft not in (-1, resource.RLIM_INFINITY) and soft < wanted:
        found = f"{soft} may be open at a time, {wanted} may be wanted"
        return Seen.warn(found, f"ulimit -n {wanted}, or LimitNOFILE={wanted} in a systemd unit")
    return Seen.ok("any number may be open" if soft < 0 else f"{soft} may be open at a time")


def disk(machine: Machine) -> Seen:
    """Leaves nothing in data_dir, and does not make it."""
    data_dir = machine.config.agent.data_dir
    folder = next(one for one in (data_dir, *data_dir.parents) if one.exists())
    try:
        took = _written(folder)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        found = f"data_dir {data_dir} cannot be written: {why}"
        return Seen.fail(found, "let this user write there, or choose another agent.data_dir")
    found = (
        f"{_size(free)} free for data_dir {data_dir}, a lasting write takes {show_duration(took)}"
    )
    if free < ENOUGH:
        return Seen.warn(found, f"have {_size(ENOUGH)} there, most of it for evidence")
    if took > SLOW_DISK:
        return Seen.warn(found, "put data_dir on a quicker disk: history waits for it")
    return Seen.ok(found)


def _written(folder: Path) -> float:
    clock = SystemClock()
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".prober-doctor-") as file:
        began = clock.monotonic()
        file.write(bytes(4096))
        file.flush()
        os.fsync(file.fileno())
        return clock.monotonic() - began


def _size(count: float) -> str:
    return f"{count / GIB:.3g} GiB" if count >= GIB else f"{count / MIB:.3g} MiB"
