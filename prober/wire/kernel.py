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
_TCP_INFO = socket.TCP_INFO if sys.platform == "linux" else 0
_INFO_SIZE = 104
_STATE, _LAST_HEARD, _RTT, _RETRANSMITS = 0, 56, 68, 100  # offsets in struct tcp_info
_CONNECTED = frozenset({1, 8})  # ESTABLISHED, CLOSE_WAIT
_U32 = struct.Struct("=I")

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

    def stamp_arrivals(self, sock: socket.socket) -> None:
        """From now on `recvmsg` says when the newest byte it returns had come."""
        if self.stamps:
            sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)

    def round_trip(self, sock: socket.socket) -> tuple[bool, float | None]:
        """Is it connected, and the seconds from SYN to SYN-ACK.

        None where the kernel does not know, or had to send a SYN again: a
        lost one is a latency that users feel, and the round trip hides it.
        """
        if not self.tcp_info:
            return _has_peer(sock), None
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO_SIZE)
        if info[_STATE] not in _CONNECTED:
            return False, None
        retransmits: int = _U32.unpack_from(info, _RETRANSMITS)[0]
        rtt: int = _U32.unpack_from(info, _RTT)[0]
        return True, rtt * 1e-6 if rtt and not retransmits else None

    def silence(self, sock: socket.socket) -> float:
        """Seconds since the peer's newest packet, to a jiffy; 0 where the kernel does not know."""
        if not self.tcp_info:
            return 0.0
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO_SIZE)
        milliseconds: int = _U32.unpack_from(info, _LAST_HEARD)[0]
        return milliseconds * 1e-3


def stamp(ancillary: Ancillary) -> float:
    """CLOCK_REALTIME seconds of the newest byte of a `recvmsg`; 0 if it was not stamped."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMPNS and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return float(seconds + nanoseconds * 1e-9)
    return 0.0


def _has_peer(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _takes_stamps(sock: socket.socket) -> bool:
    try:
        if _TIMESTAMPNS:
            sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
    except OSError:
        return False
    return bool(_TIMESTAMPNS)


def _has_tcp_info(sock: socket.socket) -> bool:
    try:
        size = len(sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _INFO_SIZE)) if _TCP_INFO else 0
    except OSError:
        return False
    return size == _INFO_SIZE
