"""What does one nameserver say of one name?"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Sequence
from typing import NamedTuple

from prober.result import Attempt, Reason
from prober.units import show_duration
from prober.wire.connection import Connection
from prober.wire.dial import dial
from prober.wire.failure import Failure, failed
from prober.wire.family import Families, Ip, wanted
from prober.wire.kernel import ANCILLARY, stamp
from prober.wire.message import AAAA, A, Answer, Question
from prober.wire.names import Server
from prober.wire.stamps import Stamps
from prober.wire.station import Station

_PATIENCE = 0.25  # seconds for the other family, once one has addresses (RFC 8305 gives it 0.05)
_DATAGRAM = socket.SOCK_DGRAM | getattr(socket, "SOCK_NONBLOCK", 0)
_MOST = 65535  # bytes of a message


class Heard(NamedTuple):
    """What came in time, IPv6 first, and the seconds by which we were late to hear it."""

    answers: tuple[Answer, ...]
    late: float


async def ask(
    station: Station, server: Server, name: str, timeout: float, *, ip: Ip = "auto"
) -> Heard:
    """For A and AAAA at once; where `ip` wants one of them, the other is not waited for.

    Raises Failure where the nameserver cannot be reached, or does not give an
    answer over TCP and has no other with addresses; or OwnFault.
    """
    questions = [Question(name, kind, secrets.randbits(16)) for kind in (AAAA, A)]
    try:
        with _Line(station, server) as line:
            until = station.clock.monotonic() + timeout
            heard = await _hear_all(line, questions, until, wanted(ip))
    except OSError as error:
        raise failed(error, f"ask nameserver {server}", Reason.DNS) from error
    late = line.late
    mute: Failure | None = None
    for question in [question for question in heard if heard[question].truncated]:
        try:
            heard[question], more = await _ask_in_full(station, server, question, timeout)
            late += more
        except Failure as failure:
            del heard[question]
            mute = failure
    answers = tuple(heard[question] for question in questions if question in heard)
    if mute is not None and not any(answer.has(wanted(ip)) for answer in answers):
        raise mute
    return Heard(answers, late)


async def _hear_all(
    line: _Line, questions: Sequence[Question], until: float, families: Families
) -> dict[Question, Answer]:
    """Whatever answers none of the questions is not listened to."""
    heard: dict[Question, Answer] = {}
    for question in questions:
        line.say(question.encode())
    while len(heard) < len(questions) and (data := await line.hear(until)) is not None:
        for question in questions:
            if (answer := question.answered(data)) is not None:
                heard[question] = answer
                if answer.has(families):
                    patience = _PATIENCE if len(families) > 1 else 0.0
                    until = min(until, line.heard_at + patience)
    return heard


class _Line:
    """A datagram socket that hears one nameserver only. Everything may raise OSError.

    `heard_at` is when its newest datagram had come, or its silence was over;
    `late` are the seconds by which we came late for that.
    """

    def __init__(self, station: Station, server: Server) -> None:
        self.clock = station.clock
        self._stamps = Stamps(station.clock)
        self.heard_at = self._stamps.opened
        self.late = 0.0
        self._kernel = station.kernel
        self._poller = station.poller
        self._server = server
        self._socket = socket.socket(server.address.family, _DATAGRAM)
        self._fd = self._socket.fileno()

    def __enter__(self) -> _Line:
        try:
            self._socket.setblocking(False)
            self._kernel.stamp_arrivals(self._socket)
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
                data, ancillary, _, _ = self._socket.recvmsg(_MOST, ANCILLARY)
            except BlockingIOError:
                now = self.clock.monotonic()
            else:
                now = self.clock.monotonic()
                self._note(self._stamps.moment(stamp(ancillary), now), now)
                return data
            if now >= until:
                self._note(until, now)
                return None
            timer = asyncio.get_running_loop().call_later(until - now, self._poller.wake, self._fd)
            try:
                await self._poller.readable(self._fd)
            finally:
                timer.cancel()

    def _note(self, moment: float, now: float) -> None:
        self.heard_at = max(self.heard_at, moment)
        self.late = now - self.heard_at


async def _ask_in_full(
    station: Station, server: Server, question: Question, timeout: float
) -> tuple[Answer, float]:
    """Over TCP, for an answer that does not fit a datagram; and how late we were."""
    try:
        async with asyncio.timeout(timeout):  # nobody else bounds a nameserver that hangs here
            data, late = await _over_tcp(station, server, question.encode())
    except Failure as failure:
        raise Failure(Reason.DNS, f"nameserver {server} over TCP: {failure}") from failure
    except TimeoutError:
        said = f"nameserver {server} over TCP: no answer within {show_duration(timeout)}"
        raise Failure(Reason.DNS, said) from None
    answer = question.answered(data)
    if answer is None or answer.truncated:
        raise Failure(Reason.DNS, f"nameserver {server} over TCP: the answer cannot be read")
    return answer, late


async def _over_tcp(station: Station, server: Server, query: bytes) -> tuple[bytes, float]:
    unheard = Attempt(run_id="", traceparent="")
    began = station.clock.monotonic()
    connection, took = await dial(server.address, server.port, station, unheard)
    late = connection.started_at - began - took
    try:
        asked = station.clock.monotonic()
        await connection.send(len(query).to_bytes(2, "big") + query)
        length = int.from_bytes(await _exactly(connection, 2), "big")
        data = await _exactly(connection, length)
        return data, late + connection.late_since(asked)
    finally:
        connection.close()


async def _exactly(connection: Connection, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await connection.receive(count - len(data))
        if not more:
            raise Failure(Reason.DNS, "closed the connection without an answer")
        data += more
    return data
