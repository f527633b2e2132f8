"""One HTTP/1.1 request and its response over an open connection."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

from prober.wire.answer import Answer
from prober.wire.connection import Connection
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
    reason: str
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
    course = _Course(connection, request, limits)
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


class _Course:
    """One exchange under way."""

    __slots__ = ("_answer", "_began", "_broken", "_connection", "_first", "_last")

    def __init__(self, connection: Connection, request: Request, limits: Limits) -> None:
        connection.attempt.during = "processing"
        self._connection = connection
        self._answer = Answer(request.method == "HEAD", limits.head, limits.body)
        self._broken: Failure | None = None  # what came while the request was being sent
        self._first = self._last = 0.0
        self._began = connection.clock.monotonic()

    async def run(self, request: bytes) -> None:
        answer, connection = self._answer, self._connection
        unsent = None
        try:
            await connection.send(request, self._overheard)
        except Failure as failure:
            unsent = failure  # a peer may answer, and hang up, before it has read everything
        if self._broken is not None:
            raise self._broken
        while True:
            while answer.packed and answer.unpack(_AT_ONCE):  # noqa: ASYNC110 - a turn for the others, not a wait
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

    def _overheard(self, data: bytes) -> bool:
        """Has the answer begun, so that nobody waits for the rest of the request?"""
        try:
            self._heed(data)
        except Failure as failure:
            self._broken = failure
        return self._answer.status != 0 or self._broken is not None

    def _heed(self, data: bytes) -> None:
        answer, attempt = self._answer, self._connection.attempt
        if data and not self._first:
            self._first = self._connection.arrived
            attempt.during = "transfer"
        known = answer.status
        try:
            answer.feed(data) if data else answer.end(self._connection.cut_short)
        finally:
            if answer.status != known:
                attempt.facts["status_code"] = answer.status
                attempt.facts["http_version"] = answer.version

    def close(self) -> None:
        self._answer.forget()
        attempt = self._connection.attempt
        end = self._last or self._connection.clock.monotonic()
        attempt.add("processing", (self._first or end) - self._began)
        if self._first:
            attempt.add("transfer", end - self._first)

    def response(self) -> Response:
        answer = self._answer
        return Response(
            answer.version,
            answer.status,
            answer.reason,
            answer.headers,
            answer.body,
            answer.wire_length,
            answer.body_length,
            self._first,
            self._last,
            answer.received,
        )
