"""Which processes belong to a folder, and that none of them is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from prober.probes import processes
from prober.probes.processes import Process, end, with_descendants
from tests.agent_process import until
from tests.probes.playing import is_alive

IDLE = "import time; print('there', flush=True); time.sleep(600)"
# Starts one like itself in a session of its own, says its pid, and stays.
FATHER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


class Started:
    """Processes of a test's, which are gone at its end whatever the code under test has done."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []
        self._others: list[int] = []

    def idle(self, folder: Path, *, tmpdir: Path | None = None) -> int:
        return self._start(IDLE, folder, tmpdir).pid

    def father(self, folder: Path, *, tmpdir: Path | None = None) -> tuple[int, int]:
        """Its pid and its child's."""
        process = self._start(FATHER, folder, tmpdir)
        self._others.append(int(self._line))
        return process.pid, self._others[-1]

    def _start(self, code: str, folder: Path, tmpdir: Path | None) -> subprocess.Popen[bytes]:
        env = {"TMPDIR": str(tmpdir)} if tmpdir else {}
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder, env=env)
        self._started.append(process)
        assert process.stdout is not None
        self._line = process.stdout.readline()
        return process

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        for pid in self._others:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def started() -> Iterator[Started]:
    made = Started()
    yield made
    made.close()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "1"
    folder.mkdir(parents=True)
    return folder


async def test_a_whole_tree_is_killed_stopped_ones_too(
    started: Started, run: Path, tmp_path: Path
) -> None:
    father, child = started.father(tmp_path)
    os.kill(child, signal.SIGSTOP)

    left = end(run, father)

    assert left == ()
    assert not is_alive(father)
    await until(lambda: not is_alive(child), "the stopped child is gone")


@pytest.mark.parametrize("by", ["TMPDIR", "the folder it works in"])
async def test_an_orphan_is_known_by_its_folder(
    started: Started, run: Path, tmp_path: Path, by: str
) -> None:
    father, orphan = started.father(tmp_path, tmpdir=run) if by == "TMPDIR" else started.father(run)
    os.kill(orphan, signal.SIGSTOP)
    os.kill(father, signal.SIGKILL)

    assert end(run) == ()

    assert not is_alive(orphan)


def test_the_folder_of_all_runs_stands_for_each(started: Started, run: Path) -> None:
    pid = started.idle(run.parent.parent, tmpdir=run)

    assert end(run.parent) == ()

    assert not is_alive(pid)


def test_others_are_left_alone(started: Started, run: Path, tmp_path: Path) -> None:
    near = tmp_path / "runs" / "10"
    near.mkdir()
    others = [started.idle(tmp_path, tmpdir=near), started.idle(near), started.idle(tmp_path)]

    assert end(run) == ()

    assert all(map(is_alive, others))


def test_one_that_does_not_go_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = {os.getpid() + 1: Process(1, is_dead=False)}
    monkeypatch.setattr(processes, "processes", lambda: stuck)
    monkeypatch.setattr(processes, "_send", lambda number, pid: None)
    monkeypatch.setattr(processes, "ROUNDS", 3)

    assert end(run, os.getpid() + 1) == (os.getpid() + 1,)


def test_a_dead_process_that_nobody_asked_for_yet_counts_as_gone(run: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert end(run, process.pid) == ()

    assert process.wait() == 0


def test_descendants_are_all_below_and_never_ourselves() -> None:
    table = {1: 0, 2: 1, 3: 2, 4: 3, 5: 1, os.getpid(): 2}
    tree = {pid: Process(parent, is_dead=False) for pid, parent in table.items()}

    assert with_descendants([3], tree) == {3, 4}
    assert with_descendants([99], tree) == set()
    assert os.getpid() not in with_descendants([os.getpid()], tree)


def test_where_there_is_no_proc_ps_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    here = processes.processes()
    monkeypatch.setattr(processes, "PROC", Path("/nowhere"))
    there = processes.processes()

    assert there[os.getpid()] == here[os.getpid()]
    assert there[os.getpid()].parent == os.getppid()


def test_what_ps_shows_of_an_environment_is_matched_whole() -> None:
    listing = (
        "  12 /usr/bin/a --x TMPDIR=/data/runs/1 PATH=/bin\n"
        "  13 /usr/bin/b TMPDIR=/data/runs/10\n"
        "  14 /usr/bin/c HOME=/ TMPDIR=/data/runs/1/inner\n"
        "  15 /usr/bin/d XTMPDIR=/data/runs/1\n"
    )

    assert processes._marked_in(listing, Path("/data/runs/1")) == {12, 14}
    assert processes._marked_in(listing, Path("/data/runs")) == {12, 13, 14}
