"""What a webhook is told: Alertmanager's webhook format, version 4.

`Idempotency-Key` is the delivery's own id: the same over retries and restarts,
another one for every event of an incident. Several in one body have a hash of
theirs. With a secret the body is signed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar, Self
from urllib.parse import quote

from pydantic import Field, JsonValue, model_validator

from prober.alerts.notice import Delivery, Event, Notice
from prober.check import Model
from prober.notify import post
from prober.notify.people import People
from prober.notify.post import Headers, Post, Url
from prober.notify.traits import FOR_PEOPLE, Means, Traits
from prober.secret import Given, Secret
from prober.units import Duration, rfc3339

NEVER = "0001-01-01T00:00:00Z"  # the format's word for an alert that has not ended
GROUPED_BY = ("alertname", "check", "region", "shard")
MOST = 100  # alerts in one body
# Of what has no end to wait for nobody is to think that it goes on.
_OVER = frozenset({Event.RESOLVED, Event.WINDOW_OVER, Event.REPORT})


class WebhookSettings(People):
    url: Url
    headers: Headers = Field(default_factory=dict)
    hmac_secret: Given | None = None
    timeout: Annotated[Duration, Field(gt=0)] = 10.0

    @model_validator(mode="after")
    def _one_user(self) -> Self:
        if self.url.auth is not None and any(n.lower() == "authorization" for n in self.headers):
            raise ValueError(
                "url has a user in it, and headers has Authorization; keep one of them"
            )
        return self


class WebhookNotifier(Model):
    kind: ClassVar[str] = "webhook"
    TRAITS: ClassVar[Traits] = Traits(people=True, most=MOST, events=FOR_PEOPLE)

    webhook: WebhookSettings


async def send(notifier: WebhookNotifier, deliveries: Sequence[Delivery], means: Means) -> None:
    """Returns when the receiver has accepted. Raises DeliveryError."""
    settings = notifier.webhook
    raw = json.dumps(payload(deliveries), separators=(",", ":")).encode()
    ours = {
        "Idempotency-Key": idempotency_key(deliveries),
        "X-Prober-Event": _event(deliveries),
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
        means.client,
        means.clock,
    )


def idempotency_key(deliveries: Sequence[Delivery]) -> str:
    if len(deliveries) == 1:
        return quote(deliveries[0].id, safe="/:@,;=+")
    return _digest(one.id for one in deliveries)


def _event(deliveries: Sequence[Delivery]) -> str:
    """That of all of them, or else what the whole message says."""
    events = {one.notice.event for one in deliveries}
    return events.pop().value if len(events) == 1 else _status(deliveries)


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(texts)).encode(errors="replace")).hexdigest()


def sign(raw: bytes, secret: Secret) -> str:
    return "sha256=" + hmac.new(secret.reveal().encode(), raw, hashlib.sha256).hexdigest()


def payload(deliveries: Sequence[Delivery]) -> dict[str, JsonValue]:
    first, notices = deliveries[0], [one.notice for one in deliveries]
    labels = common([one.labels for one in notices])
    keys = dict.fromkeys(one.key for one in notices)
    group = next(iter(keys)) if len(keys) == 1 else f"{first.notifier}/{_digest(keys)}"
    return {
        "version": "4",
        "groupKey": group,
        "truncatedAlerts": 0,
        "status": _status(deliveries),
        "receiver": first.notifier,
        "groupLabels": {n: labels[n] for n in GROUPED_BY if n in labels},
        "commonLabels": {**labels},
        "commonAnnotations": {**common([one.annotations for one in notices])},
        "externalURL": _agent_url(first.notice.url),
        "alerts": [_alert(one) for one in notices],
    }


def _status(deliveries: Sequence[Delivery]) -> str:
    over = all(one.notice.event in _OVER for one in deliveries)
    return "resolved" if over else "firing"


def common(all_: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    """The pairs that are in each of them."""
    first, *rest = all_
    return {n: text for n, text in first.items() if all(one.get(n) == text for one in rest)}


def _alert(notice: Notice) -> dict[str, JsonValue]:
    over = notice.event in _OVER
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
