"""What the kernel knows about our sockets better than we do: when a byte came, how long SYN took.

Asked for by trying on a first socket, never assumed from the platform: where
the kernel has no answer, the clock of whoever reads stands in for it.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

ANCILLARY = 64  # bytes of room for a stamp
_TIMESTAMPNS = 35 if sys.platform == "linux" else 0  # SO_TIMESTAMPNS, absent from `socket`
_TIMESPEC = struct.Struct("@ll")
_STAMP, _SOL_SOCKET = _TIMESPEC.size, socket.SOL_SOCKET
_TCP_INFO = socket.TCP_INFO if sys.platform == "linux" else 0
_INFO = struct.Struct("=B55xI8xI28xI")  # of struct tcp_info: state, last heard, rtt, retransmits
_CONNECTED = frozenset({1, 8})  # ESTABLISHED, CLOSE_WAIT

Ancillary = Sequence[tuple[int, int, bytes]]


@dataclass(frozen=True, slots=True)
class Kernel:
    """Which of its answers this kernel gives."""

    stamps: bool
    tcp_info: bool

    @classmethod
    def tried(cls) -> Self:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as first:
            return cls(stamps=_takes_stamps(first), tcp_info=_has_tcp_info(first))

    def stamp_arrivals(self, sock: socket.SocketType) -> None:
        """From now on `recvmsg` says when the newest byte it returns had come."""
        if self.stamps:
            sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)

    def round_trip(self, sock: socket.SocketType) -> tuple[bool, float | None]:
        """Is it connected, and the seconds from SYN to SYN-ACK.

        None where the kernel does not know, or had to send a SYN again: a
        lost one is a latency that users feel, and the round trip hides it.
        """
        if not self.tcp_info:
            return _has_peer(sock), None
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO.size)
        state, _, rtt, retransmits = _INFO.unpack(info)
        if state not in _CONNECTED:
            return False, None
        return True, rtt * 1e-6 if rtt and not retransmits else None

    def silence(self, sock: socket.SocketType) -> float:
        """Seconds since the peer's newest packet, to a jiffy; 0 where the kernel does not know."""
        if not self.tcp_info:
            return 0.0
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO.size)
        return float(_INFO.unpack(info)[1] * 1e-3)


def stamp(ancillary: Ancillary) -> float:
    """CLOCK_REALTIME seconds of the newest byte of a `recvmsg`; 0 if it was not stamped.

    Linux joins what waits to be read and keeps the last stamp: where the peer's
    FIN waits behind the byte, it is the FIN's.
    """
    for level, kind, data in ancillary:
        if kind == _TIMESTAMPNS and level == _SOL_SOCKET and len(data) == _STAMP:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return float(seconds + nanoseconds * 1e-9)
    return 0.0


def _has_peer(sock: socket.SocketType) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _takes_stamps(sock: socket.SocketType) -> bool:
    try:
        if _TIMESTAMPNS:
            sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
    except OSError:
        return False
    return bool(_TIMESTAMPNS)


def _has_tcp_info(sock: socket.SocketType) -> bool:
    try:
        size = len(sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO.size)) if _TCP_INFO else 0
    except OSError:
        return False
    return size == _INFO.size
