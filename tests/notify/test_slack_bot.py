"""What a channel looks like in which a bot keeps one message for each incident."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence

import httpx
import pytest
from pydantic import JsonValue

from prober.alerts.notice import Delivery, Event
from prober.errors import DeliveryError
from prober.notify.answers import TurnedAway
from prober.notify.slack import SlackNotifier
from prober.notify.slack_blocks import GOOD
from tests.fake_clock import NOON
from tests.notify.notices import delivery, firing, notice, resolved
from tests.notify.telling import failure, refused_once, tell
from tests.servers.receivers import GARBAGE, RESET, SILENCE, Answer
from tests.servers.slack import CHANNEL, TOKEN, Message, Slack, slack


@pytest.fixture
async def theirs() -> AsyncIterator[Slack]:
    async with slack() as one:
        yield one


def bot(theirs: Slack, **more: JsonValue) -> SlackNotifier:
    given: dict[str, JsonValue] = {"token": TOKEN, "channel": CHANNEL, "url": theirs.hook.url}
    return SlackNotifier.model_validate({"slack": {**given, **more}})


class Told:
    """A bot and what it was answered, as whoever keeps receipts would have it."""

    def __init__(self, theirs: Slack, client: httpx.AsyncClient) -> None:
        self.notifier, self.client = bot(theirs), client
        self.receipts: dict[str, str] = {}

    async def tell(self, *said: Delivery) -> Mapping[str, str]:
        answers = await tell(self.notifier, said, self.client, receipts=self.receipts)
        self.receipts |= {one.notice.key: answers[one.id] for one in said}
        return answers


def event(kind: Event, check: str = "api-health") -> Delivery:
    return delivery(notice(kind, at=NOON + 60, check=check))


def colours(one: Message) -> list[JsonValue]:
    attachments = one.body["attachments"]
    assert isinstance(attachments, list)
    return [each["color"] for each in attachments if isinstance(each, dict)]


def words(messages: Sequence[Mapping[str, JsonValue]]) -> list[str]:
    return [str(one["text"]) for one in messages]


async def test_an_incident_is_one_message_that_is_edited(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    told = Told(theirs, client)
    for one in (firing(), event(Event.ACKNOWLEDGED), event(Event.FLAPPING)):
        await told.tell(one)
    [burning] = theirs.channel.values()
    assert burning.body["text"] == "Flapping, critical: api-health is flapping"
    await told.tell(resolved())

    assert told.receipts == {firing().notice.key: f"{CHANNEL}:1700000000.000000"}
    [message] = theirs.channel.values()
    assert message.body["text"] == "Resolved, critical: api-health is resolved"
    assert colours(message) == [GOOD]
    assert (message.edits, message.answers, theirs.wrong) == (3, [], [])


@pytest.mark.parametrize("kind", [Event.REMINDER, Event.ESCALATED])
async def test_what_an_edit_would_let_nobody_hear_of_is_said_in_the_channel_too(
    theirs: Slack, client: httpx.AsyncClient, kind: Event
) -> None:
    told = Told(theirs, client)
    await told.tell(firing())
    await told.tell(event(kind))

    [message] = theirs.channel.values()
    assert message.edits == 1
    assert [one["reply_broadcast"] for one in message.answers] == [True]
    assert words(message.answers) == [message.body["text"]]


async def test_another_incident_is_another_message(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    told = Told(theirs, client)
    for one in (firing(), resolved(), firing(incident="run-2"), firing(check="web")):
        await told.tell(one)

    assert len(theirs.channel) == 3


async def test_several_are_one_message_and_go_on_in_its_thread(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    told = Told(theirs, client)
    await told.tell(firing(), firing(check="web"), firing(check="dns"))
    await told.tell(resolved(check="web"), resolved(check="dns"))
    await told.tell(resolved())

    [message] = theirs.channel.values()
    assert message.body["text"] == "3 firing: api-health is firing, …"
    assert words(message.answers) == [
        "2 resolved: web is resolved, …",
        "Resolved, critical: api-health is resolved",
    ]
    assert (message.edits, theirs.wrong) == (0, [])
    assert set(told.receipts.values()) == {f"{CHANNEL}:1700000000.000000:shared"}


async def test_what_has_a_message_is_edited_whatever_comes_with_it(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    told = Told(theirs, client)
    await told.tell(firing())
    await told.tell(resolved(), firing(check="web"), firing(check="dns"))

    first, second = theirs.channel.values()
    assert (first.edits, colours(first)) == (1, [GOOD])
    assert second.body["text"] == "2 firing: web is firing, …"


@pytest.mark.parametrize("receipt", [f"{CHANNEL}:1.1", f"{CHANNEL}:1.1:shared", "", "odd"])
async def test_where_the_message_is_gone_or_forgotten_another_says_it(
    theirs: Slack, client: httpx.AsyncClient, receipt: str
) -> None:
    one = resolved()
    receipts = {one.notice.key: receipt}
    [new] = (await tell(bot(theirs), one, client, receipts=receipts)).values()

    [(ts, message)] = theirs.channel.items()
    assert message.body["text"] == "Resolved, critical: api-health is resolved"
    assert new == f"{CHANNEL}:{ts}"


async def test_the_end_of_a_window_is_news_and_no_edit(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    told = Told(theirs, client)
    for kind in (Event.WINDOW_BEGUN, Event.WINDOW_OVER):
        await told.tell(event(kind))

    assert len(theirs.channel) == 2
    assert GOOD not in [colour for one in theirs.channel.values() for colour in colours(one)]


def refusal(word: str) -> Answer:
    return Answer(200, text=json.dumps({"ok": False, "error": word}))


@pytest.mark.parametrize(
    ("answer", "permanent", "wish"),
    [
        (Answer(429, headers={"Retry-After": "30"}), False, 30.0),
        (Answer(429), False, None),
        (refusal("ratelimited"), False, None),
        (refusal("internal_error"), False, None),
        (refusal("msg_blocks_too_long"), True, None),
        (refusal("no_text"), True, None),
        (Answer(500, text="oops"), False, None),
        (Answer(400), True, None),
        (RESET, False, None),
        (SILENCE, False, None),
        (GARBAGE, False, None),
    ],
)
async def test_an_answer_is_final_or_worth_another_try(
    theirs: Slack, client: httpx.AsyncClient, answer: Answer, permanent: bool, wish: float | None
) -> None:
    theirs.hook.answers.append(answer)
    hasty = bot(theirs, timeout="200ms" if answer.silent else "5s")

    await refused_once(hasty, client, permanent=permanent, wish=wish, patient=bot(theirs))

    assert len(theirs.channel) == 1


@pytest.mark.parametrize(
    "answer",
    [
        *map(refusal, ("channel_not_found", "not_in_channel", "invalid_auth", "account_inactive", "token_revoked", "is_archived")),
        Answer(200, text="<html>please log in</html>"),
        Answer(200, text="[]"),
        Answer(200),
    ],
)  # fmt: skip
async def test_who_is_not_let_in_is_tried_for_some_minutes(
    theirs: Slack, client: httpx.AsyncClient, answer: Answer
) -> None:
    theirs.hook.answers.append(answer)

    assert isinstance(await failure(bot(theirs), firing(), client), TurnedAway)


async def test_a_retry_does_not_say_again_what_has_been_said(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    told = Told(theirs, client)
    for check in ("a", "b"):
        await told.tell(firing(check=check))
    ends = [event(Event.REMINDER, check=check) for check in ("a", "b")]
    theirs.hook.answers.extend(
        [theirs_ok(), theirs_ok(), Answer(429)]
    )  # the edit of a, its answer in the thread, and then no more

    with pytest.raises(DeliveryError):
        await told.tell(*ends)
    asked = len(theirs.hook.received)
    answers = await told.tell(*ends)

    assert len(theirs.hook.received) == asked + 2
    assert [*answers.values()] == [told.receipts[one.notice.key] for one in ends]


def theirs_ok() -> Answer:
    return Answer(200, text=json.dumps({"ok": True, "channel": CHANNEL, "ts": "1.1"}))


async def test_the_channel_may_be_a_name_and_is_edited_by_its_id(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    told = Told(theirs, client)
    told.notifier = bot(theirs, channel="general")
    await told.tell(firing())
    await told.tell(resolved())

    assert [one.edits for one in theirs.channel.values()] == [1]


async def test_a_long_answer_is_read_as_far_as_it_decides(
    theirs: Slack, client: httpx.AsyncClient
) -> None:
    said = {"ok": True, "channel": CHANNEL, "ts": "1.5", "message": {"text": "x" * 5_000_000}}
    theirs.hook.answers.append(Answer(200, text=json.dumps(said)))

    answers = await tell(bot(theirs), firing(), client)

    assert [*answers.values()] == [f"{CHANNEL}:1.5"]


async def test_the_token_is_shown_nowhere(
    theirs: Slack, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = bot(theirs)
    theirs.hook.answers.extend([refusal(TOKEN), Answer(400, text=TOKEN)])

    errors = [await failure(told, firing(), client) for _ in range(2)]

    heard = f"{errors} {told!r} {told.model_dump_json()} {caplog.text}"
    assert TOKEN not in heard
    assert "***" in str(errors[0])
