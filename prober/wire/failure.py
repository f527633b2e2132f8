"""How the network says no: is it the peer's fault, or ours?

`Failure` is the peer's and makes a run `down`; `OwnFault` is ours (no files,
memory or ports left, an unreadable CA file) and makes it `unknown`.
"""

from __future__ import annotations

import errno
import os

from prober.errors import ProberError
from prober.result import Reason
from prober.secret import CUT

_OURS = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,  # no local port left
        errno.ENOSPC,  # no epoll watch left
    }
)
_SAID = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
    errno.ETIMEDOUT: "no answer, the kernel gave up",
    errno.EADDRNOTAVAIL: "no local address or port left",
}
QUOTED = 60  # bytes of what a peer said that are shown


class Failure(Exception):
    """The peer is at fault: `Finding.down(failure.reason, str(failure))`."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class OwnFault(ProberError):
    """We are at fault, so that nothing is known of the peer."""


def failed(error: OSError, doing: str, reason: Reason = Reason.CONNECT) -> Failure | OwnFault:
    """What `error` means when it came while `doing` ("connect to 10.0.0.7:80").

    `reason` is that of a peer that says no at this point: CONNECT while
    connecting, TLS during the handshake, PROTOCOL afterwards.
    """
    said = f"{doing}: {words(error)}"
    if error.errno in _OURS:
        return OwnFault(said)
    return Failure(Reason.TIMEOUT if error.errno == errno.ETIMEDOUT else reason, said)


def words(error: OSError) -> str:
    """`connection refused`."""
    code = error.errno or 0
    return _SAID.get(code) or os.strerror(code).lower()


def quoted(data: bytes) -> str:
    """The beginning of what a peer said, and a mark where there is more (a scrubber heeds it)."""
    shown = repr(data[:QUOTED])
    return shown if len(data) <= QUOTED else f"{shown[:-1]}{CUT}{shown[-1]}"
