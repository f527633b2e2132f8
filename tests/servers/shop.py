"""A shop that is asked in steps: sign in, order, look at the orders, sign out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.servers.http import Asked, Site, peer, read_request, reply

TOKEN = "tok-73b1f0c2d9"
JSON = {"Content-Type": "application/json"}


@dataclass(slots=True)
class Shop:
    """`broken` maps a path to what it answers instead; a path in `hangs` is never answered."""

    site: Site
    broken: dict[str, bytes] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    signed_in: bool = False
    orders: list[dict[str, object]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return self.site.url(path)

    @property
    def asked(self) -> list[str]:
        """Method and path of every request."""
        return [f"{one.method} {one.target}" for one in self.site.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await read_request(reader)
        self.site.asked.append(asked)
        path = asked.target.partition("?")[0]
        if path in self.hangs:
            await reader.read()
            return
        writer.write(self.broken.get(path) or self._answer(asked, path))
        await writer.drain()

    def _answer(self, asked: Asked, path: str) -> bytes:
        if path == "/login":
            self.signed_in = True
            headers = JSON | {"Set-Cookie": "session=s-91; Path=/", "X-Csrf": "c-55"}
            return reply(
                200, json.dumps({"access_token": TOKEN, "user": {"id": 7}}).encode(), headers
            )
        if asked.header("Authorization") != f"Bearer {TOKEN}":
            return reply(401, b"no token")
        if "session=s-91" not in (asked.header("Cookie") or ""):
            return reply(403, b"no session")
        if path == "/logout":
            self.signed_in = False
            return reply(204)
        if asked.method == "POST":
            self.orders.append(json.loads(asked.body))
            body = {"id": len(self.orders), "ref": "a b/c?d&e=ü", "total": 12.5}
            return reply(201, json.dumps(body).encode(), JSON | {"X-Took": "17"})
        body = {"orders": self.orders, "count": len(self.orders)}
        return reply(200, json.dumps(body).encode(), JSON)


@asynccontextmanager
async def shop() -> AsyncIterator[Shop]:
    """Listens on a free port."""
    it = Shop(Site("http", "127.0.0.1"))
    async with peer(it.serve) as it.site.port:
        yield it
