"""Twilio's Messages resource, as strict as the real one: what it would refuse, this refuses in its words."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from tests.servers.receivers import Answer, Received, Receiver, receiver

SID, TOKEN = "AC" + "0" * 31 + "1", "t0ken-t0ken"
SENDER = "+15550001111"
SERVICE = "MG" + "a" * 32
ALLOWED = {"To", "From", "MessagingServiceSid", "Body"}


def refusal(status: int, code: int, message: str, **headers: str) -> Answer:
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answer(status, text=json.dumps(body), headers=headers)


UNSUBSCRIBED = refusal(400, 21610, "Attempt to send to unsubscribed recipient")
TOO_MANY = refusal(429, 20429, "Too Many Requests")
QUEUE_FULL = refusal(400, 21611, "This 'From' number has exceeded the maximum number of messages")
OWN_FAULT = refusal(500, 20500, "An internal server error has occurred")


@dataclass(slots=True)
class Twilio:
    """`answers` are for a number, one after the other; then it is taken. `texts` are what was."""

    receiver: Receiver
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    texts: list[tuple[str, str]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.receiver.url

    def answer(self, one: Received) -> Answer:
        if wrong := _refused(one):
            return wrong
        form = dict(parse_qsl(one.raw.decode(), strict_parsing=True))
        waiting = self.answers.get(form["To"])
        if waiting:
            return waiting.pop(0)
        self.texts.append((form["To"], form["Body"]))
        self.senders.append(form.get("From") or form["MessagingServiceSid"])
        made = {"sid": "SM" + "0" * 32, "status": "queued", "error_code": None}
        return Answer(201, text=json.dumps(made))


def _refused(one: Received) -> Answer | None:
    signed = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
    if one.headers.get("authorization") != f"Basic {signed}":
        return refusal(401, 20003, "Authenticate")
    if (one.method, one.path) != ("POST", f"/2010-04-01/Accounts/{SID}/Messages.json"):
        return refusal(404, 20404, f"The requested resource {one.path} was not found")
    if one.headers.get("content-type") != "application/x-www-form-urlencoded":
        return refusal(400, 21602, "Message body is required.")
    pairs = parse_qsl(one.raw.decode(), keep_blank_values=True, strict_parsing=True)
    form = dict(pairs)
    if len(form) != len(pairs) or not ALLOWED.issuperset(form):
        return refusal(400, 20001, "Unknown parameters")
    return _wrong_message(form)


def _wrong_message(form: dict[str, str]) -> Answer | None:
    if not re.fullmatch(r"\+[1-9]\d{6,14}", form.get("To", "")):
        return refusal(400, 21211, f"Invalid 'To' Phone Number: {form.get('To')}")
    if ("From" in form) == ("MessagingServiceSid" in form):
        return refusal(400, 21603, "A 'From' phone number is required.")
    if (form.get("From") or SENDER) not in (SENDER, "Prober"):
        return refusal(400, 21606, "The 'From' phone number is not a valid number of yours")
    if form.get("MessagingServiceSid", SERVICE) != SERVICE:
        return refusal(404, 20404, "The requested resource was not found")
    if not form.get("Body", "").strip():
        return refusal(400, 21602, "Message body is required.")
    if len(form["Body"]) > 1600:
        return refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    return None


@asynccontextmanager
async def twilio() -> AsyncIterator[Twilio]:
    async with receiver() as one:
        fake = Twilio(one)
        one.answer = fake.answer
        yield fake
