"""What did a journey's run leave behind? Its files, as the page links them.

A file shows what the target sent, so it is served as a picture, as plain text,
or as something to be saved, and may run nothing: a page is shown as its source,
and a trace is looked at in a viewer that is not of this origin. A disk that hangs holds up whoever
asked, never the loop.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from aiohttp import web

from prober.web.sources import SOURCES
from prober.wire.threads import Threads

_TEXT = "text/plain; charset=utf-8"
TYPES = {".png": "image/png", ".txt": _TEXT, ".html": _TEXT}
SAVED = frozenset({".zip", ".har"})  # as a file of that name
READERS = 2  # files that are read at a time
WITHIN = 10.0  # seconds
LARGEST = 32 * 1024 * 1024  # bytes; more than any that an agent keeps
HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, max-age=86400, immutable",  # a run's files are written once
}

_CHECK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_READING = web.AppKey("reading", Threads)


async def reading(app: web.Application) -> AsyncIterator[None]:
    """The application's own threads, as long as it serves."""
    app[_READING] = threads = Threads(READERS)
    yield
    threads.close()


def link(path: str) -> str:
    """The address, relative to the page's, of what lies in data_dir at `path`.

    Its folder's name is quoted already, and what stands in an address is
    quoted once more: a proxy may take one quoting off on the way.
    """
    return quote(path)


async def show(request: web.Request) -> web.Response:
    """`/evidence/CHECK/RUN/FILE`; CHECK as the folder is called, or as the check is."""
    asked = request.match_info
    check, run, file = unquote(asked["check"]), asked["run"], asked["file"]
    ending = PurePosixPath(file).suffix
    if (ending not in TYPES and ending not in SAVED) or not (
        _CHECK.fullmatch(check) and _PART.fullmatch(run) and _PART.fullmatch(file)
    ):
        raise web.HTTPNotFound
    root = request.app[SOURCES].data_dir / "evidence"
    parts = (quote(check, safe=""), run, file)
    try:
        async with asyncio.timeout(WITHIN):
            data = await request.app[_READING].call(lambda: _read(root, parts))
    except TimeoutError:
        raise web.HTTPServiceUnavailable(text="the disk does not answer\n") from None
    except OSError:
        raise web.HTTPNotFound from None
    headers = {"Content-Type": TYPES.get(ending, "application/octet-stream"), **HEADERS}
    if ending in SAVED:
        headers["Content-Disposition"] = f'attachment; filename="{run[:8]}-{file}"'
    return web.Response(body=data, headers=headers)


def _read(root: Path, parts: tuple[str, ...]) -> bytes:
    """The regular file that lies there itself: no link is followed on the way from `root`."""
    *folders, name = parts
    with ExitStack() as stack:
        place = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        stack.callback(os.close, place)
        for folder in folders:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            place = os.open(folder, flags, dir_fd=place)
            stack.callback(os.close, place)
        found = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
        with open(found, "rb") as file:
            seen = os.fstat(found)
            if not stat.S_ISREG(seen.st_mode) or seen.st_size > LARGEST:
                raise FileNotFoundError(name)
            return file.read(LARGEST)
