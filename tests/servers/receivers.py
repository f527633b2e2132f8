"""Receivers of notices: a webhook that answers as it is told to, and a real Alertmanager."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from pydantic import JsonValue, TypeAdapter

from benchmarks.common.bench import free_ports
from tests import tools

_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came; `headers` in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> JsonValue:
        return _JSON.validate_json(self.raw)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver does with a request: a status, or `raw` bytes instead of HTTP.

    `after` is waited for first, if it is there.
    """

    status: int = 200
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    reset: bool = False
    silent: bool = False
    after: asyncio.Event | None = None


OK = Answer()
RESET = Answer(reset=True)
SILENCE = Answer(silent=True)
GARBAGE = Answer(raw=b"\x16\x03\x01 you are not speaking to a web server\r\n\r\n")
# Promises more than it sends: the status is there, the text is cut off.
CUT_OFF = Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")


class Receiver:
    """Keeps every request; answers with `answers` one by one, and then as `answer` says."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: deque[Answer] = deque()
        self.answer: Callable[[Received], Answer] = lambda _: OK
        self.at_once = 0  # the most requests that were open at the same time
        self.url = ""
        self._open = 0
        self._peers: set[object] = set()
        self._news = asyncio.Condition()
        self._closing = asyncio.Event()

    async def until(self, count: int) -> Received:
        """The request number `count` (from 1), once it is there."""
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: len(self.received) >= count)
        return self.received[count - 1]

    @property
    def connections(self) -> int:
        """How many connections brought the requests."""
        return len(self._peers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        one = Received(request.method, request.path_qs, headers, await request.read())
        self._peers.add(request.transport.get_extra_info("peername") if request.transport else None)
        self._open += 1
        self.at_once = max(self.at_once, self._open)
        try:
            async with self._news:
                self.received.append(one)
                self._news.notify_all()
            answer = self.answers.popleft() if self.answers else self.answer(one)
            return await self._give(answer, request)
        finally:
            self._open -= 1

    async def _give(self, answer: Answer, request: web.Request) -> web.StreamResponse:
        if answer.after is not None:
            await answer.after.wait()
        if answer.silent:
            await self._closing.wait()
        transport = request.transport
        if transport is not None and (answer.reset or answer.silent):
            _reset(transport)
        elif isinstance(transport, asyncio.WriteTransport) and answer.raw is not None:
            transport.write(answer.raw)
            transport.close()
        return web.Response(status=answer.status, text=answer.text, headers=answer.headers)

    def close(self) -> None:
        self._closing.set()


def _reset(transport: asyncio.BaseTransport) -> None:
    """Closes the connection with a RST instead of a FIN."""
    raw: socket.socket = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.Transport):
        transport.abort()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook receiver on a free port, at every path of `url`."""
    one = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        one.url = f"http://{host}:{port}"
        yield one
    finally:
        one.close()
        await runner.cleanup()


def free_port() -> int:
    """A port that nobody listens on: for a server that cannot say which one it took."""
    return free_ports(1)[0]


ALERTMANAGER_YML = """\
route: {{receiver: all, group_by: ["..."], group_wait: 100ms, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: all
    webhook_configs: [{webhooks}]
"""


def _configured(folder: Path, webhook: str | None) -> Path:
    hooks = f'{{url: "{webhook}", send_resolved: true}}' if webhook else ""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "alertmanager.yml"
    config.write_text(ALERTMANAGER_YML.format(webhooks=hooks))
    return config


class Alertmanager:
    """A real one, which can be killed and started again on the same ports and folder."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._options = options
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            tools.alertmanager(),
            f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            *self._options,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await _ready(self.url, self._process)

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def alertmanager(folder: Path, *, webhook: str | None = None) -> AsyncIterator[str]:
    """The URL of a real Alertmanager of its own; what it is told goes on to `webhook`."""
    _configured(folder, webhook)
    one = Alertmanager(folder, ["--cluster.listen-address="])
    try:
        await one.start()
        yield one.url
    finally:
        await one.kill()


@asynccontextmanager
async def clustered(folder: Path, webhook: str) -> AsyncIterator[tuple[Alertmanager, Alertmanager]]:
    """Two that know of each other; either may tell `webhook`, and the other then need not."""
    ports = free_port(), free_port()
    members: list[Alertmanager] = []
    for ours, theirs in (ports, ports[::-1]):
        place = folder / f"member-{len(members)}"
        _configured(place, webhook)
        options = [
            f"--cluster.listen-address=127.0.0.1:{ours}",
            f"--cluster.peer=127.0.0.1:{theirs}",
            "--cluster.settle-timeout=1s",
            "--cluster.peer-timeout=1s",
            "--cluster.gossip-interval=50ms",
            "--cluster.reconnect-interval=200ms",
        ]
        members.append(Alertmanager(place, options))
    try:
        await asyncio.gather(*(one.start() for one in members))
        await asyncio.gather(*(meets(one.url) for one in members))
        yield members[0], members[1]
    finally:
        for one in members:
            await one.kill()


async def meets(url: str) -> None:
    """Returns when the member at `url` has seen the other."""
    async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as client:
        while True:
            cluster = (await client.get(f"{url}/api/v2/status")).json()["cluster"]
            if cluster["status"] == "ready" and len(cluster["peers"]) == 2:
                return
            await asyncio.sleep(0.05)  # a server that is starting has no event to wait for


async def _ready(url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
        while True:
            if process.returncode is not None:
                pytest.fail(f"prometheus-alertmanager ended with {process.returncode}")
            try:
                if (await client.get(f"{url}/-/ready")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)  # a server that is starting has no event to wait for


async def alerts(url: str) -> list[dict[str, JsonValue]]:
    """What the Alertmanager at `url` holds to be firing."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{url}/api/v2/alerts")
    return TypeAdapter(list[dict[str, JsonValue]]).validate_json(answer.content)


async def alertmanager_time(url: str) -> float:
    """What the Alertmanager at `url` takes for now, in Unix seconds, to the second."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{url}/-/ready")
    return parsedate_to_datetime(answer.headers["Date"]).timestamp()
