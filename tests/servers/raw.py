"""A TCP server that plays a script to everybody who connects, from threads of its own.

A script is a sequence of steps: bytes are sent, a number is a pause in
seconds, and the names below do what they say. At its end the server closes.
What was sent when is on record, by the monotonic clock: over loopback a piece
has reached the client's kernel between `sent` and `taken`.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias


class Do(Enum):
    READ = auto()  # up to the end of a request's headers
    READ_ALL = auto()  # until the client pauses
    RESET = auto()  # RST instead of FIN
    HANG = auto()  # until the client has gone
    GOODBYE = auto()  # of TLS, before the connection ends
    STAY = auto()  # without reading, until the test is over
    STARTTLS = auto()  # shake hands now; with a context and without this step, at once


Step: TypeAlias = "bytes | float | Do"
_PATIENCE = 10.0
_PAUSE = 0.2


@dataclass(frozen=True)
class Limits:
    connections: int
    silent_after: int


class RawServer:
    """`sent` and `taken` are the moments before and after each piece was handed to the kernel.

    `ended` are those after each connection was closed.
    """

    def __init__(
        self, script: tuple[Step, ...], tls: ssl.SSLContext | None, host: str, limits: Limits
    ) -> None:
        self.script = script
        self._limits = limits
        self.tls = tls
        self.accepted = 0
        self.read = 0  # bytes, by READ_ALL
        self.sent: list[float] = []
        self.taken: list[float] = []
        self.ended: list[float] = []
        self.received: list[bytes] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._start(self._accept)

    def stop(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in tuple(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _start(self, target: object, *args: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.accepted += 1
                if self.accepted == self._limits.connections:
                    self._listener.close()
                sock.settimeout(_PATIENCE)
                self._open.add(sock)
                mute = 0 < self._limits.silent_after < self.accepted
                self._start(self._listen if mute else self._serve, sock)

    def _listen(self, sock: socket.socket) -> None:
        with sock, suppress(OSError):
            self._play(Do.HANG, sock)
        self._open.discard(sock)

    def _serve(self, sock: socket.socket) -> None:
        at_once = self.tls is not None and Do.STARTTLS not in self.script
        steps: tuple[Step, ...] = (Do.STARTTLS, *self.script) if at_once else self.script
        try:
            for step in steps:
                sock = self._play(step, sock)
        except OSError:
            pass  # the client has gone, which is its right
        finally:
            self._end(sock)
            self._open.discard(sock)
            sock.close()

    def _end(self, sock: socket.socket) -> None:
        """Says that no more comes, then hears the client out: with anything unread, to close is to reset."""
        with suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        self.ended.append(_now())
        with suppress(OSError):
            self._play(Do.HANG, sock)

    def _play(self, step: Step, sock: socket.socket) -> socket.socket:
        match step:
            case bytes():
                self.sent.append(_now())
                sock.sendall(step)
                self.taken.append(_now())
            case Do.READ:
                self.received.append(_headers(sock))
            case Do.HANG:
                while sock.recv(65536):
                    pass
            case Do.STAY:
                self._over.wait(_PATIENCE)
            case Do.READ_ALL:
                self._read_all(sock)
            case Do.RESET:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
            case Do.GOODBYE:
                assert isinstance(sock, ssl.SSLSocket)
                sock = sock.unwrap()
            case Do.STARTTLS:
                assert self.tls is not None
                self._open.discard(sock)
                sock = self.tls.wrap_socket(sock, server_side=True, suppress_ragged_eofs=True)
                self._open.add(sock)
            case int() | float():
                time.sleep(step)
        return sock

    def _read_all(self, sock: socket.socket) -> None:
        sock.settimeout(_PAUSE)
        with suppress(TimeoutError):
            while data := sock.recv(1 << 20):
                self.read += len(data)
        sock.settimeout(_PATIENCE)


def _now() -> float:
    return time.monotonic()  # noqa: TID251 - the truth that ours is measured against


def _headers(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            raise ConnectionResetError
        data += more
    return data


@contextmanager
def raw_server(
    *script: Step,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    connections: int = 0,
    silent_after: int = 0,
) -> Iterator[RawServer]:
    """Listens no more after so many `connections`, and plays its script to so many: 0 is any."""
    server = RawServer(script, tls, host, Limits(connections, silent_after))
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else can get meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
