"""A server that speaks lines, as mail servers do, and begins TLS where it is asked to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.servers.http import peer

GREETING = b"220 mail.example ESMTP ready\r\n"
CAPABLE = b"250-mail.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"
SECURE = b"250-mail.example\r\n250 AUTH PLAIN\r\n"


@dataclass(slots=True)
class Mail:
    """`asked` are the lines that came in; what begins TLS is answered by `go` first."""

    context: ssl.SSLContext
    go: bytes = b"220 go ahead\r\n"
    asked: list[bytes] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        safe = False
        while line := await reader.readline():
            self.asked.append(line)
            match line.split()[:1]:
                case [b"EHLO"]:
                    writer.write(SECURE if safe else CAPABLE)
                case [b"STARTTLS"]:
                    writer.write(self.go)
                    await writer.drain()
                    if self.go.startswith(b"220"):
                        await writer.start_tls(self.context)
                        safe = True
                case [b"QUIT"]:
                    writer.write(b"221 bye\r\n")
                    return
                case _:
                    writer.write(b"500 what is " + line)


@asynccontextmanager
async def mail_server(
    context: ssl.SSLContext, go: bytes = b"220 go ahead\r\n"
) -> AsyncIterator[Mail]:
    """Listens on a free port of 127.0.0.1."""
    mail = Mail(context, go)
    async with peer(mail.serve) as mail.port:
        yield mail
