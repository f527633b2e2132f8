"""A target of known delay: how long did each answer truly take?

    python -m benchmarks.common.target SECONDS REPORT PORT...

A plain server of one thread. It answers every request after so many seconds
and notes when the request's last byte had come (the kernel's stamp, so that it
does not matter how late this program was told) and the moments just before and
just after the answer was handed to the kernel, which on the loopback is when
the peer has it: between these two is all that it does not know. A request is
known by its X-Synthetic-Run header or by `run=` in its URL. SIGTERM writes the
report and ends it.
"""

from __future__ import annotations

import gc
import json
import re
import select
import signal
import socket
import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from prober.clock import SystemClock
from prober.wire.kernel import ANCILLARY, Kernel, stamp

BODY = b"ok, this is a small page of forty-eight bytes...\n"
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
NAME = re.compile(rb"(?i)(?:\r\nx-synthetic-run: *|[?&]run=)([0-9a-z]+)")
BACKLOG = 4096
CLOCK = SystemClock()


class Truth(NamedTuple):
    """Of one request, in Unix seconds."""

    run: str
    came: float
    before: float  # the answer was handed to the kernel
    after: float

    @property
    def seconds(self) -> float:
        return self.before - self.came


class Waiting(NamedTuple):
    due: float
    sock: socket.socket
    run: str
    came: float


@dataclass
class Target:
    delay: float
    listeners: dict[int, socket.socket] = field(default_factory=dict)
    peers: dict[int, tuple[socket.socket, bytes]] = field(default_factory=dict)
    waiting: deque[Waiting] = field(default_factory=deque)  # the delay is the same for all
    answered: list[Truth] = field(default_factory=list)

    def listen(self, ports: list[int]) -> None:
        self.poll, self.kernel = select.epoll(), Kernel.tried()
        for port in ports:
            sock = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
            sock.setblocking(False)
            self.kernel.stamp_arrivals(sock)  # what it accepts inherits that
            self.listeners[sock.fileno()] = sock
            self.poll.register(sock, select.EPOLLIN)

    def turn(self) -> None:
        wait = max(0.0, self.waiting[0].due - CLOCK.now()) if self.waiting else 0.1
        for number, _ in self.poll.poll(min(wait, 0.1)):
            if number in self.listeners:
                self.accept(self.listeners[number])
            else:
                self.read(number)
        now = CLOCK.now()
        while self.waiting and self.waiting[0].due <= now:
            self.answer(self.waiting.popleft())

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            self.peers[sock.fileno()] = (sock, b"")
            self.poll.register(sock, select.EPOLLIN)

    def read(self, number: int) -> None:
        sock, seen = self.peers[number]
        try:
            data, ancillary, _, _ = sock.recvmsg(8192, ANCILLARY)
        except OSError:
            data, ancillary = b"", []
        came = stamp(ancillary) or CLOCK.now()
        head = seen + data
        if data and b"\r\n\r\n" not in head:
            self.peers[number] = (sock, head)
            return
        self.poll.unregister(sock)
        del self.peers[number]
        if not data:
            sock.close()
            return
        named = NAME.search(head)
        run = named.group(1).decode() if named else ""
        self.waiting.append(Waiting(came + self.delay, sock, run, came))

    def answer(self, one: Waiting) -> None:
        before = CLOCK.now()
        try:
            one.sock.send(ANSWER)
        except OSError:
            return  # it has gone
        finally:
            after = CLOCK.now()
            one.sock.close()
        self.answered.append(Truth(one.run, one.came, before, after))


def main() -> None:
    delay, report, *ports = sys.argv[1:]
    target = Target(float(delay))
    gc.disable()  # it lives for seconds, and must not stumble
    over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: over.append(number))
    target.listen([int(port) for port in ports])
    while not over:
        target.turn()
    Path(report).write_text(json.dumps(target.answered))


if __name__ == "__main__":
    main()
