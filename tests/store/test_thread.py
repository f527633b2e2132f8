from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from prober.store.thread import Worker

STUCK = """
import asyncio, threading
from prober.store.thread import Worker

async def main():
    worker = Worker("stuck")
    task = asyncio.ensure_future(worker.do(threading.Event().wait))
    await asyncio.wait({task}, timeout=0.05)
    worker.stop()

asyncio.run(main())
"""


async def test_work_is_done_in_a_thread_of_its_own_in_order() -> None:
    worker = Worker("ours")
    done: list[int] = []
    await asyncio.gather(*(worker.do(lambda n=n: done.append(n)) for n in range(20)))  # type: ignore[misc]  # mypy infers no type for a lambda with a default

    assert done == list(range(20))
    assert await worker.do(lambda: threading.current_thread().name) == "ours"
    worker.stop()


async def test_what_it_raises_is_raised_to_whoever_asked() -> None:
    worker = Worker("ours")
    with pytest.raises(ZeroDivisionError):
        await worker.do(lambda: 1 // 0)
    assert await worker.do(lambda: 1) == 1
    worker.stop()


async def test_work_cancelled_before_its_turn_is_never_begun() -> None:
    worker, gate = Worker("ours"), threading.Event()
    first = asyncio.ensure_future(worker.do(gate.wait))
    begun: list[int] = []
    second = asyncio.ensure_future(worker.do(lambda: begun.append(1)))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait({second})
    gate.set()

    await first
    await worker.do(lambda: None)
    assert begun == []
    worker.stop()


def test_a_thread_that_is_stuck_does_not_keep_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", STUCK], check=False, timeout=20)

    assert done.returncode == 0


def test_who_has_no_loop_waits_so_long_and_no_longer() -> None:
    worker, gate = Worker("ours"), threading.Event()
    assert worker.do_within(5, lambda: 1) == 1
    begun: list[int] = []
    with pytest.raises(TimeoutError):
        worker.do_within(0.01, gate.wait)
    with pytest.raises(TimeoutError):
        worker.do_within(0.01, lambda: begun.append(1))
    gate.set()

    assert worker.do_within(5, lambda: 2) == 2
    assert begun == []
    worker.stop()
