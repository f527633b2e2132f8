"""Where does the agent listen, and how is it served there?

The socket is bound before anything else is started, so that a port in use is
one clear line and not an agent that probes and shows nothing.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from prober.errors import StartError

CLOSE_WITHIN = 0.5  # seconds that a request under way is given when we stop


def bind(host: str | None, port: int) -> socket.socket:
    """A listening socket; `host` None means every interface. Raises StartError."""
    shown = f"{host or ''}:{port}"
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ][0]
        dual = host is None and family == socket.AF_INET6 and socket.has_dualstack_ipv6()
        return socket.create_server(
            (host or "", port), family=family, dualstack_ipv6=dual, backlog=128
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = "the port is in use; stop what listens there or set web.listen (PROBER_LISTEN)"
        else:
            why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise StartError(f"cannot listen on {shown}: {why}") from None


def url_of(sock: socket.socket) -> str:
    """The address of `sock` as a URL that works on this machine."""
    host, port = sock.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104  # read, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


@asynccontextmanager
async def serving(app: web.Application, sock: socket.socket) -> AsyncIterator[str]:
    """Serves `app` on `sock` for as long as the block runs; gives its URL."""
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=CLOSE_WITHIN
    )
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        yield url_of(sock)
    finally:
        await runner.cleanup()
