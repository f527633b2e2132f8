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
        sock = socket.SocketType(address.family, socket.SOCK_STREAM | _NONBLOCK)
        if not _NONBLOCK:
            sock.setblocking(False)
        if address.source:
            sock.bind((address.source, 0))
        station.kernel.stamp_arrivals(sock)
        _begin(sock, address.at(port))
        accepted, seconds = station.kernel.round_trip(sock)  # a near peer has answered by now
        if not accepted:
            seconds = await _acceptance(sock, station)
        connection = Connection(sock, (address, port), station, attempt, watched=not accepted)
    except OSError as error:
        source = f" from {address.source}" if address.source else ""
        raise _refused(error, address.shown(port) + source) from error
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


def _begin(sock: socket.SocketType, to: tuple[str, int] | tuple[str, int, int, int]) -> None:
    code = sock.connect_ex(to)
    if code not in (0, errno.EINPROGRESS):
        raise OSError(code, "connect")


async def _acceptance(sock: socket.SocketType, station: Station) -> float | None:
    """The round trip by the kernel's own measure, None where it has none."""
    station.poller.register(sock.fileno())
    while True:
        await station.poller.writable(sock.fileno())
        accepted, seconds = station.kernel.round_trip(sock)
        if accepted:
            return seconds
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(code, "connect")
