"""How an HTTP proxy is asked for a tunnel (CONNECT, RFC 9110 9.3.6), and what it may answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from prober.result import Reason
from prober.secret import CUT
from prober.wire.connection import Connection
from prober.wire.failure import QUOTED, Failure, OwnFault, quoted
from prober.wire.http1 import Lines
from prober.wire.names import ascii_name, literal

_MOST = 16 * 1024  # bytes of its answers' heads; none has a reason for more
_SHORTEST = len(b"HTTP/1.1 200\n\n")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: ([^\r\n]*))?\r?\n")
_VERSION = b"HTTP/1."


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy, spoken to in the clear; `headers` are for it alone, some are secret."""

    host: str
    port: int
    headers: Lines = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"proxy {_authority(self.host, self.port)}"


async def tunnel(connection: Connection, proxy: Proxy, host: str, port: int) -> float:
    """From here on `connection` leads to `host`; the seconds that we were late in reading.

    All of it is of the phase connect. Raises Failure or OwnFault; the caller
    closes. What follows the answer is not read: it belongs to the tunnel.
    """
    clock, target = connection.clock, _authority(host, port)
    began, late = clock.monotonic(), 0.0
    try:
        await connection.send(_request(proxy, target))
        waiting = clock.monotonic()
        await _agreed(connection, target)
        late = connection.late_since(waiting)
    except Failure as failure:
        reason = Reason.CONNECT if failure.reason is Reason.PROTOCOL else failure.reason
        raise Failure(reason, f"{proxy}: {failure}") from failure
    finally:
        connection.attempt.add("connect", clock.monotonic() - began - late)
    return late


def _authority(host: str, port: int) -> str:
    address = literal(host)
    if address is None:
        return f"{ascii_name(host)}:{port}"
    return address.shown(port)


def _request(proxy: Proxy, target: str) -> bytes:
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [f"{name}: {value}" for name, value in proxy.headers]
    if any("\r" in line or "\n" in line for line in lines):
        raise OwnFault("a header for the proxy holds a line break")
    return "\r\n".join([*lines, "", ""]).encode()


async def _agreed(connection: Connection, target: str) -> None:
    """Returns once it has agreed, with nothing read of what comes after."""
    seen = 0
    while True:
        head = await _head(connection, target, _MOST - seen)
        seen += len(head)
        status = _STATUS.match(head)
        if status is None:
            raise _not_http(head)
        code, reason = status[1].decode(), (status[2] or b"").decode("latin-1").strip()
        if code.startswith("2"):
            return
        if not code.startswith("1"):
            raise Failure(Reason.CONNECT, f"answered {_shown(code, reason)} to CONNECT {target}")


def _shown(code: str, reason: str) -> str:
    said = f"{code} {reason}".strip()
    return repr(said if len(said) <= QUOTED else said[:QUOTED] + CUT)  # a scrubber heeds the mark


async def _head(connection: Connection, target: str, limit: int) -> bytes:
    """One answer up to the empty line after it, and not a byte more."""
    head = b""
    while not head.endswith((b"\n\r\n", b"\n\n")):
        if len(head) >= limit:
            raise Failure(Reason.CONNECT, "the headers of its answer to CONNECT do not end")
        data = await connection.receive(_missing(head))
        if not data:
            how = "within its answer" if head else "without an answer"
            said = f"closed the connection {how} to CONNECT {target}"
            raise Failure(Reason.CONNECT, said)
        head += data
        if not head.startswith(_VERSION) and not _VERSION.startswith(head):
            raise _not_http(head)
    return head


def _missing(head: bytes) -> int:
    """The bytes that are sure to be missing of it."""
    if not head:
        return _SHORTEST
    return 1 if head.endswith((b"\n", b"\n\r")) else 2


def _not_http(head: bytes) -> Failure:
    hint = ", which is TLS" if head[:1] in (b"\x15", b"\x16") else ""
    return Failure(Reason.CONNECT, f"does not answer in HTTP, it said {quoted(head)}{hint}")
