"""A PagerDuty that takes events (v2) as strictly as the real one documents, and keeps the incidents."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import JsonValue

from tests.servers.receivers import Answer, Received, Receiver, receiver

KEY = "R0123456789ABCDEF0123456789abcde"
LARGEST = 512 * 1024
_TOP = {"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"}  # fmt: skip
_PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)")


@dataclass(slots=True)
class Incident:
    """What one `dedup_key` opened; `log` has every action, first to last."""

    key: str
    summary: str
    severity: str
    log: list[str] = field(default_factory=list)
    open: bool = True


class PagerDuty:
    """`hook` is the receiver itself; what stands in its `answers` comes before all strictness."""

    def __init__(self, hook: Receiver) -> None:
        self.hook = hook
        self.incidents: list[Incident] = []
        self.dropped: list[str] = []  # keys that were resolved and not open
        hook.answer = self.answer

    @property
    def url(self) -> str:
        return self.hook.url

    @property
    def events(self) -> list[dict[str, JsonValue]]:
        return [one.json for one in self.hook.received if isinstance(one.json, dict)]

    def answer(self, received: Received) -> Answer:
        if (received.method, received.path) != ("POST", "/v2/enqueue"):
            return Answer(404, text="Not Found")
        if len(received.raw) > LARGEST:
            return Answer(413, text="Request Entity Too Large")
        event = received.json
        wrong = list(_wrong(event, received.headers))
        if wrong or not isinstance(event, dict):
            said = {"status": "invalid event", "message": "Event object is invalid"}
            return Answer(400, text=json.dumps({**said, "errors": wrong}))
        key = self._enter(event)
        said = {"status": "success", "message": "Event processed", "dedup_key": key}
        return Answer(202, text=json.dumps(said))

    def _enter(self, event: Mapping[str, JsonValue]) -> str:
        action, payload = str(event["event_action"]), event.get("payload")
        key = str(event.get("dedup_key") or f"made-up-{len(self.incidents)}")
        there = next((one for one in self.incidents if one.open and one.key == key), None)
        if there is None and action == "trigger" and isinstance(payload, dict):
            there = Incident(key, str(payload["summary"]), str(payload["severity"]))
            self.incidents.append(there)
        if there is None:
            self.dropped.append(key)
        else:
            there.log.append(action)
            there.open = action != "resolve"
        return key


def _wrong(event: JsonValue, headers: Mapping[str, str]) -> Iterator[str]:
    """Everything that the documents do not allow."""
    if headers.get("content-type") != "application/json":
        yield "'content-type' is not application/json"
    if not isinstance(event, dict):
        yield "the event is no object"
        return
    yield from (f"'{key}' is not known" for key in event.keys() - _TOP)
    if event.get("routing_key") != KEY:
        yield "'routing_key' is invalid"
    action = event.get("event_action")
    if action not in ("trigger", "acknowledge", "resolve"):
        yield "'event_action' is invalid"
    yield from _wrong_text(event, "dedup_key", 255, required=action != "trigger")
    yield from _wrong_text(event, "client", 1024)
    yield from _wrong_links(event.get("links", []))
    if not str(event.get("client_url", "https://x")).startswith(("https://", "http://")):
        yield "'client_url' is no address"
    payload = event.get("payload")
    if isinstance(payload, dict):
        yield from _wrong_payload(payload)
    elif action == "trigger" or payload is not None:
        yield "'payload' is missing or blank"


def _wrong_payload(payload: Mapping[str, JsonValue]) -> Iterator[str]:
    yield from (f"'payload.{key}' is not known" for key in payload.keys() - _PAYLOAD)
    yield from _wrong_text(payload, "summary", 1024, required=True)
    yield from _wrong_text(payload, "source", 255, required=True)
    for name in ("component", "group", "class"):
        yield from _wrong_text(payload, name, 255)
    if payload.get("severity") not in ("critical", "error", "warning", "info"):
        yield "'severity' is invalid (must be one of: critical, error, warning, info)"
    if not _TIME.fullmatch(str(payload.get("timestamp", "2020-01-01T00:00:00Z"))):
        yield "'timestamp' is no ISO 8601"
    if not isinstance(payload.get("custom_details", {}), dict):
        yield "'custom_details' is no object"


def _wrong_text(
    holder: Mapping[str, JsonValue], name: str, longest: int, *, required: bool = False
) -> Iterator[str]:
    value = holder.get(name)
    if value is None and not required:
        return
    if not isinstance(value, str) or not value.strip():
        yield f"'{name}' is missing or blank"
    elif len(value.encode("utf-16-le", "surrogatepass")) // 2 > longest:
        yield f"'{name}' is too long (at most {longest} characters)"
    elif any(0xD800 <= ord(letter) < 0xE000 or letter == "\0" for letter in value):
        yield f"'{name}' is no text"


def _wrong_links(links: JsonValue) -> Iterator[str]:
    for link in links if isinstance(links, list) else [None]:
        if not isinstance(link, dict) or link.keys() != {"href", "text"}:
            yield "'links' is invalid"
        elif not re.fullmatch(r"https?://[^\s<>\"]+", str(link["href"])):
            yield "'links.href' is no address"


@asynccontextmanager
async def pagerduty() -> AsyncIterator[PagerDuty]:
    async with receiver() as hook:
        yield PagerDuty(hook)
