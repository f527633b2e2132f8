"""What a Slack channel is told through an incoming webhook, and which answers of Slack's are final.

The headline is the message's text, which notifications on phones show too; what
else is known stands below it in an attachment, since nothing else of Slack's
has a coloured edge. Slack gives a webhook nothing by which it could change its
own message later: every notice is a message of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar

import httpx
from pydantic import AfterValidator, Field, JsonValue
from pydantic_core import from_json

from prober.alerts.notice import Delivery, Notice
from prober.check import Model
from prober.clock import Clock
from prober.errors import DeliveryError
from prober.notify import post, texts
from prober.notify.post import Answered, Post, TurnedAway, Url
from prober.notify.texts import Level
from prober.notify.traits import FOR_PEOPLE, Traits
from prober.units import Duration

# All together stay below some 12,000 characters, beyond which Slack refuses a message.
LONGEST_HEADLINE, LONGEST_DESCRIPTION, LONGEST_VALUE, LONGEST_LABELS = 1000, 2500, 300, 1000
MOST_FIELDS = 10
GOOD = "#2eb67d"
COLOURS: Mapping[Level, str] = MappingProxyType(
    {"critical": "#c41e3a", "error": "#e8590c", "warning": "#f2b90c", "info": "#4a90d9"}
)
# What Slack says of a webhook that is gone or not ours any more: waiting does not help.
FINAL = frozenset(
    {
        "action_prohibited", "channel_is_archived", "channel_not_found", "invalid_payload", "invalid_token", "no_active_hooks",
        "no_service", "no_service_id", "no_team", "posting_to_general_channel_denied", "team_disabled", "user_not_found",
    }
)  # fmt: skip
_ESCAPES = MappingProxyType({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Each has a place of its own in the message, or says nothing to people.
_PLACED = frozenset(
    {"summary", "description", "runbook_url", "evidence_url", "duration", "first_message", "last_message"}
)  # fmt: skip
_OURS = frozenset({"alertname", "severity"})  # among the labels


def _whole(value: Url) -> Url:
    if value.reveal().path in ("", "/"):
        raise ValueError("no webhook; write the whole address, path and all")
    return value


class SlackSettings(Model):
    webhook_url: Annotated[Url, AfterValidator(_whole)]
    timeout: Annotated[Duration, Field(gt=0)] = 10.0


class SlackNotifier(Model):
    kind: ClassVar[str] = "slack"
    TRAITS: ClassVar[Traits] = Traits(people=True, per_second=1.0, events=FOR_PEOPLE)

    slack: SlackSettings


async def send(
    notifier: SlackNotifier, delivery: Delivery, client: httpx.AsyncClient, clock: Clock
) -> None:
    """Returns when Slack has taken the message. Raises DeliveryError."""
    settings = notifier.slack
    url = settings.webhook_url.reveal()
    one = Post(
        url=settings.webhook_url,
        body=json.dumps(message(delivery.notice), separators=(",", ":")).encode(),
        headers={},
        timeout=settings.timeout,
        hidden=(str(url), url.path.strip("/")),
    )
    answer = await post.ask(one, client)
    if not answer.response.is_success:
        refused = post.refusal(one, answer, clock.now())
        final = answer.said.strip().decode(errors="replace") in FINAL
        raise DeliveryError(str(refused), permanent=True) if final else refused
    if not _took(answer):
        # A wall in front of Slack, or no Slack at all: not for a day, each try may be read.
        status = answer.response.status_code
        raise TurnedAway(f"{settings.webhook_url} answered {status}, but not as Slack does")


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


def message(notice: Notice) -> dict[str, JsonValue]:
    """The body of one message; `text` alone is enough to know what happened."""
    severity = notice.labels.get("severity", "")
    begin = ", ".join(part for part in (texts.title(notice), severity) if part)
    over = notice.event.is_over
    blocks: list[JsonValue] = [*_blocks(notice)]
    attachment: JsonValue = {
        "color": GOOD if over else COLOURS[texts.level(severity)],
        "blocks": blocks,
    }
    return {
        "text": escaped(f"{begin}: {texts.summary(notice)}", LONGEST_HEADLINE),
        "mrkdwn": False,  # a `*` in an error is a `*`
        "unfurl_links": False,
        "unfurl_media": False,
        "attachments": [attachment] if blocks else [],
    }


def _blocks(notice: Notice) -> Iterator[JsonValue]:
    if description := notice.annotations.get("description"):
        yield _section(f"```{_code(description, LONGEST_DESCRIPTION)}```")
    fields: list[JsonValue] = [
        _words(f"*{_named(name)}*\n`{_inline(text, LONGEST_VALUE)}`")
        for name, text in _facts(notice)
        if text.strip()
    ]
    if fields:
        yield {"type": "section", "fields": fields[:MOST_FIELDS]}
    if labels := _labels(notice):
        yield {"type": "context", "elements": [_words(f"`{labels}`")]}
    if links := " · ".join(_links(notice)):
        yield _section(links)


def _links(notice: Notice) -> Iterator[str]:
    for name, href in texts.links(notice):
        if _weight(href) <= texts.LONGEST_LINK:  # half a link leads nowhere
            yield f"<{escaped(href)}|{name}>"


def _facts(notice: Notice) -> Iterator[tuple[str, str]]:
    """What a reader wants to know first, first."""
    yield "lasted", texts.lasted(notice)
    for name, text in notice.annotations.items():
        if name not in _PLACED:
            yield name, text


def _labels(notice: Notice) -> str:
    pairs = (f"{name}={text}" for name, text in notice.labels.items() if name not in _OURS)
    return _inline(" ".join(pairs), LONGEST_LABELS)


def _section(text: str) -> JsonValue:
    return {"type": "section", "text": _words(text)}


def _words(text: str) -> JsonValue:
    """`verbatim`: no address, channel or name in it becomes a link by itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _named(annotation: str) -> str:
    return escaped(annotation.replace("_", " ").capitalize(), LONGEST_VALUE)


def _inline(text: str, limit: int) -> str:
    return _code(" ".join(text.split()), limit)


def _code(text: str, limit: int) -> str:
    """Between backticks nothing is formatted, so there must be none inside."""
    return escaped(text.replace("`", "'"), limit).strip("\n")


def escaped(text: str, limit: int = LONGEST_DESCRIPTION) -> str:
    """The three characters by which Slack knows its own, as it wants them; at most `limit` long."""
    shortened = texts.cut(texts.clean(text), limit, _weight)
    return "".join(_ESCAPES.get(letter, letter) for letter in shortened)


def _weight(text: str) -> int:
    return texts.units(text) + sum(len(_ESCAPES[each]) - 1 for each in text if each in _ESCAPES)
