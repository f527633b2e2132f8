"""What a webhook is told: Alertmanager's webhook format, version 4, one alert a message.

`Idempotency-Key` is the delivery's own id: the same over retries and restarts,
another one for every event of an incident. With a secret the body is signed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar
from urllib.parse import quote

import httpx
from pydantic import Field, JsonValue

from prober.alerts.notice import Delivery, Notice
from prober.check import Model
from prober.clock import Clock
from prober.notify import post
from prober.notify.post import Headers, Post, Url
from prober.notify.traits import FOR_PEOPLE, Traits
from prober.secret import Secret
from prober.units import Duration, rfc3339

NEVER = "0001-01-01T00:00:00Z"  # the format's word for an alert that has not ended
GROUPED_BY = ("alertname", "check", "region")


class WebhookSettings(Model):
    url: Url
    headers: Headers = Field(default_factory=dict)
    hmac_secret: Secret | None = None
    timeout: Annotated[Duration, Field(gt=0)] = 10.0


class WebhookNotifier(Model):
    kind: ClassVar[str] = "webhook"
    TRAITS: ClassVar[Traits] = Traits(people=True, events=FOR_PEOPLE)

    webhook: WebhookSettings


async def send(
    notifier: WebhookNotifier, delivery: Delivery, client: httpx.AsyncClient, clock: Clock
) -> None:
    """Returns when the receiver has accepted. Raises DeliveryError."""
    settings = notifier.webhook
    raw = json.dumps(payload(delivery), separators=(",", ":")).encode()
    ours = {
        "Idempotency-Key": quote(delivery.id, safe="/:@,;=+"),
        "X-Prober-Event": delivery.notice.event.value,
    }
    secrets = [*settings.headers.values()]
    if settings.hmac_secret is not None:
        ours["X-Prober-Signature-256"] = sign(raw, settings.hmac_secret)
        secrets.append(settings.hmac_secret)
    await post.send(
        Post(
            url=settings.url,
            body=raw,
            headers={**post.revealed(settings.headers), **ours},
            timeout=settings.timeout,
            hidden=post.secret_parts(secrets),
        ),
        client,
        clock,
    )


def sign(raw: bytes, secret: Secret) -> str:
    return "sha256=" + hmac.new(secret.reveal().encode(), raw, hashlib.sha256).hexdigest()


def payload(delivery: Delivery) -> dict[str, JsonValue]:
    notice = delivery.notice
    alert = _alert(notice)
    return {
        "version": "4",
        "groupKey": notice.key,
        "truncatedAlerts": 0,
        "status": alert["status"],
        "receiver": delivery.notifier,
        "groupLabels": {n: notice.labels[n] for n in GROUPED_BY if n in notice.labels},
        "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"],
        "externalURL": _agent_url(notice.url),
        "alerts": [alert],
    }


def _alert(notice: Notice) -> dict[str, JsonValue]:
    over = notice.event.is_over
    ended = notice.at if notice.ends_at is None else notice.ends_at
    return {
        "status": "resolved" if over else "firing",
        "labels": dict(notice.labels),
        "annotations": dict(notice.annotations),
        "startsAt": rfc3339(notice.starts_at),
        "endsAt": rfc3339(ended) if over else NEVER,
        "generatorURL": notice.url,
        "fingerprint": fingerprint(notice.labels),
    }


def _agent_url(url: str) -> str:
    """Where the agent is seen from outside: what stands before the place of one check."""
    return re.split(r"/(?:#|checks/|incidents/)", url, maxsplit=1)[0].rstrip("/")


def fingerprint(labels: Mapping[str, str]) -> str:
    """Alertmanager's own: 64 bits of FNV-1a over the sorted labels, 0xff behind each text."""
    value = 0xCBF29CE484222325
    for text in (text for pair in sorted(labels.items()) for text in pair):
        for byte in (*text.encode(), 0xFF):
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"
