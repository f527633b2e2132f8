"""One HTTP/2 request and its response over an open connection, on which it is the only one."""

from __future__ import annotations

import asyncio

from prober.wire.connection import Connection
from prober.wire.course import Course
from prober.wire.failure import Failure
from prober.wire.http1 import Limits, Lines, Request, Response
from prober.wire.stream import Stream

_VERSION = "2"
_AT_ONCE = 1 << 20  # bytes to unpack before others have their turn: about 3 ms
_CAREFUL = 16384  # bytes to feed at once: they may be a thousand frames
_LIMITS = Limits()


async def exchange(
    connection: Connection, request: Request, limits: Limits = _LIMITS, stamps: Lines = ()
) -> Response:
    """As `http1.exchange`, where ALPN has chosen h2. Raises Failure or OwnFault.

    Headers that are the connection's own are not sent, Host as :authority;
    the first byte is that of the answer, not of the peer's settings.
    """
    asked = connection.clock.monotonic()
    course = _Course(connection, Stream(request, stamps, limits))
    connection.started_at += connection.clock.monotonic() - asked  # nobody waited for the peer
    try:
        await course.run()
    finally:
        course.close()
    return course.response()


class _Course(Course):
    __slots__ = ("_stream",)

    def __init__(self, connection: Connection, stream: Stream) -> None:
        super().__init__(connection)
        self._stream = stream

    async def run(self) -> None:
        stream = self._stream
        unsent: Failure | None = None
        while True:
            while stream.payload.is_packed and stream.payload.unpack(_AT_ONCE, whole=stream.done):  # noqa: ASYNC110 - a turn
                await asyncio.sleep(0)
            if stream.done:
                break
            unsent = unsent or await self._say()
            if self._broken is not None:
                raise self._broken
            if stream.done:
                continue
            data = await self._receive()
            if not data and unsent is not None:
                raise unsent
            self._heed(data)
        self._last = self._connection.arrived

    async def _say(self) -> Failure | None:
        """All that may be said now. A peer that takes no more may still have answered."""
        stream = self._stream
        try:
            while data := stream.outgoing():
                await self._connection.send(data, self._overheard)
                if stream.done or self._broken is not None:
                    break
                if stream.unsent:
                    await asyncio.sleep(0)
        except Failure as failure:
            return failure
        return None

    def _is_answered(self) -> bool:
        return self._stream.done

    async def _receive(self) -> bytes:
        try:
            return await self._connection.receive(_CAREFUL)
        except Failure as failure:
            raise Failure(failure.reason, f"{failure} {self._stream.progress}") from failure

    def _heed(self, data: bytes) -> None:
        stream = self._stream
        known = stream.status
        try:
            stream.feed(data) if data else stream.end()
        finally:
            if stream.begun and not self._first:
                self._note_first()
            if stream.status != known:
                self._note_status(stream.status, _VERSION)

    def response(self) -> Response:
        stream, payload = self._stream, self._stream.payload
        return Response(
            version=_VERSION,
            status=stream.status,
            headers=stream.headers,
            body=payload.body,
            wire_length=stream.wire_length,
            body_length=payload.length,
            first_byte=self._first,
            last_byte=self._last,
            received=payload.received,
        )
