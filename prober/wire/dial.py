"""One TCP connection, and when exactly its bytes arrived.

The kernel's stamps make times independent of how busy we are: the newest byte
of a read is known to have come at its stamp, however late we read it. Stamps
are of CLOCK_REALTIME; if that was set while the connection was open, they are
worth nothing and the time of the read is taken instead.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from prober.clock import Clock
from prober.result import Attempt, Reason
from prober.wire.failure import Failure, failed
from prober.wire.kernel import ANCILLARY, Kernel, stamp
from prober.wire.loop import Waits
from prober.wire.session import Session

_NONBLOCK: int = getattr(socket, "SOCK_NONBLOCK", 0)
_SET = 0.001  # seconds that CLOCK_REALTIME may move before it counts as set
_TOGETHER = 0.0001
_AT_ONCE = 1 << 20  # bytes to read before others have their turn, from a peer that never pauses
_SLICE = 256 * 1024  # of plain text to encrypt at once: about a millisecond


class Address(NamedTuple):
    """Where an IP address is; `scope` is the interface of a link-local one."""

    family: socket.AddressFamily
    ip: str
    scope: int = 0

    @property
    def version(self) -> int:
        return 6 if self.family == socket.AF_INET6 else 4

    def at(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        v6 = self.family == socket.AF_INET6
        return (self.ip, port, 0, self.scope) if v6 else (self.ip, port)

    def shown(self, port: int) -> str:
        return f"[{self.ip}]:{port}" if self.family == socket.AF_INET6 else f"{self.ip}:{port}"


@dataclass(frozen=True, slots=True)
class Station:
    """What every connection of an agent shares."""

    clock: Clock
    poller: Waits
    kernel: Kernel


class Connection:
    """An open connection, plain or TLS. `send` and `receive` raise Failure or OwnFault.

    `started_at` is the monotonic moment of `Network.connect`, moved by the
    time that we were late ourselves: `response.last_byte - started_at` is the
    whole exchange as the peer made it, and the sum of this connection's phases.
    """

    __slots__ = (
        "_arrived",
        "_fd",
        "_opened",
        "_poller",
        "_read",
        "_reason",
        "_session",
        "_skew",
        "_socket",
        "_stamp",
        "_unbroken",
        "_where",
        "address",
        "attempt",
        "clock",
        "started_at",
    )

    def __init__(
        self, sock: socket.socket, to: tuple[Address, int], station: Station, attempt: Attempt
    ) -> None:
        address, port = to
        self.address = address
        self.attempt = attempt
        self.clock = station.clock
        self._opened, self._skew = _skew(self.clock)
        self.started_at = self._read = self._opened
        self._stamp = self._arrived = 0.0
        self._unbroken = 0
        self._socket = sock
        self._fd = sock.fileno()
        self._poller = station.poller
        self._where = address.shown(port)
        self._reason = Reason.PROTOCOL
        self._session: Session | None = None

    async def send(self, data: bytes) -> None:
        """Returns when the kernel has taken all of it."""
        if self._session is None:
            return await self._push(data)
        for start in range(0, len(data), _SLICE):
            await self._push(self._session.encrypt(memoryview(data)[start : start + _SLICE]))

    async def receive(self, limit: int = 65536) -> bytes:
        """At most `limit` bytes, as soon as there are any; b"" when the peer has ended.

        Never waits while the kernel holds some.
        """
        session = self._session
        if session is None:
            return await self._pull(limit)
        while (data := session.decrypt(limit)) is None:
            session.feed(await self._pull(65536))
        if reply := session.outgoing():  # to a key update
            await self._push(reply)
        return data

    @property
    def arrived(self) -> float:
        """Monotonic moment at which the newest bytes received had reached this machine."""
        if not self._arrived:
            self._arrived = self._by_stamp() if self._stamp else self._read
        return self._arrived

    def _by_stamp(self) -> float:
        moment = self._stamp + self._skew
        moved = _skew(self.clock)[1] - self._skew
        was_set = abs(moved) > _SET or not self._opened - _SET <= moment <= self._read + _SET
        return self._read if was_set else min(moment, self._read)

    def close(self) -> None:
        """At once, without waiting for the peer. May be called again."""
        self._poller.forget(self._fd)
        self._socket.close()
        self._fd = -1

    async def secure(self, session: Session) -> float:
        """Shakes hands; gives the seconds that we were late in reading. Raises Failure."""
        self._reason = Reason.TLS
        late = 0.0
        try:
            while not session.handshake():
                if said := session.outgoing():
                    await self._push(said)
                waiting = self.clock.monotonic()
                session.feed(await self._pull(65536))
                late += self._read - min(self._read, max(waiting, self.arrived))
        except Failure:
            with suppress(OSError):
                self._socket.send(session.outgoing())  # the alert that tells the peer why
            raise
        if last := session.outgoing():
            await self._push(last)
        self._session = session
        self._reason = Reason.PROTOCOL
        return late

    async def _push(self, data: bytes | memoryview) -> None:
        while True:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                await self._poller.writable(self._fd)
                continue
            except OSError as error:
                raise failed(error, f"send to {self._where}", self._reason) from error
            if sent == len(data):
                return
            data = memoryview(data)[sent:]

    async def _pull(self, limit: int) -> bytes:
        waited = False
        if self._unbroken > _AT_ONCE:
            self._unbroken = 0
            await asyncio.sleep(0)
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(limit, ANCILLARY)
                break
            except BlockingIOError:
                await self._poller.readable(self._fd)
                waited = True
                self._unbroken = 0
            except OSError as error:
                raise failed(error, f"receive from {self._where}", self._reason) from error
        # An end has no stamp: one that we did not have to wait for came with the bytes before it.
        if data or waited:
            self._read = self.clock.monotonic()
            self._stamp = stamp(ancillary) if ancillary else 0.0
            self._arrived = 0.0
        self._unbroken += len(data)
        return data


def _skew(clock: Clock) -> tuple[float, float]:
    """The monotonic time, and how far it is ahead of realtime; read as one, or once more."""
    for _ in range(3):
        before = clock.monotonic()
        skew = before - clock.now()
        if clock.monotonic() - before < _TOGETHER:
            break  # nobody else had the processor in between
    return before, skew


async def dial(
    address: Address, port: int, station: Station, attempt: Attempt
) -> tuple[Connection, float]:
    """A connection, and the seconds it took the peer to accept it. Raises Failure or OwnFault."""
    sock = connection = None
    began = station.clock.monotonic()
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM | _NONBLOCK)
        seconds = await _connect(sock, address.at(port), station)
        connection = Connection(sock, (address, port), station, attempt)
    except OSError as error:
        raise failed(error, f"connect to {address.shown(port)}") from error
    finally:
        if connection is None and sock is not None:
            station.poller.forget(sock.fileno())
            sock.close()
    took = connection.started_at - began
    return connection, took if seconds is None else min(seconds, took)


async def _connect(
    sock: socket.socket, to: tuple[str, int] | tuple[str, int, int, int], station: Station
) -> float | None:
    """The round trip by the kernel's own measure, None where it has none."""
    if not _NONBLOCK:
        sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    station.kernel.stamp_arrivals(sock)
    code = sock.connect_ex(to)
    if code not in (0, errno.EINPROGRESS):
        raise OSError(code, "connect")
    station.poller.register(sock.fileno())
    while True:
        await station.poller.writable(sock.fileno())
        connected, seconds = station.kernel.round_trip(sock)
        if connected:
            return seconds
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, "connect")
