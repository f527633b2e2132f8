"""Pages of which we know what a browser should measure.

    python -m benchmarks.common.truth PORT

/page?image=MS     the largest thing is a picture, which the server holds back for so long
/page?shift=1      a block jumps by a known way, without anybody's doing
/page?handler=MS   a button whose handler keeps the page busy for so long
/page?answer=MS    the page itself is held back
They may be combined. /truth says how long a held answer really took, in milliseconds.
"""

from __future__ import annotations

import struct
import sys
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import parse_qsl, urlsplit

from prober.clock import SystemClock

VIEWPORT = (1280, 720)
BLOCK = (400, 200)  # pixels
JUMP = 100  # pixels down
# https://web.dev/articles/cls: the share of the viewport that moved, times how far in its longer side.
CLS = BLOCK[0] * (BLOCK[1] + JUMP) / (VIEWPORT[0] * VIEWPORT[1]) * JUMP / max(VIEWPORT)
SHIFTS_AFTER = 300  # milliseconds after the load
CLOCK = SystemClock()

_IMAGE = '<img src="/image?ms={ms}" width="600" height="400" alt="">'
_BLOCK = (
    f'<div id="block" style="position:absolute;left:0;top:0;width:{BLOCK[0]}px;height:{BLOCK[1]}px">'
    "</div><script>addEventListener('load', () => setTimeout(() => {"
    f"block.style.top = '{JUMP}px'; setTimeout(() => document.title = 'moved', 100)"
    f"}}, {SHIFTS_AFTER}))</script>"
)
_BUTTON = (
    '<button style="position:absolute;left:700px;top:500px">busy</button><script>'
    "document.querySelector('button').onclick = () => {{"
    "const until = performance.now() + {ms}; while (performance.now() < until); "
    "document.querySelector('button').textContent = 'done' }}</script>"
)


def picture(side: int = 200) -> bytes:
    """A PNG of noise: an image of few bytes for its size would be no candidate for LCP."""
    random = Random(1)
    rows = b"".join(b"\0" + random.randbytes(side * 3) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


_PICTURE = picture()


def page(asked: Mapping[str, str]) -> bytes:
    parts = ["<!doctype html><meta charset=utf-8><title>truth</title><link rel=icon href=data:,>"]
    parts.append('<body style="margin:0"><p style="margin:600px 0 0">a line</p>')
    if ms := asked.get("image"):
        parts.append(
            f'<div style="position:absolute;left:650px;top:20px">{_IMAGE.format(ms=ms)}</div>'
        )
    if asked.get("shift"):
        # Only what is painted can shift: the block has a colour of its own.
        parts.append(_BLOCK.replace("height:200px", "height:200px;background:#9bd"))
    if ms := asked.get("handler"):
        parts.append(_BUTTON.format(ms=ms))
    return "".join(parts).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held: float = 0.0  # milliseconds, of the answer that was held last

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = dict(parse_qsl(url.query))
        if url.path == "/truth":
            return self._answer(str(type(self).held).encode(), "text/plain")
        wait = float(asked.get("ms" if url.path == "/image" else "answer", 0))
        began = CLOCK.monotonic()
        time.sleep(wait / 1000)
        if wait:
            type(self).held = (CLOCK.monotonic() - began) * 1000
        if url.path == "/image":
            return self._answer(_PICTURE, "image/png")
        return self._answer(page(asked), "text/html")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        with suppress(ConnectionError):  # it went on before the picture had come
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called there
        """Nobody reads it."""


def main() -> None:
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
