"""What has whoever decides something written into the body of a request?

Every mistake is a `Wrong`, which says what would be right.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime

from aiohttp import web
from pydantic import JsonValue

from prober.alerts.matchers import Matcher, parse_all
from prober.errors import ProberError
from prober.units import parse_duration, show_duration

LONGEST = 1000  # characters of a comment
NAME = 200  # of who it is
MATCHERS = 50
SHOWN = 200  # characters of what is wrong
LASTING = 366 * 86400.0  # seconds; what is to last longer belongs in the config


class Wrong(ProberError):
    """The request asks for what cannot be; `status` is the answer's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def read(request: web.Request, known: Collection[str]) -> Body:
    """The JSON object that was sent, with no other keys than these."""
    try:
        sent = json.loads(await request.read())
    except (ValueError, RecursionError, web.RequestPayloadError):
        raise Wrong("the body is no JSON; send an object as application/json") from None
    if not isinstance(sent, dict):
        raise Wrong('the body is no object; send one such as {"by": "ana"}')
    for name in sent:
        if name not in known:
            raise Wrong(f"{_shown(name)} is not known here; there are {', '.join(known)}")
    return Body(sent)


class Body:
    """What was sent, by name; empty text counts as none."""

    def __init__(self, sent: Mapping[str, JsonValue]) -> None:
        self._sent = sent

    def text(self, name: str, *, most: int = LONGEST, needed: bool = False) -> str:
        value = self._sent.get(name)
        if value is not None and not isinstance(value, str):
            raise Wrong(f"{name} is {_shown(value)}; write a text")
        # Half a surrogate pair is JSON, but no text that could be kept.
        text = (value or "").strip().encode(errors="replace").decode()
        if needed and not text:
            raise Wrong(f"{name} is missing: it goes into the audit log")
        if len(text) > most:
            raise Wrong(f"{name} has {len(text)} characters; write at most {most}")
        return text

    def matchers(self) -> tuple[Matcher, ...]:
        written = self._sent.get("matchers")
        if not isinstance(written, list) or not written:
            raise Wrong('matchers is missing; write a list such as ["check=shop", "severity!=low"]')
        if len(written) > MATCHERS:
            raise Wrong(f"there are {len(written)} matchers; write at most {MATCHERS}")
        texts = []
        for one in written:
            if not isinstance(one, str):
                raise Wrong(f"{str(one)[:40]!r} is no matcher; write NAME=VALUE as a text")
            if len(one) > LONGEST:
                said = f"{one[:40]!r}… is a matcher of {len(one)} characters"
                raise Wrong(f"{said}; write at most {LONGEST}")
            texts.append(one)
        try:
            return parse_all(texts)
        except ValueError as error:
            raise Wrong(str(error)) from None

    def period(self, now: float) -> tuple[float, float]:
        """From when until when, in Unix seconds."""
        starts = self._moment("starts_at")
        begins = now if starts is None else starts
        lasts, ends = self._sent.get("for"), self._moment("ends_at")
        if (lasts is None) == (ends is None):
            raise Wrong("write either for, such as 2h, or ends_at")
        until = begins + _lasting(lasts) if ends is None else ends
        if until <= max(now, begins):
            raise Wrong("it would be over before it begins; write a later ends_at")
        if until - now > LASTING or now - begins > LASTING:
            raise Wrong(f"it goes further than {show_duration(LASTING)} from now; write less")
        return begins, until

    def _moment(self, name: str) -> float | None:
        value = self._sent.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
            if moment is not None and moment.tzinfo is not None:
                return moment.timestamp()
        except (ValueError, OverflowError):
            pass
        raise Wrong(f"{name} is {_shown(value)}; write it as 2026-03-01T03:00:00Z")


def _lasting(value: JsonValue) -> float:
    if isinstance(value, str | int | float) and len(_shown(value)) <= SHOWN:
        try:
            return parse_duration(value)
        except ValueError as error:
            raise Wrong(f"for: {error}") from None
    raise Wrong(f"for is {_shown(value)}; write it as 30m or 2h")


def _shown(value: JsonValue) -> str:
    """As it was sent, or its beginning: nobody needs a megabyte of it back."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
