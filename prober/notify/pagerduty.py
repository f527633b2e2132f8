"""What PagerDuty is told (Events API v2), and what keeps one incident one.

Every event of an incident carries the incident's key as `dedup_key`, so that a
reminder or a retry finds the incident that is open instead of opening another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Mapping
from typing import Annotated, ClassVar

import httpx
from pydantic import AfterValidator, Field, JsonValue
from pydantic_core import from_json

from prober.alerts.notice import PLAIN, Delivery, Event, Notice
from prober.check import Model
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify import post, texts
from prober.notify.post import Answered, Post, Url
from prober.notify.texts import LEVELS, Level
from prober.notify.traits import Traits
from prober.secret import Secret
from prober.units import Duration, rfc3339

KEY_LENGTH = 32  # characters of an integration key
LONGEST_KEY, KEPT_OF_KEY = 255, 200
LONGEST_SUMMARY = 1024
LONGEST_NAME = 255  # of source, component, group and class
LONGEST_DETAIL = 2000
LARGEST = 512_000  # bytes of an event
_ACTIONS = {Event.RESOLVED: "resolve", Event.ACKNOWLEDGED: "acknowledge"}
_LEFT_OUT: JsonValue = {"left_out": "the details are too large for one event"}


def _key(value: Secret) -> Secret:
    text = value.reveal()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("no integration key; write the one of an Events API v2 integration")
    return value


class PagerdutySettings(Model):
    routing_key: Annotated[Secret, AfterValidator(_key)]
    severities: Mapping[str, Level] = Field(default_factory=dict)
    url: Url = Url("https://events.pagerduty.com")
    timeout: Annotated[Duration, Field(gt=0)] = 10.0


class PagerdutyNotifier(Model):
    kind: ClassVar[str] = "pagerduty"
    TRAITS: ClassVar[Traits] = Traits(
        people=False, per_second=2.0, events=PLAIN | {Event.ACKNOWLEDGED}
    )

    pagerduty: PagerdutySettings


def strange(severities: Iterable[str], own: Container[str]) -> tuple[str, ...]:
    """Those of `severities` for which PagerDuty has no word, and none was given in `own`."""
    return tuple(word for word in severities if word not in own and word not in LEVELS)


async def send(
    notifier: PagerdutyNotifier, delivery: Delivery, client: httpx.AsyncClient, clock: Clock
) -> None:
    """Returns when PagerDuty has taken the event. Raises DeliveryError."""
    settings = notifier.pagerduty
    one = Post(
        url=settings.url,
        under="/v2/enqueue",
        body=_body(event(settings, delivery.notice)),
        headers={},
        timeout=settings.timeout,
        hidden=(settings.routing_key.reveal(),),
    )
    answer = await post.ask(one, client)
    if not answer.response.is_success:
        raise post.refusal(one, answer, clock.now())
    if not _took(answer):
        # Somebody in between; an event that PagerDuty gets twice is still one incident.
        status = answer.response.status_code
        raise DeliveryError(f"{settings.url} answered {status}, but not as PagerDuty does")


def _took(answer: Answered) -> bool:
    if answer.response.status_code == httpx.codes.ACCEPTED:
        return True
    try:
        said = from_json(answer.said)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("status") == "success"


def _body(event: Mapping[str, JsonValue]) -> bytes:
    """The event as it is sent, less its details where it would be too large with them."""
    raw = json.dumps(event, separators=(",", ":")).encode()
    payload = event["payload"]
    if len(raw) <= LARGEST or not isinstance(payload, dict):
        return raw
    return _body({**event, "payload": {**payload, "custom_details": _LEFT_OUT}})


def event(settings: PagerdutySettings, notice: Notice) -> dict[str, JsonValue]:
    """One event of `POST /v2/enqueue`."""
    links: list[JsonValue] = [{"href": href, "text": name} for name, href in texts.links(notice)]
    told: dict[str, JsonValue] = {
        "routing_key": settings.routing_key.reveal(),
        "event_action": _ACTIONS.get(notice.event, "trigger"),
        "dedup_key": dedup_key(notice.key),
        "payload": _payload(settings, notice),
        "links": links,
        "client": "Prober",
    }
    page = texts.web_address(notice.url)
    return {**told, "client_url": page} if page else told


def dedup_key(key: str) -> str:
    """The incident's key; one that is too long is told from others by its hash."""
    clean = texts.clean(key)
    if texts.units(clean) <= LONGEST_KEY:
        return clean
    digest = hashlib.blake2s(key.encode(errors="replace"), digest_size=20).hexdigest()
    return f"{texts.cut(clean, KEPT_OF_KEY)}/{digest}"


def _payload(settings: PagerdutySettings, notice: Notice) -> dict[str, JsonValue]:
    labels = notice.labels
    region, check = _name(labels.get("region", "")), _name(labels.get("check", ""))
    named = {
        "component": check or "agent",
        "group": region,
        "class": _name(notice.annotations.get("reason") or labels.get("alert", "")),
    }
    return {
        "summary": texts.cut(texts.summary(notice), LONGEST_SUMMARY),
        "source": _name("/".join(part for part in (region, check) if part) or "prober"),
        "severity": texts.level(labels.get("severity", ""), settings.severities),
        "timestamp": rfc3339(notice.at),
        **{name: value for name, value in named.items() if value},
        "custom_details": _details(notice),
    }


def _details(notice: Notice) -> dict[str, JsonValue]:
    """Everything that is known, but for what the summary says already."""
    said = {name: _detail(text) for name, text in notice.annotations.items() if name != "summary"}
    if lasted := texts.lasted(notice):
        said["duration"] = _detail(lasted)
    labels: dict[str, JsonValue] = {name: _detail(text) for name, text in notice.labels.items()}
    return {**said, "labels": labels}


def _name(text: str) -> str:
    return texts.cut(texts.clean(text).strip(), LONGEST_NAME)


def _detail(text: str) -> str:
    return texts.cut(texts.clean(text), LONGEST_DETAIL)
