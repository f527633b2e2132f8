"""The index of notifiers: every kind of receiver there is, and how each is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from prober.alerts.notice import Delivery, Event
from prober.notify import alertmanager, apprise, command, email, pagerduty, slack, twilio, webhook
from prober.notify.alertmanager import AlertmanagerNotifier
from prober.notify.apprise import AppriseNotifier
from prober.notify.command import CommandNotifier
from prober.notify.email import EmailNotifier
from prober.notify.pagerduty import PagerdutyNotifier
from prober.notify.people import People
from prober.notify.slack import SlackNotifier
from prober.notify.traits import Means as Means
from prober.notify.twilio import TwilioNotifier
from prober.notify.webhook import WebhookNotifier

AnyNotifier: TypeAlias = (
    AlertmanagerNotifier
    | AppriseNotifier
    | CommandNotifier
    | EmailNotifier
    | PagerdutyNotifier
    | SlackNotifier
    | TwilioNotifier
    | WebhookNotifier
)
KINDS: tuple[type[AnyNotifier], ...] = (
    AlertmanagerNotifier,
    AppriseNotifier,
    CommandNotifier,
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


def group_wait(notifier: AnyNotifier) -> float:
    """For how long what comes after a first notice is gathered into one message; 0: not at all."""
    settings: object = getattr(notifier, notifier.kind)
    return settings.group_wait if isinstance(settings, People) else 0.0


def takes(notifier: AnyNotifier) -> frozenset[Event]:
    """What it is to be told of: all that it can do something with, or what its settings ask for."""
    if isinstance(notifier, CommandNotifier):
        return frozenset(map(Event, notifier.command.events))
    return notifier.TRAITS.events


async def send(told: Told, means: Means) -> Mapping[str, str]:
    """Tell one receiver; returns when it has accepted, with its receipts by delivery id.

    Raises DeliveryError, which is then about all of `told`.
    """
    notifier, deliveries = told.notifier, told.deliveries
    match notifier:
        case AlertmanagerNotifier():
            await alertmanager.send_all(notifier, deliveries, means.client, means.clock)
        case AppriseNotifier():
            await apprise.send(notifier, deliveries, means)
        case CommandNotifier():
            (delivery,) = deliveries
            return await command.send(notifier, delivery, means, told.receipts)
        case EmailNotifier():
            await email.send(notifier, deliveries, means)
        case PagerdutyNotifier():
            (delivery,) = deliveries
            await pagerduty.send(notifier, delivery, means.client, means.clock)
        case SlackNotifier():
            return await slack.send(notifier, deliveries, means, told.receipts)
        case TwilioNotifier():
            await twilio.send(notifier, deliveries, means)
        case WebhookNotifier():
            await webhook.send(notifier, deliveries, means)
        case _:
            assert_never(notifier)
    return {}
