"""What a second process, or the end of the first by kill -9, does to a data_dir."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prober.errors import StartError
from prober.store.database import Store
from prober.store.lock import Lock
from tests.fake_clock import FakeClock


@contextmanager
def writing(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """A child that commits in a loop; its stdout names what is committed."""
    command = [sys.executable, "-m", "tests.store.writer", str(data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def acknowledged(child: subprocess.Popen[str], count: int) -> int:
    assert child.stdout is not None
    last = -1
    for _ in range(count):
        last = int(child.stdout.readline())
    return last


@pytest.mark.parametrize("count", [1, 40])
async def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, count: int) -> None:
    with writing(tmp_path) as child:
        acknowledged(child, count)
        child.send_signal(signal.SIGKILL)
        assert child.stdout is not None
        rest = child.stdout.read().split()
        last = int(rest[-1]) if rest else count - 1

    store = Store.open(tmp_path, FakeClock())
    loaded = await store.load()
    results = await store.recent("api", 10**6)
    await store.close()
    runs = [f"run{number}" for number in range(len(loaded.undelivered))]
    assert len(runs) > last
    assert [one.notice.key.rsplit("/")[-1] for one in loaded.undelivered] == runs
    assert {one.run_id for one in results} == set(runs)
    assert loaded.states["api", "down"].incident == runs[-1]


async def test_a_second_agent_is_told_the_pid_of_the_first_and_may_start_when_that_is_dead(
    tmp_path: Path,
) -> None:
    with writing(tmp_path) as child:
        acknowledged(child, 1)
        said = (
            f"data_dir {tmp_path} is in use by another prober agent (pid {child.pid}); "
            "stop it or choose another data_dir"
        )
        with pytest.raises(StartError, match=re.escape(said)):
            Store.open(tmp_path, FakeClock())
        child.send_signal(signal.SIGKILL)
        child.wait()

    await Store.open(tmp_path, FakeClock()).close()


def test_a_lock_that_was_given_back_can_be_taken(tmp_path: Path) -> None:
    first = Lock(tmp_path)
    with pytest.raises(StartError, match="in use"):
        Lock(tmp_path)
    first.release()

    Lock(tmp_path).release()
