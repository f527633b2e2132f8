"""One HTTP/1.1 request and its response over an open connection."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

from prober.wire.answer import Answer
from prober.wire.connection import Connection
from prober.wire.course import Course
from prober.wire.failure import Failure, OwnFault

_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})
_AT_ONCE = 1 << 20  # bytes to unpack before others have their turn: about 3 ms


Lines = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` are sent as they are and must include Host.

    Content-Length (where there is a body, or the method expects one) and
    Connection: close are added where they are missing. `head` is all of that
    as it goes onto the wire, but for the empty line that ends it. Raises
    OwnFault where a line of it holds a line break.
    """

    method: str
    target: str
    headers: Lines = field(default=(), repr=False)  # some are secret
    body: bytes = field(default=b"", repr=False)
    head: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "head", _head(self))

    def stamped(self, stamps: Lines) -> bytes:
        """All that is sent, with header lines of this one run."""
        lines = [f"{name}: {value}\r\n" for name, value in stamps]
        return b"%b%b\r\n%b" % (self.head, "".join(lines).encode(), self.body)


class Limits(NamedTuple):
    """In bytes. `body` counts after decompression, `head` covers status line and headers."""

    body: int = 10 * 1024 * 1024
    head: int = 64 * 1024


_LIMITS = Limits()


class Response(NamedTuple):
    """What the peer answered. `first_byte` and `last_byte` are monotonic seconds.

    `version` is "1.0" or "1.1"; `wire_length` is the Content-Length, None
    where there was none; `body` is decoded (gzip, deflate) and `body_length`
    is its length. `received` counts the body's bytes as they came: coded, but
    without the framing of chunks.
    """

    version: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    wire_length: int | None
    body_length: int
    first_byte: float
    last_byte: float
    received: int = 0


async def exchange(
    connection: Connection, request: Request, limits: Limits = _LIMITS, stamps: Lines = ()
) -> Response:
    """Sends and receives; `stamps` are header lines of this run. Raises Failure or OwnFault.

    Adds the phases processing (until the first byte) and transfer to the
    connection's attempt, and the facts status_code and http_version as soon
    as they are known. Never waits while the kernel holds what is missing.
    """
    answer = Answer(request.method == "HEAD", limits.head, limits.body)
    course = _Course(connection, answer)
    try:
        await course.run(request.stamped(stamps))
    finally:
        course.close()
    return course.response()


def _head(request: Request) -> bytes:
    head = f"{request.method} {request.target} HTTP/1.1\r\n"
    head += "".join([f"{name}: {value}\r\n" for name, value in request.headers])
    if not head.count("\r\n") == head.count("\r") == head.count("\n") == 1 + len(request.headers):
        raise OwnFault("the request's target or a header holds a line break")
    given = head.lower()
    sized = "\ncontent-length:" in given or "\ntransfer-encoding:" in given
    if not sized and (request.body or request.method in _BODY_EXPECTED):
        head += f"Content-Length: {len(request.body)}\r\n"
    if "\nconnection:" not in given:
        head += "Connection: close\r\n"
    return head.encode()


class _Course(Course):
    __slots__ = ("_answer",)

    def __init__(self, connection: Connection, answer: Answer) -> None:
        super().__init__(connection)
        self._answer = answer

    async def run(self, request: bytes) -> None:
        answer, connection = self._answer, self._connection
        payload, unsent = answer.payload, None
        try:
            await connection.send(request, self._overheard)
        except Failure as failure:
            unsent = failure  # a peer may answer, and hang up, before it has read everything
        if self._broken is not None:
            raise self._broken
        while True:
            while payload.is_packed and payload.unpack(_AT_ONCE, whole=answer.done):  # noqa: ASYNC110 - a turn for the others, not a wait
                await asyncio.sleep(0)
            if answer.done:
                break
            try:
                data = await connection.receive(answer.digestible)
            except Failure as failure:
                raise Failure(failure.reason, f"{failure} {answer.progress}") from failure
            if not data and unsent is not None:
                raise unsent
            self._heed(data)
        self._last = connection.arrived

    def _is_answered(self) -> bool:
        return self._answer.status != 0

    def _heed(self, data: bytes) -> None:
        answer = self._answer
        if data and not self._first:
            self._note_first()
        known = answer.status
        try:
            answer.feed(data) if data else answer.end(self._connection.cut_short)
        finally:
            if answer.status != known:
                self._note_status(answer.status, answer.version)

    def close(self) -> None:
        self._answer.forget()
        super().close()

    def response(self) -> Response:
        answer, payload = self._answer, self._answer.payload
        return Response(
            answer.version,
            answer.status,
            answer.headers,
            payload.body,
            answer.wire_length,
            payload.length,
            self._first,
            self._last,
            payload.received,
        )
