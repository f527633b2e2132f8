"""A site whose every page is scripted, and peers that speak HTTP badly."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlsplit

Script: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The header's values, joined; None where it is not there."""
        values = [value for given, value in self.headers if given.lower() == name.lower()]
        return ", ".join(values) if values else None


Page: TypeAlias = bytes | Callable[[Asked], bytes]


@dataclass(slots=True)
class Site:
    """`pages` by path may be changed at any time; `asked` grows with every request."""

    scheme: str
    host: str
    port: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def url(self, path: str = "/") -> str:
        return self.origin + path

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await read_request(reader)
        self.asked.append(asked)
        page = self.pages.get(urlsplit(asked.target).path, reply(404))
        writer.write(page(asked) if callable(page) else page)
        await writer.drain()


def reply(
    status: int = 200, body: bytes = b"", headers: Mapping[str, str | list[str]] | None = None
) -> bytes:
    """A response with its length; `headers` may hold several values under one name."""
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body)}"]
    for name, values in (headers or {}).items():
        lines += [f"{name}: {value}" for value in ([values] if isinstance(values, str) else values)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def redirect(location: str, status: int = 302, **headers: str | list[str]) -> bytes:
    """`headers` with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply(status, b"moved", {"Location": location} | named)


async def read_request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = tuple((name, value.strip()) for name, _, value in (ln.partition(":") for ln in lines))
    length = next((int(value) for name, value in pairs if name.lower() == "content-length"), 0)
    return Asked(method, target, pairs, await reader.readexactly(length))


@asynccontextmanager
async def site(
    pages: Mapping[str, Page] | None = None,
    *,
    host: str = "127.0.0.1",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Site]:
    """Listens on a free port; `host` is also the name in its URLs."""
    it = Site("https" if tls else "http", host, pages=dict(pages or {}))
    async with peer(it.serve, tls=tls) as it.port:
        yield it


@asynccontextmanager
async def peer(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that runs `script` on each connection and then closes it."""

    talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(_talk(script, reader, writer))
        talks[talk] = writer
        await asyncio.wait([talk])
        del talks[talk]

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port: int = server.sockets[0].getsockname()[1]
    try:
        yield port
    finally:
        server.close()
        for _ in range(5):  # turns of the loop that a connection just accepted needs to get here
            await asyncio.sleep(0)
        for talk, writer in talks.items():
            talk.cancel()
            writer.transport.abort()
        if talks:
            await asyncio.wait(talks)
        await asyncio.sleep(0)


async def _talk(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    gone = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)
    try:
        with suppress(*gone):  # the prober went away: its right
            await script(reader, writer)
    finally:
        writer.close()
        with suppress(*gone):
            await writer.wait_closed()


def answers(data: bytes) -> Script:
    """Reads the request, sends `data`, and closes."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(data)
        await writer.drain()

    return script


def resets(data: bytes = b"") -> Script:
    """Reads the request, sends `data`, and resets the connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(data)
        await writer.drain()
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return script


def drips(data: bytes, every: float) -> Script:
    """Reads the request, sends one byte of `data` every so many seconds, and then nothing."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(every)
        await reader.read()

    return script


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads the request and all that follows, and never answers."""
    await reader.read()
