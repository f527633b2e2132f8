"""A toy pager: takes what the agent says of its alerts, and shows it.

It reads Alertmanager's webhook format, version 4. A message that comes a
second time (the same Idempotency-Key) is counted and not shown again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field, JsonValue, ValidationError

from prober.demo.faults import FAULTS
from prober.demo.parts import PARTS, page
from prober.units import rfc3339

KEPT = 200


class Alert(BaseModel):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: AwareDatetime
    endsAt: AwareDatetime | None = None

    @property
    def check(self) -> str:
        return self.labels.get("check", self.labels.get("alertname", "something"))


class Message(BaseModel):
    version: Literal["4"]
    alerts: list[Alert] = Field(min_length=1, max_length=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One alert of one message, as the person on call reads it."""

    word: str  # ALERT, STILL (a reminder) or RESOLVED
    text: str
    severity: str
    at: datetime
    alert: Alert

    def to_json(self) -> dict[str, JsonValue]:
        return {
            "word": self.word,
            "text": self.text,
            "at": rfc3339(self.at),
            **self.alert.model_dump(mode="json"),
        }


class Pager:
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._keys: deque[str] = deque(maxlen=KEPT)
        self.pages: deque[Page] = deque(maxlen=KEPT)  # newest first
        self.repeated = 0

    def take(self, message: Message, key: str, at: float) -> None:
        if key and key in self._keys:
            self.repeated += 1
            return
        self._keys.append(key)
        for alert in message.alerts:
            received = self._page(alert, datetime.fromtimestamp(at, UTC))
            self.pages.appendleft(received)
            self._say(f"  {received.word:<8}  {received.text}")

    def _page(self, alert: Alert, at: datetime) -> Page:
        before = next((page for page in self.pages if page.alert.labels == alert.labels), None)
        if alert.status == "resolved":
            word, text = "RESOLVED", f"{alert.check} is up again"
        elif before is not None and before.alert.status == "firing":
            word, text = "STILL", f"{alert.check} is still down"
        else:
            word, text = "ALERT", f"{alert.check} is down"
        return Page(
            word=word,
            text=one_line(alert.annotations.get("summary") or text),
            severity=one_line(alert.labels.get("severity", "")),
            at=at,
            alert=alert,
        )


def one_line(text: str) -> str:
    """Terminals get no control characters from the network."""
    return "".join(c if c.isprintable() else " " for c in text)[:300]


PAGER = web.AppKey("pager", Pager)


async def receive(request: web.Request) -> web.Response:
    try:
        message = Message.model_validate_json(await request.read())
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in wrong["loc"]) or "the body"
        text = f"not a message in Alertmanager's webhook format 4: {place}: {wrong['msg'].lower()}"
        return web.json_response({"error": text}, status=400)
    key = request.headers.get("Idempotency-Key", "")
    request.app[PAGER].take(message, key, request.app[PARTS].clock.now())
    return web.json_response({"taken": len(message.alerts)})


async def show(request: web.Request) -> web.Response:
    pages = request.app[PAGER].pages
    if "application/json" in request.headers.get("Accept", ""):
        notices: list[JsonValue] = [page.to_json() for page in pages]
        return web.json_response({"notices": notices, "repeated": request.app[PAGER].repeated})
    values = {"pages": pages, "faults": request.app[FAULTS].to_json()}
    return await page(request, "pager.html", values)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/pager", show)
    app.router.add_post("/pager", receive)
