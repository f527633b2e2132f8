"""Where is an answer judged, so that judging it holds nobody up?

What takes under 5 ms is judged at once. All else goes to processes of our own,
not to threads: a JSONPath can go on for hours in a small body and no thread
can be ended, and reading 10 MB of JSON stops all threads for half a second. A
process is killed when it takes too long or when nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from typing import IO

from prober import __version__
from prober.errors import ProberError
from prober.probes.answer import Answer
from prober.probes.look import Look, Seen, see, takes_long
from prober.units import show_duration

LIMIT = 5.0  # seconds of one judgement
LENGTH = 8  # bytes of a frame's length, which come before the frame
_START = 20.0  # seconds that a process has to start, on a machine that is busy
_AT_ONCE = 1 << 16  # bytes


class Unjudged(ProberError):
    """The answer was there, but we could not say whether it is as expected."""


class _TooLong(Unjudged):
    pass


class Judges:
    """Judgements for all checks: a few at a time, and one of each check.

    Checks whose last judgement took too long have a process to themselves, so
    that the others never wait for it.
    """

    def __init__(self, *, processes: int = 2, limit: float = LIMIT) -> None:
        self._lane = _Lane(processes, limit)
        self._slow_lane = _Lane(1, limit)
        self._busy: set[str] = set()
        self._slow: set[str] = set()

    async def see(self, check: str, look: Look, answer: Answer) -> Seen:
        """As `look.see`. Raises Unjudged."""
        if not takes_long(look, len(answer.body)):
            return see(look, answer)
        if check in self._busy:
            raise Unjudged("the answer of an earlier run is still being judged")
        self._busy.add(check)
        try:
            lane = self._slow_lane if check in self._slow else self._lane
            seen = await lane.see(look, answer)
        except _TooLong:
            self._slow.add(check)
            raise
        finally:
            self._busy.discard(check)
        self._slow.discard(check)
        return seen

    def close(self) -> None:
        """Kills the processes that wait for work."""
        self._lane.close()
        self._slow_lane.close()


class _Lane:
    """At most `free` judgements at a time; the others wait their turn, but not for long."""

    def __init__(self, free: int, limit: float) -> None:
        self._free = free
        self._limit = limit
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: list[_Process] = []

    async def see(self, look: Look, answer: Answer) -> Seen:
        async with self._turn():
            process = self._idle_one()
            done = False
            try:
                # Bounded here, because the runner leaves judging alone: it is not the target's time.
                process = process or await _started()
                with _said(f"the answer took over {show_duration(self._limit)} to judge"):
                    async with asyncio.timeout(self._limit):
                        seen = await process.see(look, answer)
                done = True
            finally:
                if process is not None and done:
                    self._idle.append(process)
                elif process is not None:
                    process.kill()
        return seen

    def _idle_one(self) -> _Process | None:
        while self._idle:
            process = self._idle.pop()
            if process.lives:
                return process
            process.kill()
        return None

    def close(self) -> None:
        while self._idle:
            self._idle.pop().kill()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._free:
            self._free -= 1
        else:
            await self._called()
        try:
            yield
        finally:
            self._next()

    async def _called(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._limit):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():
                self._next()  # called, and gone already
            if isinstance(error, TimeoutError):
                within = show_duration(self._limit)
                raise Unjudged(f"no process was free to judge the answer within {within}") from None
            raise

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class _Process:
    """One judging process, which takes one answer at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "prober.probes.judge"]
        # A session of its own: a Ctrl-C at the terminal is for the agent.
        self._popen = subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._in, self._out = _unblocked(self._popen.stdin), _unblocked(self._popen.stdout)

    @property
    def lives(self) -> bool:
        return self._popen.poll() is None

    async def version(self) -> str:
        """What it says first."""
        return (await self._frame()).decode()

    async def see(self, look: Look, answer: Answer) -> Seen:
        head = pickle.dumps((look, replace(answer, body=b"")), pickle.HIGHEST_PROTOCOL)
        for frame in (head, answer.body):
            await self._write(len(frame).to_bytes(LENGTH))
            await self._write(frame)
        seen: Seen = pickle.loads(await self._frame())  # noqa: S301 - our own child
        return seen

    def kill(self) -> None:
        self._popen.kill()
        self._in.close()
        self._out.close()
        self._popen.wait()

    async def _write(self, data: bytes) -> None:
        loop, fd, left = asyncio.get_running_loop(), self._in.fileno(), memoryview(data)
        while left:
            try:
                left = left[os.write(fd, left[:_AT_ONCE]) :]
            except BlockingIOError:
                await _ready(partial(loop.add_writer, fd), partial(loop.remove_writer, fd))
            except BrokenPipeError:
                raise _ended() from None
            else:
                await asyncio.sleep(0)

    async def _frame(self) -> bytes:
        return await self._read(int.from_bytes(await self._read(LENGTH)))

    async def _read(self, length: int) -> bytes:
        loop, fd, data = asyncio.get_running_loop(), self._out.fileno(), bytearray()
        while len(data) < length:
            try:
                piece = os.read(fd, length - len(data))
            except BlockingIOError:
                await _ready(partial(loop.add_reader, fd), partial(loop.remove_reader, fd))
                continue
            if not piece:
                raise _ended()
            data += piece
        return bytes(data)


def _unblocked(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise Unjudged("no pipe to the process to judge the answer in")
    os.set_blocking(pipe.fileno(), False)
    return pipe


async def _started() -> _Process:
    try:
        process = _Process()
    except OSError as error:
        raise Unjudged(f"no process to judge the answer in: {error.strerror}") from error
    begun = False
    try:
        async with asyncio.timeout(_START):  # it is ours, and nobody else watches over it
            version = await process.version()
        begun = version == __version__
    except TimeoutError:
        raise Unjudged("the process to judge the answer in does not start") from None
    finally:
        if not begun:
            process.kill()
    if not begun:
        raise Unjudged("the program was replaced since the agent started; restart the agent")
    return process


async def _ready(add: Callable[[Callable[[], None]], object], remove: Callable[[], object]) -> None:
    """Until a file can be read, or written to."""
    turn = asyncio.get_running_loop().create_future()
    add(lambda: None if turn.done() else turn.set_result(None))
    try:
        await turn
    finally:
        remove()


@contextmanager
def _said(message: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise _TooLong(f"{message}: the path is too expensive for this body") from None


def _ended() -> Unjudged:
    return Unjudged("the process that judged the answer ended early")


JUDGES = Judges()
atexit.register(JUDGES.close)
