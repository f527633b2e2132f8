"""Threads of our own: who waits for whom, and what becomes of calls that nobody waits for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from prober.wire.failure import OwnFault
from prober.wire.threads import Threads


@contextmanager
def stuck(threads: Threads) -> Iterator[asyncio.Future[bool]]:
    """A call that takes a thread until the end."""
    freed = threading.Event()
    try:
        yield threads.call(lambda: freed.wait(5))
    finally:
        freed.set()


async def test_calls_that_nobody_waits_for_leave_the_queue() -> None:
    threads = Threads(limit=1)
    ran: list[int] = []
    with stuck(threads) as first:
        waiting = [threads.call(partial(ran.append, n)) for n in range(5)]
        for future in waiting[:4]:
            future.cancel()
        await asyncio.sleep(0)
        assert len(threads._queue) == 1
    await first
    await waiting[4]

    assert ran == [4]


async def test_a_call_is_told_of_when_its_turn_comes() -> None:
    threads = Threads(limit=1)
    begun: list[str] = []
    with stuck(threads) as first:
        second = threads.call(int, lambda: begun.append("second"))
        await asyncio.sleep(0.01)
        assert begun == []
    await first
    await second

    assert begun == ["second"]


async def test_a_thread_that_does_not_start_is_our_own_fault_and_costs_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    threads = Threads(limit=1)
    with monkeypatch.context() as broken:
        broken.setattr(threading.Thread, "start", no_thread)
        for _ in range(3):
            with pytest.raises(OwnFault, match="no thread can be started"):
                await threads.call(int)

    async with asyncio.timeout(2):
        assert await threads.call(lambda: 7) == 7
