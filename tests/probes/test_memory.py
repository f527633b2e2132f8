"""How much memory a run has, and whether the system has ended a process for want of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prober.probes import memory
from prober.probes.memory import Look, blamed, kills, look, show_size, too_much
from prober.result import Finding, Reason

# Holds 64 MiB, as does its child, and maps a file of 64 MiB that nobody counts.
HOLDER = """
import mmap, subprocess, sys, time
held = bytearray(b"x" * (64 << 20))
file = open(sys.argv[1], "rb")
mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
read = sum(mapped[::4096])
if len(sys.argv) == 2:
    command = [sys.executable, sys.argv[0], sys.argv[1], "child"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
print("there", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mapped"
    path.write_bytes(b"x" * (64 << 20))
    return path


@pytest.fixture
def holder(file: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    script = tmp_path / "holder.py"
    script.write_text(HOLDER)
    command = [sys.executable, str(script), str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_run_has_what_all_its_processes_hold_but_not_the_files_they_share(
    holder: subprocess.Popen[bytes],
) -> None:
    seen = look(holder.pid)

    assert 128 << 20 <= seen.used < 192 << 20  # 64 MiB each, and two interpreters
    assert not seen.is_stopped
    assert not seen.has_stopped


def test_a_run_that_is_gone_has_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    assert look(process.pid) == Look()


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"proc/self/cgroup": "0::/a/b\n", "cgroup/a/b/memory.events": "oom 5\noom_kill 2\n"}, 2),
        (
            {
                "proc/self/cgroup": "9:name=systemd:/x\n4:cpu,memory:/m\n0::/\n",
                "cgroup/memory/m/memory.oom_control": "under_oom 0\noom_kill 3\n",
                "proc/vmstat": "oom_kill 9\n",
            },
            3,
        ),
        ({"proc/self/cgroup": "0::/a\n", "proc/vmstat": "pgfree 1\noom_kill 7\n"}, 7),
        ({"proc/vmstat": "pgfree 1\n"}, None),
        ({}, None),
    ],
)
def test_the_kills_of_our_own_group_count_before_those_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], count: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")

    assert kills() == count


CRASHED = Finding.unknown("a page crashed", Reason.BROWSER)
KILLED = Finding.unknown("killed by SIGKILL", Reason.KILLED)
DOWN = Finding.down(Reason.STEP, "no button")
OURS = Finding.unknown("no verdict")


@pytest.mark.parametrize(
    ("finding", "before", "after", "reason", "is_blamed"),
    [
        (CRASHED, 1, 2, Reason.KILLED, True),
        (KILLED, 0, 1, Reason.KILLED, True),
        (CRASHED, 2, 2, Reason.BROWSER, False),
        (KILLED, None, None, Reason.KILLED, False),
        (DOWN, 1, 2, Reason.STEP, False),
        (OURS, 1, 2, Reason.INTERNAL, False),
    ],
)
def test_a_crash_is_for_want_of_memory_only_where_the_system_has_killed_meanwhile(
    finding: Finding, before: int | None, after: int | None, reason: Reason, is_blamed: bool
) -> None:
    found = blamed(finding, before, after)

    assert found.reason is reason
    assert found.message.startswith("out of memory") == is_blamed
    assert found.message.endswith(finding.message)


def test_who_was_ended_at_the_ceiling_reads_both_sizes_and_the_step() -> None:
    found = too_much(1_825_361_101, 3 << 29, ', in step "pay"')

    assert found.reason is Reason.KILLED
    assert found.message == (
        "out of memory: the journey and its browser used 1.7 GiB, "
        'over agent.browser.memory 1.5 GiB, in step "pay"'
    )
    assert show_size(256 << 20) == "256 MiB"
