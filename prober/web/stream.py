"""How does a long answer leave without holding up the probes?

It is made piece by piece, and the loop is given back in between; packing it
is left to a thread.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing
from functools import partial

from aiohttp import ClientConnectionResetError, web

from prober.clock import Clock, Courtesy
from prober.web.accept import quality

log = logging.getLogger(__name__)

TURN = 0.002  # seconds of making an answer before others are let in
PATIENCE = 0.5  # seconds in which the others are let in for as long as they have work
PIECE = 64 * 1024  # bytes; smaller pieces are sent together
GZIP = 16 + zlib.MAX_WBITS  # what zlib calls the gzip format

PACKING = web.AppKey("packing", Executor)


class Turns:
    """Gives the loop back whenever it has been held for a turn."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._courtesy = Courtesy(clock, PATIENCE)
        self._begun = clock.monotonic()

    async def over(self) -> None:
        if self._clock.monotonic() - self._begun >= TURN:
            await self._courtesy.turn()
            self._begun = self._clock.monotonic()


async def packing(app: web.Application) -> AsyncIterator[None]:
    """The application's own thread, as long as it serves."""
    with ThreadPoolExecutor(1, "prober-gzip") as pool:
        app[PACKING] = pool
        yield


async def send(
    request: web.Request,
    content_type: str,
    pieces: AsyncIterator[bytes],
    packed_by: Callable[[Executor], AsyncIterator[bytes]] | None = None,
) -> web.StreamResponse:
    """Answers 200 with the pieces, packed where the client takes that.

    `packed_by` gives them packed, where that is known to whoever makes them.
    """
    packed = quality(request.headers.get("Accept-Encoding", ""), "gzip") > 0
    response = web.StreamResponse(
        headers={
            "Content-Type": content_type,
            "Cache-Control": "no-store",
            "Vary": "Accept, Accept-Encoding",
        }
    )
    if packed:
        response.headers["Content-Encoding"] = "gzip"
        pieces = (packed_by or partial(_packed, pieces))(request.app[PACKING])
    try:
        await response.prepare(request)
        if request.method != "HEAD":
            async with aclosing(_gathered(pieces)) as parts:
                async for part in parts:
                    await response.write(part)
        await response.write_eof()
    except ClientConnectionResetError:
        log.warning("%s left before it had all of %s", request.remote, request.path)
    return response


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    waiting = bytearray()
    async for piece in pieces:
        waiting += piece
        if len(waiting) >= PIECE:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


async def _packed(pieces: AsyncIterator[bytes], pool: Executor) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    packer = zlib.compressobj(level=1, wbits=GZIP)
    async for piece in _gathered(pieces):
        yield await loop.run_in_executor(pool, packer.compress, piece)
    yield packer.flush()
