"""An HTTP server whose path says how it answers: well, badly, slowly, or not at all."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

PLAIN = b"<p>Hello, world</p>\n"
DATE = b"Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n"


@dataclass(frozen=True)
class Asked:
    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]


def answer(status: str, body: bytes = PLAIN, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def _basic(asked: Asked) -> bytes:
    right = "Basic cHJvYmU6c2VzYW1lLW9wZW4="  # probe:sesame-open
    return answer("200 OK" if asked.headers.get("authorization") == right else "401 Unauthorized")


def _bearer(asked: Asked) -> bytes:
    right = "Bearer t0ken-of-the-probe"
    return answer("200 OK" if asked.headers.get("authorization") == right else "401 Unauthorized")


def _echo(asked: Asked) -> bytes:
    return answer("200 OK", asked.body, f"X-Method: {asked.line.split(' ')[0]}")


def _head(asked: Asked) -> bytes:
    return answer("200 OK", b"x" * 1234)[:-1234]


def _seen(asked: Asked) -> bytes:
    """The names of the headers that came."""
    return answer("200 OK", "\n".join(sorted(asked.headers)).encode())


def _where(asked: Asked) -> bytes:
    return answer("200 OK", asked.headers.get("host", "").encode())


GZIPPED = gzip.compress(PLAIN * 50, mtime=0)
ANSWERS: Mapping[str, bytes | Callable[[Asked], bytes]] = {
    "/ok": answer("200 OK", PLAIN, "X-Colour: green", "X-Colour: blue"),
    "/dated": answer("200 OK").replace(b"\r\n\r\n", b"\r\n" + DATE + b"\r\n", 1),
    "/created": answer("201 Created"),
    "/empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/missing": answer("404 Not Found", b"gone"),
    "/broken": answer("500 Internal Server Error", b"oops"),
    "/odd": answer("799 Odd", b"odd"),
    "/moved": answer("301 Moved", b"", "Location: /ok"),
    "/found": answer("302 Found", b"look there", "Location: /ok"),
    "/loop": answer("302 Found", b"", "Location: /loop"),
    "/lost": answer("302 Found", b"lost"),
    "/elsewhere": answer("302 Found", b"", "Location: gopher://nowhere/"),
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    "/badchunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
    "/unsized": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + PLAIN,
    "/old": b"HTTP/1.0 200 OK\r\n\r\n" + PLAIN,
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 40,
    "/gzip": answer("200 OK", GZIPPED, "Content-Encoding: gzip"),
    "/badgzip": answer("200 OK", b"no gzip at all", "Content-Encoding: gzip"),
    "/large": answer("200 OK", b"x" * 5000),
    "/garbage": b"220 this is no HTTP at all\r\n",
    "/nothing": b"",
    "/early": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer("200 OK"),
    "/basic": _basic,
    "/bearer": _bearer,
    "/echo": _echo,
    "/head": _head,
    "/seen": _seen,
    "/where": _where,
}
SLOW, SILENT = 0.15, 30.0  # seconds; longer than a probe may take


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        asked = await _asked(reader)
        await _answer(asked, writer)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass  # the client has gone, or never spoke HTTP
    finally:
        writer.close()


async def _asked(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = (line.partition(": ") for line in head[1:] if line)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(head[0], headers, body)


async def _answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
    match asked.path:
        case "/reset":
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        case "/silent":
            await asyncio.sleep(SILENT)
        case "/slow":
            await asyncio.sleep(SLOW)
            writer.write(answer("200 OK"))
        case "/drip":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            await asyncio.sleep(SILENT)
        case path:
            made = ANSWERS.get(path, answer("404 Not Found"))
            writer.write(made if isinstance(made, bytes) else made(asked))


@asynccontextmanager
async def serving_answers(
    tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """The port."""
    handlers: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_serve(reader, writer))
        handlers.add(task)
        task.add_done_callback(handlers.discard)

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
