"""A Slack that takes messages, of a webhook or of a bot, as strictly as the real one documents."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import JsonValue

from tests.servers.receivers import Answer, Received, Receiver, receiver

PATH = "/services/T00000001/B00000001/abcdefghijklmnopqrstuvwx"
ALL_TOGETHER = 12_000  # characters, beyond which it says msg_blocks_too_long
_TOP = {"text", "blocks", "attachments", "thread_ts", "mrkdwn", "unfurl_links", "unfurl_media"}
_LINK = re.compile(r"<https?://[^<>|\s]+(\|[^<>|]+)?>")
_ENTITY = re.compile(r"&(amp|lt|gt);")
_TEXT = {"type", "text", "verbatim", "emoji"}


TOKEN, CHANNEL = "xoxb-0123456789-abcdefgh", "C0123456789"
_BOTS = {"channel", "ts", "thread_ts", "reply_broadcast"}
_METHODS = ("/api/chat.postMessage", "/api/chat.update")


@dataclass(slots=True)
class Message:
    """One of a bot's, as it looks now; `answers` are in its thread."""

    body: dict[str, JsonValue]
    answers: list[dict[str, JsonValue]] = field(default_factory=list)
    edits: int = 0


class Slack:
    """`hook` is the receiver itself; what stands in its `answers` comes before all strictness."""

    def __init__(self, hook: Receiver) -> None:
        self.hook = hook
        self.messages: list[dict[str, JsonValue]] = []  # that were taken
        self.channel: dict[str, Message] = {}  # by ts: what a bot said
        self.wrong: list[str] = []  # what was wrong with the others
        hook.answer = self.answer

    @property
    def webhook_url(self) -> str:
        return self.hook.url + PATH

    def answer(self, received: Received) -> Answer:
        if received.path in _METHODS:
            return self._bot(received)
        if received.path != PATH:
            return Answer(404, text="no_service")
        if received.headers.get("content-type") != "application/json":
            return Answer(400, text="invalid_payload")
        message = received.json
        if not isinstance(message, dict):
            return Answer(400, text="invalid_payload")
        wrong = list(_wrong(message))
        self.wrong += wrong
        if wrong:
            return Answer(400, text=wrong[0].partition(":")[0])
        self.messages.append(message)
        return Answer(200, text="ok")

    def _bot(self, received: Received) -> Answer:
        """Whatever is wrong, it says so with a 200."""
        said = self._said_to_bot(received)
        ok: dict[str, JsonValue] = {"ok": "error" not in said, **said}
        return Answer(200, text=json.dumps(ok), headers={"Content-Type": "application/json"})

    def _said_to_bot(self, received: Received) -> dict[str, JsonValue]:
        if received.headers.get("authorization") != f"Bearer {TOKEN}":
            return {"error": "invalid_auth"}
        if received.headers.get("content-type") != "application/json; charset=utf-8":
            return {"error": "invalid_form_data"}
        body = received.json
        if not isinstance(body, dict):
            return {"error": "invalid_json"}
        edit = received.path.endswith("update")
        wrong = [*_wrong({key: one for key, one in body.items() if key not in _BOTS})]
        if edit and body.keys() & {"thread_ts", "reply_broadcast", "mrkdwn", "unfurl_links"}:
            wrong.append("invalid_arguments: of an edit")
        self.wrong += wrong
        if wrong:
            return {"error": wrong[0].partition(":")[0]}
        if body.get("channel") not in (CHANNEL, "general") or (edit and body["channel"] != CHANNEL):
            return {"error": "channel_not_found"}
        return self._entered(body, edit=edit)

    def _entered(self, body: dict[str, JsonValue], *, edit: bool) -> dict[str, JsonValue]:
        ts = str(body.get("ts" if edit else "thread_ts", ""))
        if ts and ts not in self.channel:
            return {"error": "message_not_found" if edit else "thread_not_found"}
        if edit:
            self.channel[ts].body |= body
            self.channel[ts].edits += 1
        elif ts:
            self.channel[ts].answers.append(body)
        else:
            ts = f"1700000000.{len(self.channel):06}"
            self.channel[ts] = Message(body)
        # The whole message comes back with it, as from the real one.
        return {"channel": CHANNEL, "ts": ts, "message": body}


def _wrong(message: Mapping[str, JsonValue]) -> Iterator[str]:
    """Everything that the documents do not allow, each with Slack's own word for it first."""
    yield from (f"invalid_payload: {key}" for key in message.keys() - _TOP)
    text = message.get("text")
    if not isinstance(text, str) or not text.strip():
        yield "no_text: nothing that a notification could show"
    else:
        yield from _wrong_mrkdwn(text, 4000)
    attachments = message.get("attachments", [])
    if not isinstance(attachments, list) or len(attachments) > 20:
        yield "too_many_attachments: or no list"
        return
    for attachment in attachments:
        if not isinstance(attachment, dict) or attachment.keys() != {"color", "blocks"}:
            yield "invalid_attachments: keys"
        elif not re.fullmatch(r"#[0-9a-f]{6}|good|warning|danger", str(attachment["color"])):
            yield "invalid_attachments: color"
        else:
            yield from _wrong_blocks(attachment["blocks"])
    yield from _wrong_blocks(message.get("blocks", ["none"]))
    if sum(map(_length, _texts([*message.values()]))) > ALL_TOGETHER:
        yield "msg_blocks_too_long: all together"


def _wrong_blocks(blocks: JsonValue) -> Iterator[str]:
    if blocks == ["none"]:
        return
    if not isinstance(blocks, list) or not 1 <= len(blocks) <= 50:
        yield "invalid_blocks: none, or too many"
        return
    for block in blocks:
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(block, dict) or kind not in ("section", "context", "divider", "header"):
            yield "invalid_blocks: type"
        elif kind == "section":
            yield from _wrong_section(block)
        elif kind == "header":
            yield from _wrong_text(block.get("text"), 150, kinds=("plain_text",))
        elif kind == "context":
            elements = block.get("elements")
            if not isinstance(elements, list) or not 1 <= len(elements) <= 10:
                yield "invalid_blocks: elements"
            else:
                for element in elements:
                    yield from _wrong_text(element, 2000)


def _wrong_section(block: Mapping[str, JsonValue]) -> Iterator[str]:
    yield from (f"invalid_blocks: {key}" for key in block.keys() - {"type", "text", "fields"})
    if "text" not in block and "fields" not in block:
        yield "invalid_blocks: empty section"
    if "text" in block:
        yield from _wrong_text(block["text"], 3000)
    fields = block.get("fields", ["none"])
    if not isinstance(fields, list) or not 1 <= len(fields) <= 10:
        yield "invalid_blocks: fields"
    elif fields != ["none"]:
        for one in fields:
            yield from _wrong_text(one, 2000)


def _wrong_text(
    value: JsonValue, longest: int, kinds: tuple[str, ...] = ("mrkdwn", "plain_text")
) -> Iterator[str]:
    if not isinstance(value, dict) or value.keys() - _TEXT or value.get("type") not in kinds:
        yield "invalid_blocks: text object"
        return
    if ("verbatim" if value["type"] == "plain_text" else "emoji") in value:
        yield "invalid_blocks: an option of the other type"
    text = value.get("text")
    if not isinstance(text, str) or not text:
        yield "invalid_blocks: empty text"
    else:
        yield from _wrong_mrkdwn(text, longest)


def _wrong_mrkdwn(text: str, longest: int) -> Iterator[str]:
    if _length(text) > longest:
        yield f"invalid_blocks: {_length(text)} characters, at most {longest}"
    rest = _LINK.sub("", text)
    if "<" in rest or ">" in rest or "&" in _ENTITY.sub("", text):
        yield "invalid_blocks: not escaped"
    if any(0xD800 <= ord(letter) < 0xE000 or letter == "\0" for letter in text):
        yield "invalid_payload: no text"


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


@asynccontextmanager
async def slack() -> AsyncIterator[Slack]:
    async with receiver() as hook:
        yield Slack(hook)
