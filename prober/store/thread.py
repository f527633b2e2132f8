"""Where work that waits for a disk is done: in a thread that nobody has to wait for.

The threads of an executor are joined when the interpreter ends, however long
a stalled disk holds them; ours is a daemon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Worker:
    """Does one thing after the other, in the order in which they were asked for."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        Thread(target=self._run, name=name, daemon=True).start()

    async def do(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. Cancelled before its turn, it is never begun."""
        return await asyncio.wrap_future(self._ask(work))

    def do_within(self, seconds: float, work: Callable[[], T]) -> T:
        """The same for who has no loop to hold up. Raises TimeoutError, and then it may be under way."""
        answer = self._ask(work)
        try:
            return answer.result(seconds)
        except TimeoutError:
            answer.cancel()
            raise

    def _ask(self, work: Callable[[], T]) -> Future[T]:
        answer: Future[T] = Future()
        self._jobs.put(lambda: _answer(answer, work))
        return answer

    def stop(self) -> None:
        """Ends the thread after what has been asked of it; waits for nothing."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _answer(answer: Future[T], work: Callable[[], T]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        done = work()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever asked
        answer.set_exception(error)
    else:
        answer.set_result(done)
