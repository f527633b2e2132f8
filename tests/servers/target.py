"""A target that a test breaks and heals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Thread


@dataclass
class Target:
    """Answers every request with `status` after `delay` seconds; counts what it was asked."""

    url: str = ""
    status: int = 200
    delay: float = 0.0
    requests: int = 0
    in_flight: int = 0
    heads: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.in_flight += 1
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            self.requests += 1
            await asyncio.sleep(self.delay)
            body = b'{"status": "healthy"}' if self.status == 200 else b"broken"
            head = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a probe that was killed
        finally:
            self.in_flight -= 1
            writer.close()


@asynccontextmanager
async def target() -> AsyncIterator[Target]:
    it = Target()
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    it.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield it
    finally:
        server.close()


@contextmanager
def target_beside() -> Iterator[Target]:
    """The same in a thread of its own, for a test that has no loop running."""
    there: Future[tuple[Target, asyncio.Event, asyncio.AbstractEventLoop]] = Future()

    async def serve() -> None:
        over = asyncio.Event()
        async with target() as it:
            there.set_result((it, over, asyncio.get_running_loop()))
            await over.wait()

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    it, over, loop = there.result(10)
    try:
        yield it
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
