"""The index of notifiers: every kind of receiver there is, and how each is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from prober.alerts.notice import Delivery
from prober.notify import alertmanager, email, pagerduty, slack, twilio, webhook
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.email import EmailNotifier
from prober.notify.pagerduty import PagerdutyNotifier
from prober.notify.slack import SlackNotifier
from prober.notify.traits import Means as Means
from prober.notify.twilio import TwilioNotifier
from prober.notify.webhook import WebhookNotifier

AnyNotifier: TypeAlias = (
    AlertmanagerNotifier
    | EmailNotifier
    | PagerdutyNotifier
    | SlackNotifier
    | TwilioNotifier
    | WebhookNotifier
)
KINDS: tuple[type[AnyNotifier], ...] = (
    AlertmanagerNotifier,
    EmailNotifier,
    PagerdutyNotifier,
    SlackNotifier,
    TwilioNotifier,
    WebhookNotifier,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one message is to say: one delivery, or so many as its kind takes together.

    `receipts`, by incident key, are what this notifier answered to what it was
    told of that incident before.
    """

    notifier: AnyNotifier
    deliveries: Sequence[Delivery]
    receipts: Mapping[str, str] = field(default_factory=dict)


async def send(told: Told, means: Means) -> Mapping[str, str]:
    """Tell one receiver; returns when it has accepted, with its receipts by delivery id.

    Raises DeliveryError, which is then about all of `told`.
    """
    notifier, client, clock = told.notifier, means.client, means.clock
    (delivery,) = told.deliveries
    match notifier:
        case AlertmanagerNotifier():
            await alertmanager.send(notifier, delivery, client, clock)
        case EmailNotifier():
            await email.send(notifier, delivery, client, clock)
        case PagerdutyNotifier():
            await pagerduty.send(notifier, delivery, client, clock)
        case SlackNotifier():
            await slack.send(notifier, delivery, client, clock)
        case TwilioNotifier():
            await twilio.send(notifier, delivery, client, clock)
        case WebhookNotifier():
            await webhook.send(notifier, delivery, client, clock)
        case _:
            assert_never(notifier)
    return {}
