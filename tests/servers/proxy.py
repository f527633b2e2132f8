"""An HTTP proxy: it digs tunnels, passes plain requests on, and remembers what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.servers.http import Asked, peer, read_request, reply

_PIECE = 65536


@dataclass(slots=True)
class Proxy:
    """`refusal` is answered instead, where there is one; `leads` turns a host and port into another."""

    port: int = 0
    refusal: bytes = b""
    leads: dict[str, int] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await read_request(reader)
        self.asked.append(asked)
        if self.refusal:
            writer.write(self.refusal)
            return
        is_tunnel = asked.method == "CONNECT"
        place = asked.target if is_tunnel else urlsplit(asked.target).netloc
        port = self.leads.get(place) or int(place.rpartition(":")[2])
        there, back = await asyncio.open_connection("127.0.0.1", port)
        if is_tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            back.write(_passed_on(asked))
        try:
            await asyncio.gather(_pipe(reader, back), _pipe(there, writer))
        finally:
            back.close()
            with suppress(ConnectionError):
                await back.wait_closed()


def _passed_on(asked: Asked) -> bytes:
    parts = urlsplit(asked.target)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{asked.method} {target} HTTP/1.1"]
    lines += [f"{n}: {v}" for n, v in asked.headers if n.lower() != "proxy-authorization"]
    return "\r\n".join([*lines, "", ""]).encode() + asked.body


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
        writer.write_eof() if writer.can_write_eof() else writer.close()


@asynccontextmanager
async def proxy(refusal: bytes = b"", **leads: int) -> AsyncIterator[Proxy]:
    """Listens on a free port of 127.0.0.1."""
    it = Proxy(refusal=refusal, leads=dict(leads))
    async with peer(it.serve) as it.port:
        yield it


def needs_a_user() -> bytes:
    return reply(407, headers={"Proxy-Authenticate": "Basic"})
