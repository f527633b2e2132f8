"""What does one nameserver say of one name?"""

from __future__ import annotations

import asyncio
import secrets
import socket

from prober.result import Attempt, Reason
from prober.wire.dial import Connection, Station, dial
from prober.wire.failure import Failure, failed
from prober.wire.message import AAAA, A, Answer, Question
from prober.wire.names import Server

_PATIENCE = 0.25  # seconds for the other family, once one has addresses (RFC 8305 gives it 0.05)
_DATAGRAM = socket.SOCK_DGRAM | getattr(socket, "SOCK_NONBLOCK", 0)
_MOST = 65535  # bytes of a message


async def ask(station: Station, server: Server, name: str, timeout: float) -> tuple[Answer, ...]:
    """For A and AAAA at once: the answers that came in time, IPv6 first.

    Raises Failure where the nameserver cannot be reached, or OwnFault.
    """
    questions = [Question(name, kind, secrets.randbits(16)) for kind in (AAAA, A)]
    try:
        with _Line(station, server) as line:
            heard = await _hear_all(line, questions, station.clock.monotonic() + timeout)
    except OSError as error:
        raise failed(error, f"ask nameserver {server}", Reason.DNS) from error
    for question in questions:
        if question in heard and heard[question].truncated:
            heard[question] = await _ask_in_full(station, server, question)
    return tuple(heard[question] for question in questions if question in heard)


async def _hear_all(line: _Line, questions: list[Question], until: float) -> dict[Question, Answer]:
    """Whatever answers none of the questions is not listened to."""
    heard: dict[Question, Answer] = {}
    for question in questions:
        line.say(question.encode())
    while len(heard) < len(questions) and (data := await line.hear(until)) is not None:
        for question in questions:
            if (answer := question.answered(data)) is not None:
                heard[question] = answer
                if answer.addresses:
                    until = min(until, line.clock.monotonic() + _PATIENCE)
    return heard


class _Line:
    """A datagram socket that hears one nameserver only. Everything may raise OSError."""

    def __init__(self, station: Station, server: Server) -> None:
        self.clock = station.clock
        self._poller = station.poller
        self._server = server
        self._socket = socket.socket(server.address.family, _DATAGRAM)
        self._fd = self._socket.fileno()

    def __enter__(self) -> _Line:
        try:
            self._socket.setblocking(False)
            self._socket.connect(self._server.address.at(self._server.port))
            self._poller.register(self._fd)
        except OSError:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._poller.forget(self._fd)
        self._socket.close()

    def say(self, data: bytes) -> None:
        self._socket.send(data)

    async def hear(self, until: float) -> bytes | None:
        """The next datagram, None when the moment `until` has passed."""
        while True:
            try:
                return self._socket.recv(_MOST)
            except BlockingIOError:
                left = until - self.clock.monotonic()
            if left <= 0:
                return None
            timer = asyncio.get_running_loop().call_later(left, self._poller.wake, self._fd)
            try:
                await self._poller.readable(self._fd)
            finally:
                timer.cancel()


async def _ask_in_full(station: Station, server: Server, question: Question) -> Answer:
    """Over TCP, for an answer that does not fit a datagram."""
    try:
        unheard = Attempt(run_id="", traceparent="")
        connection, _ = await dial(server.address, server.port, station, unheard)
        try:
            data = question.encode()
            await connection.send(len(data).to_bytes(2, "big") + data)
            length = int.from_bytes(await _exactly(connection, 2), "big")
            answer = question.answered(await _exactly(connection, length))
        finally:
            connection.close()
    except Failure as failure:
        raise Failure(Reason.DNS, f"nameserver {server} over TCP: {failure}") from failure
    if answer is None or answer.truncated:
        raise Failure(Reason.DNS, f"nameserver {server} over TCP: the answer cannot be read")
    return answer


async def _exactly(connection: Connection, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await connection.receive(count - len(data))
        if not more:
            raise Failure(Reason.DNS, "closed the connection without an answer")
        data += more
    return data
