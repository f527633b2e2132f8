"""A small site for browsers: pages by path, each with what it needs to be slow, broken or measured."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import urlsplit

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Page:
    body: str | bytes = ""
    type: str = HTML
    status: int = 200
    delay: float = 0.0  # seconds before the answer
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Site:
    url: str
    pages: dict[str, Page]
    released: threading.Event = field(
        default_factory=threading.Event
    )  # at the end: nobody waits on
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # paths and headers

    @property
    def other_url(self) -> str:
        """The same site from another origin; only Chromium resolves it."""
        return self.url.replace("127.0.0.1", "other.localhost")


@contextmanager
def site(pages: Mapping[str, Page]) -> Iterator[Site]:
    it = Site("", dict(pages))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            headers = {name.lower(): value for name, value in self.headers.items()}
            it.asked.append((path, headers))
            page = it.pages.get(path, Page("not here", status=404))
            it.released.wait(page.delay)
            body = page.body.encode() if isinstance(page.body, str) else page.body
            self.send_response(page.status)
            self.send_header("Content-Type", page.type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its name

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A browser that was killed in the middle of an answer is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    it.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield it
    finally:
        it.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def noise(width: int, height: int) -> bytes:
    """A PNG that no browser takes for an empty background."""
    random = Random(1)
    rows = b"".join(b"\0" + random.randbytes(width * 3) for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data).to_bytes(4)
        return len(data).to_bytes(4) + kind + data + checksum

    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows, 1))
        + chunk(b"IEND", b"")
    )


# What a page of this shape must be measured at, in a window of 1280 x 720: it answers
# after 200 ms, shows its largest element 1500 ms later, moves half of what is in view
# by a fifth of its height once, and takes 300 ms to react to a click.
MEASURED_TTFB, MEASURED_LCP, MEASURED_INP = 0.2, 1.7, 0.3
MEASURED_CLS = (504 / 720) * (144 / 1280)
MEASURED: Mapping[str, Page] = {
    "/measured": Page(
        """<!doctype html><title>measured</title><style>
        body { margin: 0; font: 16px sans-serif } #gap { height: 0 }
        #block { width: 100vw; height: 360px; background: #ddd }
        img { display: block; width: 800px; height: 200px }
        button { position: fixed; right: 20px; bottom: 20px; width: 120px; height: 40px }
        </style><div id=gap></div><div id=block></div><button>slow</button>
        <div style="position: absolute; top: 504px; left: 0"><img src=/noise.png></div>
        <script>
        setTimeout(() => { document.getElementById("gap").style.height = "144px" }, 900);
        const button = document.querySelector("button");
        button.addEventListener("click", () => {
          const began = performance.now();
          while (performance.now() - began < 300);
          button.textContent = "done";
        });
        </script>""",
        delay=MEASURED_TTFB,
    ),
    "/noise.png": Page(noise(400, 300), "image/png", delay=1.5),
    "/next": Page("<!doctype html><title>next</title><h1>next</h1>"),
}

# Pages that each are slow in one way; what they must be measured at stands in their address.
HANDLERS = (50, 150, 300, 600)  # milliseconds
TRUTH: Mapping[str, Page] = {
    "/server-600": Page("<!doctype html><h1>slow server</h1>", delay=0.6),
    "/image-150": Page("<!doctype html><img src=/noise-150.png width=800 height=600>"),
    "/noise-150.png": Page(noise(400, 300), "image/png", delay=0.15),
    **{
        f"/handler-{milliseconds}": Page(
            f"""<!doctype html><button onclick="
            const began = performance.now();
            while (performance.now() - began < {milliseconds});
            this.textContent = 'done'">slow</button>"""
        )
        for milliseconds in HANDLERS
    },
}
