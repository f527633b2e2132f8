"""What lines does a peer say, whatever it sends?

Lines end with LF or CRLF; what stands behind the last line end is a line once
the peer has ended. Bytes that are no UTF-8 become ``�``.
"""

from __future__ import annotations

import asyncio

from prober.result import Reason
from prober.wire.connection import Connection
from prober.wire.failure import Failure

LONGEST = 64 * 1024  # bytes of a line
MOST = 10 * 2**20  # bytes that are looked through for one match
# What is looked at before others have their turn: under 5 ms of work. A line costs as much as so
# many bytes of it.
_TURN, _LINE = 500_000, 500


class Lines:
    """The lines of one connection.

    `last` is what was said last, None where nothing ever was. `late` are the seconds
    by which we came late to read.
    """

    __slots__ = ("_buffer", "_connection", "_done", "_ended", "_left", "_seen", "last", "late")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self._seen = 0  # bytes of the buffer that hold no line end
        self._ended = False
        self._left = MOST
        self._done = 0
        self.last: bytes | None = None
        self.late = 0.0

    def begin(self) -> None:
        """Another answer is awaited, which may be as long as the one before."""
        self._left = MOST

    async def next(self) -> str | None:
        """None at the end. Raises Failure."""
        while (end := self._buffer.find(b"\n", self._seen)) < 0:
            self._refuse_length(len(self._buffer))
            if self._ended:
                return self._taken(len(self._buffer)) if self._buffer else None
            self._seen = len(self._buffer)
            await self._receive()
        self._refuse_length(end)
        self._done += end + _LINE
        if self._done > _TURN:
            self._done = 0
            await asyncio.sleep(0)
        return self._taken(end)

    def hear(self, data: bytes) -> bool:
        """What came while something was sent; True where it is too much to go on."""
        self._buffer += data
        return len(self._buffer) > MOST

    @property
    def rest(self) -> bytes:
        """What came and was not asked for yet."""
        return bytes(self._buffer)

    @property
    def unfinished(self) -> bytes:
        """The beginning of the next line, where its end has not come."""
        return b"" if b"\n" in self._buffer else bytes(self._buffer)

    async def _receive(self) -> None:
        waiting = self._connection.clock.monotonic()
        data = await self._connection.receive()
        self.late += self._connection.late_since(waiting)
        self._buffer += data
        self._ended = not data

    def _taken(self, end: int) -> str:
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._seen = 0
        self._left -= end + 1
        if self._left < 0:
            raise Failure(Reason.SIZE, f"over {MOST >> 20} MiB came and no line that matches")
        self.last = line = line.removesuffix(b"\r")
        return line.decode(errors="replace")

    def _refuse_length(self, length: int) -> None:
        if length > LONGEST:
            self.last = bytes(self._buffer[:LONGEST])
            self._buffer.clear()
            raise Failure(Reason.PROTOCOL, f"a line of over {LONGEST >> 10} KiB came")
