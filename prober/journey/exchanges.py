"""What did a journey's pages ask for, and what came of it? As a HAR, without bodies.

Made of what the driver tells anyway, when it is wanted: what is recorded while
the journey is under way would be measured with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import Error
from pydantic import JsonValue

from prober.journey.either import Context, Request, Response
from prober.journey.files import HAR
from prober.journey.har import archive
from prober.journey.where import cut

MOST = 1000  # requests: the last of them
_LONGEST_BODY = 64 * 1024  # characters of what was sent


class Exchanges:
    """The requests of one run and what is known of their answers."""

    def __init__(self) -> None:
        self._known: dict[Request, Response | None] = {}

    def attach(self, context: Context) -> None:
        context.on("request", self._on_request)
        context.on("response", self._on_response)

    def write(self, folder: Path) -> JsonValue:
        """The archive; None where there was nothing to write."""
        if not self._known:
            return None
        known = archive([_entry(request, answer) for request, answer in self._known.items()])
        (folder / HAR).write_text(json.dumps(known), "utf-8", errors="replace")
        return known

    def _on_request(self, request: Request) -> None:
        self._known[request] = None
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    def _on_response(self, response: Response) -> None:
        if response.request in self._known:
            self._known[response.request] = response


def _entry(request: Request, answer: Response | None) -> JsonValue:
    timing = {name: _time(value) for name, value in request.timing.items()}
    waited = _between(timing, "requestStart", "responseStart")
    phases: dict[str, JsonValue] = {
        "blocked": -1,
        "dns": _between(timing, "domainLookupStart", "domainLookupEnd"),
        "connect": _between(timing, "connectStart", "connectEnd"),
        "ssl": _between(timing, "secureConnectionStart", "connectEnd"),
        "send": 0,  # these three are numbers in every HAR, whether known or not
        "wait": max(0.0, waited),
        "receive": 0,
    }
    entry: dict[str, JsonValue] = {
        "startedDateTime": _moment(timing["startTime"]),
        "time": max(0.0, timing["responseStart"]),
        "request": _asked(request),
        "response": _answered(request, answer),
        "cache": {},
        "timings": phases,
        "_resourceType": request.resource_type,
    }
    return entry


def _asked(request: Request) -> JsonValue:
    asked: dict[str, JsonValue] = {
        "method": request.method,
        "url": request.url,
        "httpVersion": "",
        "cookies": [],
        "headers": _headers(request.headers),
        "queryString": [],
        "headersSize": -1,
        "bodySize": -1,
    }
    body = _body(request)
    if body is not None:
        kind = request.headers.get("content-type", "")
        asked["postData"] = {"mimeType": kind, "text": cut(body, _LONGEST_BODY)}
    return asked


def _body(request: Request) -> str | None:
    with suppress(Error, UnicodeDecodeError):  # it is no text
        return request.post_data
    return None


def _answered(request: Request, answer: Response | None) -> JsonValue:
    headers = answer.headers if answer else {}
    content: dict[str, JsonValue] = {"size": -1, "mimeType": headers.get("content-type", "")}
    answered: dict[str, JsonValue] = {
        "status": answer.status if answer else 0,
        "statusText": answer.status_text if answer else "",
        "httpVersion": "",
        "cookies": [],
        "headers": _headers(headers),
        "content": content,
        "redirectURL": headers.get("location", ""),
        "headersSize": -1,
        "bodySize": -1,
    }
    if failure := request.failure:
        answered["_error"] = failure
    elif answer is None:
        answered["_error"] = "no answer by then"
    return answered


def _headers(headers: Mapping[str, str]) -> list[JsonValue]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def _time(value: object) -> float:
    return float(value) if isinstance(value, int | float) else -1.0


def _between(timing: Mapping[str, float], begin: str, end: str) -> float:
    known = timing[begin] >= 0 and timing[end] >= timing[begin]
    return timing[end] - timing[begin] if known else -1.0


def _moment(milliseconds: float) -> str:
    return datetime.fromtimestamp(max(0.0, milliseconds) / 1000, UTC).isoformat()
