"""One TCP connection, and when exactly its bytes arrived.

The kernel's stamps make times independent of how busy we are: the newest byte
of a read is known to have come at its stamp, however late we read it. An end
has no stamp. Where we were late for it, it counts from the newest packet of
the peer's, which the kernel knows to a few milliseconds; where we were not,
from when we saw it.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from prober.result import Attempt, Reason
from prober.wire.failure import Failure, failed
from prober.wire.kernel import ANCILLARY, stamp
from prober.wire.session import Session
from prober.wire.stamps import Stamps
from prober.wire.station import Address, Station
from prober.wire.turns import Turns

_TURN = 0.002  # seconds of work without waiting, after which others have their turn
_SLICE = 256 * 1024  # of plain text to encrypt at once: about a millisecond
_LATE = 0.02  # seconds; the kernel counts packets in jiffies, of up to ten milliseconds
_READ = 65536
_SEGMENT = 1200  # bytes that fit into one packet on every path: nothing to hold back

Heard = Callable[[bytes], bool]


class Connection:
    """An open connection, plain or TLS. `send` and `receive` raise Failure or OwnFault.

    `started_at` is the monotonic moment of `Network.connect`, moved by the
    time that we were late ourselves: `response.last_byte - started_at` is the
    whole exchange as the peer made it, and the sum of this connection's phases.
    """

    __slots__ = (
        "_arrived",
        "_busy_since",
        "_fd",
        "_has_sent",
        "_is_eager",
        "_kernel",
        "_poller",
        "_port",
        "_read",
        "_reason",
        "_session",
        "_socket",
        "_stamp",
        "_stamps",
        "_watched",
        "address",
        "attempt",
        "clock",
        "started_at",
    )

    def __init__(
        self,
        sock: socket.SocketType,
        to: tuple[Address, int],
        station: Station,
        attempt: Attempt,
        *,
        watched: bool,
    ) -> None:
        self.address, self._port = to
        self.attempt = attempt
        self.clock = station.clock
        self._kernel = station.kernel
        self._stamps = Stamps(self.clock)
        self.started_at = self._read = self._stamps.opened
        self._stamp = 0.0
        self._arrived = 0.0  # 0 while it has to be worked out
        # By `time.thread_time`; 0 where it has not been measured, None while nothing has come
        # since we last waited: most answers come at once, and cost no measurement.
        self._busy_since: float | None = None
        self._socket = sock
        self._fd = sock.fileno()
        self._poller = station.poller
        self._watched = watched
        self._has_sent = self._is_eager = False
        self._reason = Reason.PROTOCOL
        self._session: Session | None = None

    def send(self, data: bytes, heard: Heard | None = None) -> Awaitable[object]:
        """Awaited, it returns when the kernel has taken all of it.

        Where it has to wait for the peer to read, what the peer says
        meanwhile goes to `heard`. It sends no more once that returns True, or
        the peer has ended.
        """
        if self._session is None:
            return self._push(data, heard)
        return self._send_safely(self._session, data, heard)

    def receive(self, limit: int = _READ) -> Awaitable[bytes]:
        """At most `limit` bytes, as soon as there are any; b"" when the peer has ended.

        Never waits while the kernel holds some, other than to give others
        their turn when that takes long.
        """
        if self._session is None:
            return self._pull(limit)
        return self._receive_safely(self._session, limit)

    async def _send_safely(self, session: Session, data: bytes, heard: Heard | None) -> None:
        for start in range(0, len(data), _SLICE):
            piece = session.encrypt(memoryview(data)[start : start + _SLICE])
            if not await self._push(piece, heard):
                return

    async def _receive_safely(self, session: Session, limit: int) -> bytes:
        while (data := session.decrypt(limit)) is None:
            session.feed(await self._pull(_READ))
        if self._busy_since is not None and self._is_tiring():
            await asyncio.sleep(0)
        if reply := session.outgoing():  # to a key update
            await self._push(reply)
        return data

    @property
    def arrived(self) -> float:
        """Monotonic moment at which the newest bytes received had reached this machine."""
        if not self._arrived:
            self._arrived = self._stamps.moment(self._stamp, self._read)
        return self._arrived

    @property
    def protocol(self) -> str:
        """What ALPN chose, "h2" or else "http/1.1"."""
        return "http/1.1" if self._session is None else self._session.protocol

    @property
    def cut_short(self) -> bool:
        """Has it ended without the goodbye of TLS, so that anybody may have ended it?"""
        return self._session is not None and self._session.cut_short

    def close(self) -> None:
        """At once, without waiting for the peer. May be called again."""
        self._poller.forget(self._fd)
        self._socket.close()
        self._fd = -1

    async def secure(self, session: Session, turns: Turns) -> float:
        """Shakes hands; gives the seconds that we were late in reading and computing. Raises Failure."""
        self._reason = Reason.TLS
        late = 0.0
        try:
            while True:
                done, waited = await turns.step(session.handshake, self.attempt)
                late += waited
                if done:
                    break
                if said := session.outgoing():
                    await self._push(said)
                waiting = self.clock.monotonic()
                session.feed(await self._pull(_READ))
                late += self.late_since(waiting)
        except Failure:
            with suppress(OSError):
                self._socket.send(session.outgoing())  # the alert that tells the peer why
            raise
        if last := session.outgoing():
            await self._push(last)
        self._session = session
        self._reason = Reason.PROTOCOL
        return late

    def late_since(self, waiting: float) -> float:
        """Seconds by which we came late for the newest bytes, awaited since `waiting`."""
        return self._read - min(self._read, max(waiting, self.arrived))

    async def _push(self, data: bytes | memoryview, heard: Heard | None = None) -> bool:
        """True when the kernel has taken all of it, False when `heard` ended it."""
        if not self._is_eager:
            self._hasten(len(data))
        while True:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                if not await self._writable(heard):
                    return False
                continue
            except OSError as error:
                raise failed(error, f"send to {self._where}", self._reason) from error
            if sent == len(data):
                return True
            data = memoryview(data)[sent:]

    def _hasten(self, size: int) -> None:
        """Nothing small is to wait for an ACK (Nagle): only a first small piece never would."""
        if self._has_sent or size > _SEGMENT:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._is_eager = True
        self._has_sent = True

    def _watch(self) -> None:
        if not self._watched:
            self._poller.register(self._fd)
            self._watched = True

    async def _writable(self, heard: Heard | None) -> bool:
        """Waits until the kernel may take more; False when nothing more is to be sent."""
        self._busy_since = None
        if heard is None:
            self._watch()
            await self._poller.writable(self._fd)
            return True
        while (said := self._overheard()) is not None:
            if not said or heard(said):
                return False
        self._watch()
        await self._poller.either(self._fd)
        return True

    def _overheard(self) -> bytes | None:
        """As `receive`, but None where that would wait."""
        session = self._session
        if session is None:
            return self._take(_READ)
        while (data := session.decrypt(_READ)) is None:
            if (said := self._take(_READ)) is None:
                return None
            session.feed(said)
        return data

    async def _pull(self, limit: int) -> bytes:
        if self._busy_since is not None and self._is_tiring():
            await asyncio.sleep(0)
        # The first wait needs no try before it: the kernel tells of what it held when asked to watch.
        data, waited = self._take(limit) if self._watched else None, False
        while data is None:
            self._watch()
            self._busy_since = None
            await self._poller.readable(self._fd)
            waited = True
            data = self._take(limit)
        # An end that we did not have to wait for came with the bytes before it.
        if waited and not data:
            self._note_end()
        return data

    def _take(self, limit: int) -> bytes | None:
        """None where the kernel holds nothing."""
        try:
            data, ancillary, _, _ = self._socket.recvmsg(limit, ANCILLARY)
        except BlockingIOError:
            return None
        except OSError as error:
            raise failed(error, f"receive from {self._where}", self._reason) from error
        if data:
            self._read = self.clock.monotonic()
            self._stamp = stamp(ancillary) if ancillary else 0.0
            self._arrived = 0.0
            self._busy_since = self._busy_since or 0.0
        return data

    @property
    def _where(self) -> str:
        return self.address.shown(self._port)

    def _note_end(self) -> None:
        last, self._read = self.arrived, self.clock.monotonic()
        silence = self._kernel.silence(self._socket)
        self._arrived = max(last, self._read - silence) if silence > _LATE else self._read

    def _is_tiring(self) -> bool:
        """Has this connection kept everybody else from working for long?

        By the processor's time, not the clock's: a turn must not end early
        because another process had the processor.
        """
        now = time.thread_time()
        if not self._busy_since:
            self._busy_since = now
        elif now - self._busy_since > _TURN:
            self._busy_since = None
            return True
        return False
