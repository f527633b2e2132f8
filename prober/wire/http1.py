"""One HTTP/1.1 request and its response over an open connection."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from prober.result import Attempt
from prober.wire.answer import Answer
from prober.wire.dial import Connection
from prober.wire.failure import Failure, OwnFault

_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})
_AT_ONCE = 1 << 20  # bytes to unpack before others have their turn: about 3 ms


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` are sent as they are and must include Host.

    Content-Length (where there is a body, or the method expects one) and
    Connection: close are added where they are missing.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Limits:
    """In bytes. `body` counts after decompression, `head` covers status line and headers."""

    body: int = 10 * 1024 * 1024
    head: int = 64 * 1024


class Response(NamedTuple):
    """What the peer answered. `first_byte` and `last_byte` are monotonic seconds.

    `version` is "1.0" or "1.1"; `wire_length` is the Content-Length, None
    where there was none; `body` is decoded (gzip, deflate) and `body_length`
    is its length.
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


async def exchange(connection: Connection, request: Request, limits: Limits = Limits()) -> Response:
    """Sends and receives. Raises Failure or OwnFault.

    Adds the phases processing (until the first byte) and transfer to the
    connection's attempt, and the facts status_code and http_version as soon
    as they are known. Never waits while the kernel holds what is missing.
    """
    attempt, clock = connection.attempt, connection.clock
    attempt.during = "processing"
    answer = Answer(request.method == "HEAD", limits.head, limits.body)
    first = last = 0.0
    began = clock.monotonic()
    try:
        unsent = await _send(connection, encode(request))
        while not answer.done:
            data = await _receive(connection, answer, unsent)
            if data and not first:
                first = connection.arrived
                attempt.during = "transfer"
            _advance(answer, data, attempt)
            while answer.unpack(_AT_ONCE):  # noqa: ASYNC110 - a turn for the others, not a wait
                await asyncio.sleep(0)
        last = connection.arrived
    finally:
        answer.forget()
        end = last or clock.monotonic()
        attempt.add("processing", (first or end) - began)
        if first:
            attempt.add("transfer", end - first)
    return _response(answer, first, last)


def encode(request: Request) -> bytes:
    """The bytes of the request. Raises OwnFault where a line of it holds a line break."""
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
    return (head + "\r\n").encode() + request.body


async def _send(connection: Connection, data: bytes) -> Failure | None:
    """A peer may answer and hang up before it has read everything: then its answer counts."""
    try:
        await connection.send(data)
    except Failure as failure:
        return failure
    return None


async def _receive(connection: Connection, answer: Answer, unsent: Failure | None) -> bytes:
    try:
        data = await connection.receive()
    except Failure as failure:
        raise Failure(failure.reason, f"{failure} {answer.progress}") from failure
    if not data and unsent is not None:
        raise unsent
    return data


def _advance(answer: Answer, data: bytes, attempt: Attempt) -> None:
    known = answer.status
    try:
        answer.feed(data) if data else answer.end()
    finally:
        if answer.status != known:
            attempt.facts["status_code"] = answer.status
            attempt.facts["http_version"] = answer.version


def _response(answer: Answer, first: float, last: float) -> Response:
    return Response(
        version=answer.version,
        status=answer.status,
        reason=answer.reason,
        headers=answer.headers,
        body=answer.body,
        wire_length=answer.wire_length,
        body_length=answer.body_length,
        first_byte=first,
        last_byte=last,
    )
