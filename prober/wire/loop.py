"""When may a socket be read or written: how coroutines wait for the kernel.

Everybody follows one rule, and it makes edge-triggered events safe: *try
first, and wait only after the kernel would have blocked*. So an event that
finds nobody waiting can be dropped, and one that comes too early costs a
second try. One coroutine waits on a descriptor at a time.

`Poller` is one private epoll, itself watched by the loop through a single
`add_reader`: a descriptor that never has to wait for room to write costs one
system call in its life, and closing it is enough to be forgotten by the kernel. `LoopPoller` does the same through
the loop's own readers and writers, where there is no epoll.
"""

from __future__ import annotations

import asyncio
import select
import sys
from typing import Protocol

_BATCH = 32  # in one turn of the loop: each goes on with what it does, and others wait meanwhile


class Waits(Protocol):
    """What both pollers can do."""

    def register(self, fd: int) -> None:
        """Before the first wait, and once a socket of TCP is connecting. Raises OSError."""
        ...

    def readable(self, fd: int) -> asyncio.Future[None]: ...

    def writable(self, fd: int) -> asyncio.Future[None]: ...

    def either(self, fd: int) -> asyncio.Future[None]:
        """Readable or writable."""
        ...

    def wake(self, fd: int) -> None:
        """Ends a wait for another reason than readiness: a timer."""
        ...

    def forget(self, fd: int) -> None:
        """Before the descriptor is closed."""
        ...

    def poll(self) -> None:
        """Hands what the kernel has ready to those who wait for it, without waiting."""
        ...

    def close(self) -> None:
        """May be called again."""
        ...


class LoopPoller:
    """For platforms without epoll."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._select = select.poll()

    def register(self, fd: int) -> None:
        """Nothing: each wait registers for itself."""

    def readable(self, fd: int) -> asyncio.Future[None]:
        self._loop.add_reader(fd, self.wake, fd)
        return self._wait(fd, select.POLLIN)

    def writable(self, fd: int) -> asyncio.Future[None]:
        self._loop.add_writer(fd, self.wake, fd)
        return self._wait(fd, select.POLLOUT)

    def either(self, fd: int) -> asyncio.Future[None]:
        self._loop.add_reader(fd, self.wake, fd)
        self._loop.add_writer(fd, self.wake, fd)
        return self._wait(fd, select.POLLIN | select.POLLOUT)

    def _wait(self, fd: int, events: int) -> asyncio.Future[None]:
        self._select.register(fd, events)
        waiter = self._waiting[fd] = self._loop.create_future()
        return waiter

    def wake(self, fd: int) -> None:
        waiter = self._waiting.get(fd)
        self.forget(fd)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def forget(self, fd: int) -> None:
        if self._waiting.pop(fd, None) is not None:
            self._select.unregister(fd)
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)

    def poll(self) -> None:
        for fd, _ in self._select.poll(0):
            self.wake(fd)

    def close(self) -> None:
        for fd in tuple(self._waiting):
            self.forget(fd)


if sys.platform == "linux":
    _READ = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
    _BOTH = _READ | select.EPOLLOUT

    class Poller:
        """The private epoll."""

        def __init__(self) -> None:
            self._loop = asyncio.get_running_loop()
            self._waiting: dict[int, asyncio.Future[None]] = {}
            self._epoll = select.epoll()
            self._loop.add_reader(self._epoll.fileno(), self._drain)

        def register(self, fd: int) -> None:
            self._epoll.register(fd, _READ)

        def readable(self, fd: int) -> asyncio.Future[None]:
            waiter = self._waiting[fd] = self._loop.create_future()
            return waiter

        def either(self, fd: int) -> asyncio.Future[None]:
            self._epoll.modify(fd, _BOTH)  # which tells anew what is ready already
            return self.readable(fd)

        writable = either

        def wake(self, fd: int) -> None:
            waiter = self._waiting.pop(fd, None)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

        def forget(self, fd: int) -> None:
            self._waiting.pop(fd, None)

        def _drain(self) -> int:
            waiting = self._waiting
            events = self._epoll.poll(0, _BATCH)
            for fd, _ in events:
                waiter = waiting.pop(fd, None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(None)
            return len(events)

        def poll(self) -> None:
            while self._drain() == _BATCH:
                pass

        def close(self) -> None:
            if not self._epoll.closed:
                self._loop.remove_reader(self._epoll.fileno())
                self._epoll.close()
            self._waiting.clear()

else:
    Poller = LoopPoller
