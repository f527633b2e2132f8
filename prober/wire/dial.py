"""How does a connection come about, and how long did the peer take to accept it?"""

from __future__ import annotations

import errno
import socket

from prober.result import Attempt, Reason
from prober.wire.connection import Connection
from prober.wire.failure import Failure, OwnFault, failed
from prober.wire.station import Address, Station

_NONBLOCK: int = getattr(socket, "SOCK_NONBLOCK", 0)
# A refusal is ECONNREFUSED: with these the peer had accepted before it hung up, and while we did
# not look, so that it may have lost patience with us.
_RESET = frozenset({errno.ECONNRESET, errno.EPIPE})


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
        raise _refused(error, address.shown(port)) from error
    finally:
        if connection is None and sock is not None:
            station.poller.forget(sock.fileno())
            sock.close()
    took = connection.started_at - began
    return connection, took if seconds is None else min(seconds, took)


def _refused(error: OSError, where: str) -> Failure | OwnFault:
    if error.errno in _RESET:
        return Failure(Reason.PROTOCOL, f"{where} accepted the connection, then reset it")
    return failed(error, f"connect to {where}")


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
        connected, seconds = station.kernel.round_trip(sock)  # a near peer has answered by now
        if connected:
            return seconds
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, "connect")
        await station.poller.writable(sock.fileno())
