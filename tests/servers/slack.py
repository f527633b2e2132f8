"""A Slack that takes messages of an incoming webhook as strictly as the real one documents."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

from pydantic import JsonValue

from tests.servers.receivers import Answer, Received, Receiver, receiver

PATH = "/services/T00000001/B00000001/abcdefghijklmnopqrstuvwx"
ALL_TOGETHER = 12_000  # characters, beyond which it says msg_blocks_too_long
_TOP = {"text", "blocks", "attachments", "thread_ts", "mrkdwn", "unfurl_links", "unfurl_media"}
_LINK = re.compile(r"<https?://[^<>|\s]+(\|[^<>|]+)?>")
_ENTITY = re.compile(r"&(amp|lt|gt);")
_TEXT = {"type", "text", "verbatim", "emoji"}


class Slack:
    """`hook` is the receiver itself; what stands in its `answers` comes before all strictness."""

    def __init__(self, hook: Receiver) -> None:
        self.hook = hook
        self.messages: list[dict[str, JsonValue]] = []  # that were taken
        self.wrong: list[str] = []  # what was wrong with the others
        hook.answer = self.answer

    @property
    def webhook_url(self) -> str:
        return self.hook.url + PATH

    def answer(self, received: Received) -> Answer:
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
