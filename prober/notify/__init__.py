"""The index of notifiers: every kind of receiver there is, and how each is told."""

from __future__ import annotations

from typing import TypeAlias, assert_never

import httpx

from prober.alerts.notice import Delivery
from prober.clock import Clock
from prober.notify import alertmanager, email, pagerduty, slack, twilio, webhook
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.email import EmailNotifier
from prober.notify.pagerduty import PagerdutyNotifier
from prober.notify.slack import SlackNotifier
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


async def send(
    notifier: AnyNotifier, delivery: Delivery, client: httpx.AsyncClient, clock: Clock
) -> None:
    """Tell one receiver; returns when it has accepted. Raises DeliveryError."""
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
