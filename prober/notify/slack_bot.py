"""How does a bot keep one message for each incident? By what Slack called the first one.

What it says of an incident first is posted, and its receipt, `channel:ts`, is
given back; later notices edit that message. Several in one message have the
receipt of that (`channel:ts:shared`), and go on in its thread. Where a receipt
is lost, or its message is gone, another message says it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import httpx
from pydantic import JsonValue
from pydantic_core import from_json

from prober.alerts.notice import PLAIN, Delivery, Event, Notice
from prober.errors import DeliveryError
from prober.notify import post, slack_blocks
from prober.notify.answers import Busy, TurnedAway
from prober.notify.post import Answered, Post, Url
from prober.notify.traits import Means
from prober.secret import Scrubber, Secret

# What Slack says of a bot that may be let in again: a token that is being replaced, a channel it left.
AGAIN_FOR_NOW = frozenset(
    {
        "access_denied", "account_inactive", "channel_not_found", "invalid_auth", "is_archived", "missing_scope",
        "no_permission", "not_authed", "not_in_channel", "org_login_required", "restricted_action",
        "team_access_not_granted", "token_expired", "token_revoked",
    }
)  # fmt: skip
AGAIN = frozenset(
    {
        "accesslimited", "fatal_error", "internal_error", "request_timeout", "service_unavailable",
        "team_added_to_org",
    }
)  # fmt: skip
BUSY = frozenset({"rate_limited", "ratelimited"})
GONE = frozenset(
    {"cant_update_message", "edit_window_closed", "message_not_found", "thread_not_found"}
)
OF_INCIDENT = PLAIN | {Event.ACKNOWLEDGED}
# What an edit would let nobody hear of is said in the thread as well, and in the channel.
HEARD = frozenset({Event.REMINDER, Event.ESCALATED})
LONGEST_WORD = 60  # characters of Slack's error
KEPT = 5000  # deliveries of sends that broke off in the middle
SHARED = "shared"
POST, UPDATE = "chat.postMessage", "chat.update"

Body: TypeAlias = "dict[str, JsonValue]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    token: Secret
    channel: str
    url: Url
    timeout: float


class Receipt(NamedTuple):
    """Which message it is; `shared` is one of several incidents."""

    channel: str
    ts: str
    shared: bool = False

    def __str__(self) -> str:
        return ":".join([self.channel, self.ts, *([SHARED] if self.shared else [])])


def receipt(text: str | None) -> Receipt | None:
    channel, _, rest = (text or "").partition(":")
    ts, _, kind = rest.partition(":")
    return Receipt(channel, ts, kind == SHARED) if channel and ts else None


class _GoneError(Exception):
    """The message that was to be edited or answered is not there."""


# By client: what of a send that failed in the end had been said before.
_said: WeakKeyDictionary[httpx.AsyncClient, OrderedDict[str, str]] = WeakKeyDictionary()


async def tell(
    bot: Bot, deliveries: Sequence[Delivery], receipts: Mapping[str, str], means: Means
) -> Mapping[str, str]:
    """The receipts by delivery id; `receipts` are those of before, by incident key. Raises DeliveryError."""
    memory = _said.setdefault(means.client, OrderedDict())
    talk = _Talk(bot, means, {one.id: memory[one.id] for one in deliveries if one.id in memory})
    try:
        await talk.tell(deliveries, receipts)
    except DeliveryError:
        memory |= talk.done
        while len(memory) > KEPT:
            memory.popitem(last=False)
        raise
    for one in deliveries:
        memory.pop(one.id, None)
    return talk.done


@dataclass(slots=True)
class _Talk:
    """One send; `done` has the receipts of what has been said."""

    bot: Bot
    means: Means
    done: dict[str, str] = field(default_factory=dict)

    async def tell(self, deliveries: Sequence[Delivery], receipts: Mapping[str, str]) -> None:
        """Edits first, since they can be repeated; what is posted comes last."""
        fresh: list[Delivery] = []
        threads: dict[Receipt, list[Delivery]] = {}
        for one in deliveries:
            if one.id in self.done:
                continue
            known = receipt(receipts.get(one.notice.key))
            if known is None or one.notice.event not in OF_INCIDENT:
                fresh.append(one)
            elif known.shared:
                threads.setdefault(known, []).append(one)
            elif not await self._edit(one, known):
                fresh.append(one)
        for known, ones in threads.items():
            if not await self._answer(ones, known):
                fresh += ones
        if fresh:
            self._note(fresh, await self._post(_message(fresh), shared=len(fresh) > 1))

    async def _edit(self, one: Delivery, known: Receipt) -> bool:
        """Whether the message is there."""
        body = slack_blocks.message(one.notice)
        edited: Body = {name: body[name] for name in ("text", "attachments")}
        try:
            await self._call(UPDATE, {"channel": known.channel, "ts": known.ts, **edited})
            if one.notice.event in HEARD:
                thread: Body = {"thread_ts": known.ts, "reply_broadcast": True}
                await self._call(POST, {"channel": known.channel, **body, **thread})
        except _GoneError:
            return False
        self._note([one], known)
        return True

    async def _answer(self, ones: Sequence[Delivery], known: Receipt) -> bool:
        """The same of a message of several: in its thread, since it goes on saying what it said."""
        thread: Body = {"thread_ts": known.ts, "reply_broadcast": True}
        try:
            await self._call(POST, {"channel": known.channel, **_message(ones), **thread})
        except _GoneError:
            return False
        self._note(ones, known)
        return True

    async def _post(self, body: Body, *, shared: bool) -> Receipt:
        said = await self._call(POST, {"channel": self.bot.channel, **body})
        channel, ts = said.get("channel"), said.get("ts")
        return Receipt(str(channel or self.bot.channel), str(ts or ""), shared)

    def _note(self, ones: Sequence[Delivery], known: Receipt) -> None:
        self.done |= {one.id: str(known) if known.ts else "" for one in ones}

    async def _call(self, method: str, body: Body) -> Mapping[str, JsonValue]:
        """What Slack says where all is well. Raises DeliveryError, and _GoneError."""
        token = self.bot.token.reveal()
        one = Post(
            url=self.bot.url,
            under=f"/api/{method}",
            body=json.dumps(body, separators=(",", ":")).encode(),
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json; charset=utf-8",
            },
            timeout=self.bot.timeout,
            hidden=(token,),
        )
        answer = await post.ask(one, self.means.client)
        if not answer.response.is_success:
            raise post.refusal(one, answer, self.means.clock.now())
        said = _read(answer)
        if said is None:
            status = answer.response.status_code
            raise TurnedAway(f"{self.bot.url} answered {status}, but not as Slack does")
        if said.get("ok") is not True:
            raise self._refused(str(said.get("error") or "nothing"))
        return said

    def _refused(self, word: str) -> Exception:
        if word in GONE:
            return _GoneError(word)
        shown = Scrubber((self.bot.token.reveal(),))(word)[:LONGEST_WORD]
        said = f"{self.bot.url} refused it, saying {shown!r}"
        if word in AGAIN_FOR_NOW:
            return TurnedAway(said)
        if word in BUSY:
            return Busy(said)
        return DeliveryError(said, permanent=word not in AGAIN)


def _read(answer: Answered) -> Mapping[str, JsonValue] | None:
    """It repeats the whole message; what decides stands before that."""
    try:
        said = from_json(answer.said, allow_partial=True)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "ok" in said else None


def _message(ones: Sequence[Delivery]) -> Body:
    notices: list[Notice] = [one.notice for one in ones]
    return slack_blocks.together(notices) if len(notices) > 1 else slack_blocks.message(notices[0])
