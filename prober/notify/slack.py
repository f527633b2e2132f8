"""What a Slack channel is told, through an incoming webhook or by a bot, and which answers are final.

Slack gives a webhook nothing by which it could change its own message later:
every notice is a message of its own. A bot has one message for each incident
and edits it; what somebody should hear of is said in its thread as well. Several
incidents in one message go on in its thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator
from pydantic_core import from_json

from prober.alerts.notice import Delivery
from prober.check import Model
from prober.errors import DeliveryError
from prober.notify import post, slack_blocks, slack_bot
from prober.notify.answers import TurnedAway
from prober.notify.people import People
from prober.notify.post import Answered, Post, Url
from prober.notify.slack_bot import Bot
from prober.notify.traits import FOR_PEOPLE, Means, Traits
from prober.secret import Secret
from prober.units import Duration

MOST = 200  # notices in one message
API = "https://slack.com"
# What Slack says of a webhook that is gone or not ours any more: waiting does not help.
FINAL = frozenset(
    {
        "action_prohibited", "channel_is_archived", "channel_not_found", "invalid_payload", "invalid_token", "no_active_hooks",
        "no_service", "no_service_id", "no_team", "posting_to_general_channel_denied", "team_disabled", "user_not_found",
    }
)  # fmt: skip
SHORTEST_TOKEN = 10  # characters


def _whole(value: Url) -> Url:
    if value.reveal().path in ("", "/"):
        raise ValueError("no webhook; write the whole address, path and all")
    return value


def _token(value: Secret) -> Secret:
    text = value.reveal()
    if not text.isascii() or not text.isprintable() or " " in text or len(text) < SHORTEST_TOKEN:
        raise ValueError("no token; write the one of a bot, which begins with xoxb-")
    return value


class SlackSettings(People):
    webhook_url: Annotated[Url, AfterValidator(_whole)] | None = None
    token: Annotated[Secret, AfterValidator(_token)] | None = None
    channel: Annotated[str, Field(min_length=1)] | None = None
    url: Url = Url(API)
    timeout: Annotated[Duration, Field(gt=0)] = 10.0

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.webhook_url is not None:
            if self.token is not None or self.channel is not None:
                other = "token" if self.token is not None else "channel"
                raise ValueError(
                    f"webhook_url and {other}; keep one: a webhook has its own channel"
                )
        elif self.token is None and self.channel is None:
            raise ValueError("no webhook_url; write it, or the token and channel of a bot")
        elif self.channel is None:
            raise ValueError("token without channel; write where to, as C0123456789 or general")
        elif self.token is None:
            raise ValueError("channel without token; write that of a bot, xoxb-…")
        return self


class SlackNotifier(Model):
    kind: ClassVar[str] = "slack"
    TRAITS: ClassVar[Traits] = Traits(people=True, per_second=1.0, most=MOST, events=FOR_PEOPLE)

    slack: SlackSettings


async def send(
    notifier: SlackNotifier,
    deliveries: Sequence[Delivery],
    means: Means,
    receipts: Mapping[str, str],
) -> Mapping[str, str]:
    """By delivery id, where a bot has said it. Raises DeliveryError."""
    settings = notifier.slack
    if settings.token is not None and settings.channel is not None:
        bot = Bot(
            token=settings.token,
            channel=settings.channel,
            url=settings.url,
            timeout=settings.timeout,
        )
        return await slack_bot.tell(bot, deliveries, receipts, means)
    if settings.webhook_url is not None:
        await _through_webhook(settings, settings.webhook_url, deliveries, means)
    return {}


async def _through_webhook(
    settings: SlackSettings, webhook: Url, deliveries: Sequence[Delivery], means: Means
) -> None:
    url = webhook.reveal()
    one = Post(
        url=webhook,
        body=_json(_message(deliveries)),
        headers={},
        timeout=settings.timeout,
        hidden=(str(url), url.path.strip("/")),
    )
    answer = await post.ask(one, means.client)
    if not answer.response.is_success:
        refused = post.refusal(one, answer, means.clock.now())
        final = answer.said.strip().decode(errors="replace") in FINAL
        raise DeliveryError(str(refused), permanent=True) if final else refused
    if not _took(answer):
        raise _not_slack(webhook, answer)


def _not_slack(url: Url, answer: Answered) -> TurnedAway:
    """A wall in front of Slack, or no Slack at all: not for a day, each try may be read."""
    return TurnedAway(f"{url} answered {answer.response.status_code}, but not as Slack does")


def _took(answer: Answered) -> bool:
    """`ok`; what got lost on the way was an answer too, and what speaks JSON says it so."""
    text = answer.said.strip()
    if text in (b"", b"ok"):
        return True
    try:
        said = from_json(text)
    except ValueError:
        return False
    return isinstance(said, dict) and True in (said.get("ok"), said.get("success"))


def _message(deliveries: Sequence[Delivery]) -> dict[str, JsonValue]:
    notices = [one.notice for one in deliveries]
    return slack_blocks.together(notices) if len(notices) > 1 else slack_blocks.message(notices[0])


def _json(value: Mapping[str, JsonValue]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
