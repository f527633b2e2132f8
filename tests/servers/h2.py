"""A server that speaks HTTP/2 well, and the frames of those that do not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes, Settings
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.servers.http import peer

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    fields: Fields = ((":status", "200"),)
    body: bytes = b""
    before: tuple[Fields, ...] = ()  # 1xx
    trailers: Fields = ()


@dataclass(slots=True)
class H2Site:
    """Answers every request alike; `window` is what it gives leave for at a time."""

    reply: Callable[[dict[str, str], bytes], Reply]
    window: int = 65535
    port: int = 0
    asked: list[list[tuple[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        wanted = {SettingCodes.INITIAL_WINDOW_SIZE: self.window}
        h2.local_settings = Settings(client=False, initial_values=wanted)
        h2.initiate_connection()
        body, fields, rest = b"", [("", "")], b""
        trailers: Fields = ()
        while True:
            writer.write(h2.data_to_send())
            await writer.drain()
            if not (data := await reader.read(65536)):
                return
            for event in h2.receive_data(data):
                if isinstance(event, RequestReceived):
                    fields = [(str(name), str(value)) for name, value in event.headers or ()]
                elif isinstance(event, DataReceived):
                    body += event.data or b""
                    h2.acknowledge_received_data(event.flow_controlled_length or 0, 1)
                elif isinstance(event, StreamEnded):
                    self.asked.append(fields)
                    self.bodies.append(body)
                    rest, trailers = self._answer(h2, self.reply(dict(fields), body))
            rest = _pour(h2, rest, trailers)

    def _answer(self, h2: H2Connection, reply: Reply) -> tuple[bytes, Fields]:
        for early in reply.before:
            h2.send_headers(1, list(early))
        ends = not reply.body and not reply.trailers
        h2.send_headers(1, list(reply.fields), end_stream=ends)
        return reply.body, reply.trailers


def _pour(h2: H2Connection, rest: bytes, trailers: Fields) -> bytes:
    while rest and (leave := min(h2.local_flow_control_window(1), 16384)) > 0:
        piece, rest = rest[:leave], rest[leave:]
        h2.send_data(1, piece, end_stream=not rest and not trailers)
        if not rest and trailers:
            h2.send_headers(1, list(trailers), end_stream=True)
    return rest


@asynccontextmanager
async def h2_site(
    tls: ssl.SSLContext,
    reply: Reply | Callable[[dict[str, str], bytes], Reply],
    window: int = 65535,
) -> AsyncIterator[H2Site]:
    site = H2Site(reply if callable(reply) else lambda _, __: reply, window)
    tls.set_alpn_protocols(["h2", "http/1.1"])
    async with peer(site.serve, tls=tls) as site.port:
        yield site


def settings() -> bytes:
    return SettingsFrame(0).serialize()


def headers(*fields: tuple[str, str], end: bool = False, whole: bool = True) -> bytes:
    """Without an index of headers, so that each can be read for itself."""
    frame = HeadersFrame(1, Encoder().encode(fields))
    frame.flags |= {name for name, on in (("END_HEADERS", whole), ("END_STREAM", end)) if on}
    return frame.serialize()


def continuation(data: bytes = b"") -> bytes:
    return ContinuationFrame(1, data).serialize()


def data(body: bytes, end: bool = False) -> bytes:
    frame: Frame = DataFrame(1, body)
    if end:
        frame.flags.add("END_STREAM")
    return frame.serialize()


def ping() -> bytes:
    return PingFrame(0, b"01234567").serialize()


def reset(code: int) -> bytes:
    return RstStreamFrame(1, error_code=code).serialize()


def goaway(code: int, last: int = 2**31 - 1, said: bytes = b"") -> bytes:
    return GoAwayFrame(0, last_stream_id=last, error_code=code, additional_data=said).serialize()


def window(size: int, stream: int = 0) -> bytes:
    return WindowUpdateFrame(stream, window_increment=size).serialize()
