"""Somebody in the shop: a browser without scripts, its cookies, and what the shop printed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from pydantic import JsonValue, TypeAdapter

from prober.clock import Clock, SystemClock
from prober.demo.data import EMAIL, PASSWORD, Database
from prober.demo.faults import Fault, Faults
from prober.demo.shop import application, listen, serving, url_of

JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    def json(self) -> dict[str, JsonValue]:
        value = JSON.validate_json(self.text)
        assert isinstance(value, dict)
        return value


@dataclass(slots=True)
class Guest:
    url: str
    session: aiohttp.ClientSession
    faults: Faults
    clock: Clock
    said: list[str] = field(default_factory=list)

    async def ask(self, method: str, path: str, *, body: bytes = b"", **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method, self.url + path, data=body, headers=sent, allow_redirects=False
        ) as answer:
            text = (await answer.read()).decode()
            return Answer(answer.status, dict(answer.headers), text)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, body=b"", **headers)

    async def post(self, path: str, **fields: str) -> Answer:
        """A form as a browser sends it."""
        body = aiohttp.FormData(fields)()
        async with self.session.post(self.url + path, data=body, allow_redirects=False) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.text())

    async def post_json(self, path: str, value: JsonValue, **headers: str) -> Answer:
        body = JSON.dump_json(value)
        return await self.ask("POST", path, body=body, Content_Type="application/json", **headers)

    async def sign_in(self, target: str = "") -> Answer:
        return await self.post("/login", email=EMAIL, password=PASSWORD, next=target)

    async def order(self, note: str) -> str:
        """The id of a new order."""
        bought = await self.post("/checkout", note=note)
        return bought.location.removeprefix("/orders/").removesuffix("?thanks")

    def breaks(self, *faults: Fault) -> None:
        for fault in faults:
            self.faults.switch(fault, True)

    def heals(self, *faults: Fault) -> None:
        for fault in faults:
            self.faults.switch(fault, False)


@asynccontextmanager
async def visiting(clock: Clock | None = None) -> AsyncIterator[Guest]:
    database, faults, said = Database(), Faults(), list[str]()
    clock = clock or SystemClock()
    sock = listen("127.0.0.1", 0, otherwise="")
    jar = aiohttp.CookieJar(unsafe=True)
    try:
        async with (
            serving(application(database, clock, faults, said.append), sock),
            aiohttp.ClientSession(cookie_jar=jar) as session,
        ):
            yield Guest(url_of(sock), session, faults, clock, said)
    finally:
        database.close()
