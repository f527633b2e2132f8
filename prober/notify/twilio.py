"""What an SMS says, and what Twilio's answers mean.

One request for each number. 201 is acceptance; what Twilio says with `code` of a
number, a sender or a text is permanent, of its queues and rates it is not, and
for all else the status decides as with every HTTP receiver.
"""

from __future__ import annotations

import asyncio
import base64
import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from prober.alerts.notice import Delivery, Notice
from prober.check import Model
from prober.errors import DeliveryError
from prober.notify import answers, people, post, texts
from prober.notify.answers import Busy
from prober.notify.post import Answered, Post, Url
from prober.notify.traits import FOR_PEOPLE, Means, Traits
from prober.secret import Given
from prober.units import Duration

AT_MOST = 1600  # characters of a message
ROOM_FOR_REST = 20  # characters of "and 12 more"
MOST, LONGEST_LINE = 200, 160  # alerts in one message, and characters of a line of it
API = "https://api.twilio.com"
# Too many requests of ours, whatever the status.
BUSY = frozenset({14107, 20429})
# Queue full, daily limit, a fault of Twilio's own: later may help, whatever the status.
AGAIN = frozenset({20500, 20503, 21611, 30001, 30022, 63038})
# No number, none that may be told or takes texts, one whose owner has unsubscribed (21610), a sender
# that is not ours, a text too long: asking again would only cost, whatever the status.
PERMANENT = frozenset({21211, 21214, 21266, 21408, 21606, 21610, 21612, 21614, 21617})

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)
_PLAIN = {
    "\t": " ", "`": "'", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"',
    "\u2013": "-", "\u2014": "-", "\u2026": "...", "\u2192": "->", "\u00d7": "x",
}  # fmt: skip


def _fitting(pattern: str, right: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"{text!r} is not {right}")
        return text

    return AfterValidator(check)


NUMBER = r"\+[1-9][0-9]{0,14}"
SERVICE = "MG[0-9a-f]{32}"  # a messaging service, which picks the sender itself
Number = Annotated[str, _fitting(NUMBER, 'a phone number; write it in quotes, as "+41791234567"')]
Sender = Annotated[
    str,
    _fitting(
        rf"{NUMBER}|[0-9]{{3,8}}|{SERVICE}|[A-Za-z0-9 _&-]{{2,11}}",
        'a sender; write a number as "+41791234567", a short code, a name of up to 11 letters,'
        " or the MG… of a messaging service",
    ),
]
Account = Annotated[
    str, _fitting("AC[0-9A-Za-z]+", "an account; write its SID, which begins with AC")
]


class TwilioSettings(people.People):
    account_sid: Account
    auth_token: Given
    from_: Annotated[Sender, Field(alias="from")]
    to: Annotated[tuple[Number, ...], people.SOMEBODY]
    url: Url = Url(API)
    timeout: Annotated[Duration, Field(gt=0)] = 10.0


class TwilioNotifier(Model):
    kind: ClassVar[str] = "twilio"
    TRAITS: ClassVar[Traits] = Traits(people=True, per_second=1.0, most=MOST, events=FOR_PEOPLE)

    twilio: TwilioSettings


class _Said(BaseModel):
    """Of Twilio's error the part that decides."""

    code: int | None = None


async def send(notifier: TwilioNotifier, deliveries: Sequence[Delivery], means: Means) -> None:
    """Returns when Twilio has taken the message for each number that can have it. Raises DeliveryError."""
    settings = notifier.twilio
    round_ = people.Round(deliveries, means.client)
    asked: dict[str, asyncio.Task[DeliveryError | None]] = {}
    async with asyncio.TaskGroup() as tasks:
        for lacking, numbers in round_.left(settings.to):
            said = text([one.notice for one in lacking])
            for to in numbers:
                one = _post(settings, to, said)
                asked[to] = tasks.create_task(_send_one(one, to, means))
    round_.end({to: task.result() for to, task in asked.items()})


async def _send_one(one: Post, to: str, means: Means) -> DeliveryError | None:
    try:
        answer = await post.ask(one, means.client)
    except DeliveryError as error:
        return error
    if answer.response.is_success:
        return None
    return _refusal(one, to, answer, means.clock.now())


def _refusal(one: Post, to: str, answer: Answered, now: float) -> DeliveryError:
    error = post.refusal(one, answer, now)
    message, code = f"{error}; to {to}", _code(answer.said)
    if code in BUSY:
        return Busy(message, retry_after=error.retry_after)
    if code in AGAIN:
        return DeliveryError(message, retry_after=error.retry_after)
    if code in PERMANENT:
        return DeliveryError(message, permanent=True)
    return answers.alike(error, message)


def _code(said: bytes) -> int | None:
    try:
        return _Said.model_validate_json(said).code
    except ValidationError:
        return None


def _post(settings: TwilioSettings, to: str, said: str) -> Post:
    sender = "MessagingServiceSid" if re.fullmatch(SERVICE, settings.from_) else "From"
    token = settings.auth_token.reveal()
    basic = base64.b64encode(f"{settings.account_sid}:{token}".encode()).decode()
    return Post(
        url=settings.url,
        under=f"/2010-04-01/Accounts/{settings.account_sid}/Messages.json",
        body=urlencode({"To": to, sender: settings.from_, "Body": said}).encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": f"Basic {basic}",
        },
        timeout=settings.timeout,
        hidden=(token, basic),
    )


def text(notices: Sequence[Notice]) -> str:
    """What a phone shows: how bad, what, and where to look. Too long a text loses its middle."""
    if len(notices) > 1:
        return _list(texts.worst_first(notices))
    (notice,) = notices
    said = _line(notice)
    link = f"\n{notice.url}" if notice.url and len(notice.url) < AT_MOST // 2 else ""
    return _shortened(said, AT_MOST - len(link)) + link


def _list(notices: Sequence[Notice]) -> str:
    """One line each, the worst first; what does not fit is counted."""
    lines: list[str] = []
    room = AT_MOST - ROOM_FOR_REST
    for one in notices:
        line = _shortened(_line(one), LONGEST_LINE)
        if (room := room - len(line) - 1) < 0:
            break
        lines.append(line)
    rest = len(notices) - len(lines)
    return "\n".join([*lines, *([f"and {rest} more"] if rest else [])])


def _line(notice: Notice) -> str:
    return cheap(f"[{texts.state(notice)}] {texts.summary(notice)}")


def _shortened(said: str, room: int) -> str:
    return said if len(said) <= room else f"{said[: room - 3]}..."


def cheap(said: str) -> str:
    """In GSM's own alphabet where that loses nothing: one letter more than halves what fits an SMS."""
    whole = said.encode(errors="replace").decode()
    return "".join(_PLAIN.get(letter) or _folded(letter) for letter in whole)


def _folded(letter: str) -> str:
    """Less its accent where GSM has it without; letters of other scripts stay as they are."""
    if letter in _GSM:
        return letter
    base = unicodedata.normalize("NFKD", letter)[0]
    if base in _GSM:
        return base
    return letter if letter.isprintable() else " "
