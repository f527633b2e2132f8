"""The demo's shop, whole: a small real shop that can be broken piece by piece.

`python -m prober.demo.shop` runs it alone. As the demo's child it is given its
listening socket, and ends when its standard input closes: that is when the
parent has gone, in whatever way.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from prober.clock import Clock, SystemClock
from prober.demo import api, checkout, faults, pager, pages
from prober.demo.data import PASSWORD, Database
from prober.demo.faults import FAULTS, Fault, Faults
from prober.demo.pager import PAGER, Pager
from prober.demo.parts import HERE, PARTS, Parts, error_page, templates
from prober.errors import StartError

HOST = "127.0.0.1"
PORT = 9630
BODY_LIMIT = 256 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FOR_PROGRAMS = ("/api/", "/static/", "/faults", "/pager", "/health")
ERROR_TITLES = {404: "Nothing here", 400: "That cannot be", 413: "Too much"}
ERROR_TEXTS = {404: "There is no such page in this shop.", 413: "That is more than we can take."}


def application(
    database: Database, clock: Clock, broken: Faults, say: Callable[[str], None]
) -> web.Application:
    app = web.Application(middlewares=[faults.delay, say_errors], client_max_size=BODY_LIMIT)
    app[PARTS] = Parts(database, clock, templates())
    app[FAULTS] = broken
    app[PAGER] = Pager(say)
    for part in (pages, checkout, api, faults, pager):
        part.add_routes(app)
    app.router.add_static("/static/", HERE / "static")
    return app


@web.middleware
async def say_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A refusal in the form its reader expects, and the product images' fault."""
    try:
        if request.path.startswith("/static/img/") and Fault.IMAGES in request.app[FAULTS]:
            raise web.HTTPNotFound
        return await handler(request)
    except web.RequestPayloadError:  # compressed badly, or cut off
        return await refusal(request, web.HTTPBadRequest(text="That body cannot be read."))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return await refusal(request, error)


async def refusal(request: web.Request, error: web.HTTPException) -> web.Response:
    if request.path.startswith(FOR_PROGRAMS):
        return web.json_response({"error": error.reason.lower()}, status=error.status)
    said = error.text if error.status == 400 and error.text else ERROR_TEXTS.get(error.status)
    title = ERROR_TITLES.get(error.status, error.reason)
    return await error_page(request, error.status, title, said or "We cannot do that.")


def listen(host: str, port: int, *, otherwise: str) -> socket.socket:
    """The shop's socket; 0 is any free port. `otherwise` is how to choose another place."""
    if not 0 <= port <= 65535:
        raise StartError(f"the shop cannot listen on port {port}; write 0 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise StartError(
            f"the shop cannot listen on {host}:{port}: {_why(error)};"
            f" end what listens there, or {otherwise}"
        ) from None


def _why(error: OSError) -> str:
    resolving = isinstance(error, socket.gaierror)
    text = str(error.strerror) if resolving or not error.errno else os.strerror(error.errno)
    return text.lower()


def url_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@asynccontextmanager
async def serving(app: web.Application, sock: socket.socket) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        yield
    finally:
        await runner.cleanup()


async def run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    broken = Faults(filter(None, os.environ.get("DEMO_SHOP_FAULTS", "").split(",")))
    database = open_database(options.database)
    try:
        sock = socket_for(options)
        async with serving(application(database, SystemClock(), broken, say), sock):
            if options.fd is not None:
                loop.add_reader(sys.stdin.fileno(), end_of_input, stop)
            say(f"shop at {url_of(sock)}")
            await stop.wait()
    finally:
        database.close()


def say(line: str) -> None:
    print(line, flush=True)


def end_of_input(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        stop.set()
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())


def socket_for(options: argparse.Namespace) -> socket.socket:
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    return listen(options.host, options.port, otherwise="choose another by --port")


def open_database(path: Path | None) -> Database:
    try:
        return Database(path, password=os.environ.get("DEMO_SHOP_PASSWORD") or PASSWORD)
    except sqlite3.Error as error:
        raise StartError(
            f"the shop cannot open {str(path)!r}: {error}; name a file that can be written"
        ) from None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("prober.demo.shop", description="The demo's shop, alone.")
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=PORT, help="0 is any free port")
    parser.add_argument("--database", type=Path, help="keep orders in this file")
    parser.add_argument("--fd", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    try:
        asyncio.run(run(arguments()))
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
