"""How is a pipe read on the loop when whoever fills it may be out of his mind?

A little at a time, and slowly where it does not end: then the writer is held
up by its own pipe, and not the agent by the writer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import IO

from prober.secret import CUT

PIECE = 16 << 10  # bytes that are read at a time
FREELY, THEN_EVERY = 1 << 20, 0.02  # bytes that are read at once; then a piece each so many seconds
KEPT = 32 << 10  # bytes of the beginning, and as many of the end, of what is printed
HELD = 1 << 20  # bytes that are read after the end


class Output:
    """The beginning and the end of what a script prints, in whole lines where it was cut."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def feed(self, data: bytes) -> None:
        room = KEPT - len(self._head)
        self._head += data[:room]
        self._tail += data[room:] if room > 0 else data
        if (over := len(self._tail) - KEPT) > 0:
            del self._tail[:over]
            self._left_out += over

    def __str__(self) -> str:
        if not self._left_out:
            return bytes(self._head + self._tail).decode(errors="replace")
        head, tail = self._head.rpartition(b"\n")[0], self._tail.partition(b"\n")[2]
        left_out = self._left_out + len(self._head) + len(self._tail) - len(head) - len(tail)
        middle = f"\n{CUT} {left_out} bytes are left out here\n"
        return head.decode(errors="replace") + middle + tail.decode(errors="replace")

    @property
    def last_line(self) -> str:
        lines = [text for text in str(self).splitlines() if text.strip()]
        return lines[-1].strip() if lines else ""


class Lines:
    """Cuts what is read into lines; gives up at one that is too long."""

    def __init__(
        self, hear: Callable[[bytes], None], garbled: Callable[[], None], longest: int
    ) -> None:
        self._hear = hear
        self._longest = longest
        self._garbled = garbled
        self._rest = bytearray()
        self._is_garbled = False

    def feed(self, data: bytes) -> None:
        if self._is_garbled:
            return
        first, *more = data.split(b"\n")
        self._rest += first
        for piece in more:
            self._hear(bytes(self._rest))
            self._rest = bytearray(piece)
        if len(self._rest) > self._longest:
            self._is_garbled = True
            self._rest.clear()
            self._garbled()


class Tap:
    """Reads a pipe as it fills, slowly where it does without end."""

    def __init__(
        self, pipe: IO[bytes], feed: Callable[[bytes], None], closed: Callable[[], None]
    ) -> None:
        self._pipe = pipe
        self._feed = feed
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._freely = FREELY
        self._pause: asyncio.Handle | None = None
        self._open()

    def drain(self) -> None:
        """Takes what is in the pipe by now; a process that goes on writing is not waited for."""
        for _ in range(HELD // PIECE):
            if self._pipe.closed or not self._read():
                return

    def close(self) -> None:
        if not self._pipe.closed:
            self._shut()
            self._pipe.close()

    def _open(self) -> None:
        self._loop.add_reader(self._pipe, self._readable)

    def _shut(self) -> None:
        self._loop.remove_reader(self._pipe)
        if self._pause is not None:
            self._pause.cancel()

    def _readable(self) -> None:
        self._read()
        if self._freely <= 0 and not self._pipe.closed:
            self._loop.remove_reader(self._pipe)
            self._pause = self._loop.call_later(THEN_EVERY, self._open)

    def _read(self) -> bool:
        """Whether there may be more."""
        try:
            data = os.read(self._pipe.fileno(), PIECE)
        except BlockingIOError:
            return False
        self._freely -= len(data)
        if data:
            self._feed(data)
        else:
            self.close()
            self._closed()
        return bool(data)
