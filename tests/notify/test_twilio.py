"""What Twilio gets to see, and what becomes of what it answers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from prober.errors import DeliveryError
from prober.notify import people, twilio
from prober.notify.answers import TurnedAway
from prober.notify.twilio import AT_MOST, TwilioNotifier
from tests.fake_clock import FakeClock
from tests.notify.notices import firing, notice, resolved
from tests.notify.telling import refused_once, tell
from tests.servers.receivers import CUT_OFF, GARBAGE, RESET, SILENCE, Answer
from tests.servers.twilio import (
    OWN_FAULT,
    QUEUE_FULL,
    SENDER,
    SERVICE,
    SID,
    TOKEN,
    TOO_MANY,
    UNSUBSCRIBED,
    Twilio,
    refusal,
)
from tests.servers.twilio import twilio as fake

ONE, TWO, THREE = "+15552220001", "+15552220002", "+15552220003"


@pytest.fixture
async def service() -> AsyncIterator[Twilio]:
    async with fake() as one:
        yield one


def notifier(service: Twilio, *to: str, **more: JsonValue) -> TwilioNotifier:
    given_: dict[str, JsonValue] = {
        "account_sid": SID, "auth_token": TOKEN, "from": SENDER, "to": list(to or (ONE,)), "url": service.url,
    }  # fmt: skip
    return TwilioNotifier.model_validate({"twilio": {**given_, **more}})


async def failure(told: TwilioNotifier, client: httpx.AsyncClient) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await tell(told, firing(), client, FakeClock())
    return caught.value


async def test_each_number_gets_one_text_that_says_what_and_where(
    service: Twilio, client: httpx.AsyncClient
) -> None:
    told = notifier(service, ONE, TWO, ONE)
    await tell(told, firing(), client, FakeClock())
    await tell(told, resolved(), client, FakeClock())

    link = "\nhttps://prober.example/eu/#api-health"
    assert sorted(service.texts[:2]) == [
        (ONE, f"[critical] api-health is firing{link}"),
        (TWO, f"[critical] api-health is firing{link}"),
    ]
    assert service.texts[2] == (ONE, f"[resolved] api-health is resolved{link}")
    assert len(service.texts) == 4


@pytest.mark.parametrize("sender", [SENDER, "Prober", SERVICE])
async def test_the_sender_is_a_number_a_name_or_a_messaging_service(
    service: Twilio, client: httpx.AsyncClient, sender: str
) -> None:
    await tell(notifier(service, ONE, **{"from": sender}), firing(), client, FakeClock())

    assert service.senders == [sender]


@pytest.mark.parametrize(
    ("answer", "permanent"),
    [
        (TOO_MANY, False),
        (QUEUE_FULL, False),
        (OWN_FAULT, False),
        (Answer(503, text="<html>later</html>"), False),
        (UNSUBSCRIBED, True),
        (refusal(400, 21211, "Invalid 'To' Phone Number"), True),
        (refusal(403, 21408, "Permission to send an SMS has not been enabled"), True),
        (refusal(400, 99999, "something new"), True),
        (RESET, False),
        (GARBAGE, False),
    ],
)
async def test_what_may_help_later_is_tried_again(
    service: Twilio, client: httpx.AsyncClient, answer: Answer, *, permanent: bool
) -> None:
    service.answers[ONE] = [answer]

    await refused_once(notifier(service), client, permanent=permanent)

    assert [to for to, _ in service.texts] == [ONE]


async def test_an_answer_that_is_cut_off_has_a_status_all_the_same(
    service: Twilio, client: httpx.AsyncClient
) -> None:
    service.answers[ONE] = [CUT_OFF]

    await tell(notifier(service), firing(), client, FakeClock())

    assert len(service.receiver.received) == 1


async def test_a_wrong_token_is_tried_for_some_minutes_and_shown_nowhere(
    service: Twilio, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = notifier(service, auth_token="wr0ng-t0ken-value")
    error = await failure(told, client)
    sent = service.receiver.received[0].headers["authorization"].removeprefix("Basic ")
    service.receiver.answer = lambda one: Answer(400, text=f"wr0ng-t0ken-value {sent} {one.path}")
    repeated = await failure(told, client)

    assert isinstance(error, TurnedAway)
    assert "answered 401" in str(error)
    heard = f"{error} {repeated} {told!r} {told.model_dump_json()} {caplog.text}"
    assert "wr0ng-t0ken-value" not in heard
    assert sent not in heard


async def test_its_own_wish_for_a_pause_is_heard(
    service: Twilio, client: httpx.AsyncClient
) -> None:
    service.answers[ONE] = [replace(TOO_MANY, headers={"Retry-After": "7"})]
    service.answers[TWO] = [replace(TOO_MANY, headers={"Retry-After": "70"})]

    error = await failure(notifier(service, ONE, TWO), client)

    assert error.retry_after == 70
    assert ONE in str(error)
    assert TWO in str(error)


async def test_silence_costs_no_more_than_the_timeout(
    service: Twilio, client: httpx.AsyncClient
) -> None:
    service.answers[TWO] = [SILENCE]

    error = await failure(notifier(service, ONE, TWO, timeout="300ms"), client)

    assert not error.permanent
    assert "did not answer within 300 ms" in str(error)
    assert [to for to, _ in service.texts] == [ONE]


async def test_a_retry_leaves_out_who_has_it(service: Twilio, client: httpx.AsyncClient) -> None:
    service.answers = {TWO: [TOO_MANY, OWN_FAULT], THREE: [RESET]}
    told = notifier(service, ONE, TWO, THREE)

    first, second = await failure(told, client), await failure(told, client)
    await tell(told, firing(), client, FakeClock())

    assert [to for to, _ in service.texts] == [ONE, THREE, TWO]
    assert "429" in str(first)
    assert "500" in str(second)


async def test_a_retry_leaves_out_who_can_never_have_it(
    service: Twilio, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    service.answers = {ONE: [UNSUBSCRIBED], TWO: [TOO_MANY]}
    told = notifier(service, ONE, TWO)

    error = await failure(told, client)
    await tell(told, firing(), client, FakeClock())

    assert not error.permanent
    assert [to for to, _ in service.texts] == [TWO]
    assert len(service.receiver.received) == 3
    assert "21610" in caplog.text
    assert f"to {ONE}; others have it" in caplog.text


async def test_where_nobody_can_have_it_nobody_is_asked_again(
    service: Twilio, client: httpx.AsyncClient
) -> None:
    service.answers = {ONE: [UNSUBSCRIBED], TWO: [UNSUBSCRIBED]}

    error = await failure(notifier(service, ONE, TWO), client)

    assert error.permanent
    assert ONE in str(error)
    assert TWO in str(error)


async def test_who_had_the_last_message_gets_the_next(
    service: Twilio, client: httpx.AsyncClient
) -> None:
    service.answers = {TWO: [TOO_MANY]}
    told = notifier(service, ONE, TWO)

    await failure(told, client)
    await tell(told, resolved(), client, FakeClock())

    assert sorted(to for to, _ in service.texts) == [ONE, ONE, TWO]


async def test_what_was_given_up_is_forgotten_at_last(
    service: Twilio, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "KEPT", 2)
    for n in range(3):
        service.answers = {TWO: [TOO_MANY]}
        one = firing(incident=f"run-{n}")
        with pytest.raises(DeliveryError):
            await tell(notifier(service, ONE, TWO), one, client, FakeClock())
    service.texts.clear()

    for n in (2, 0):
        one = firing(incident=f"run-{n}")
        await tell(notifier(service, ONE, TWO), one, client, FakeClock())

    assert [to for to, _ in service.texts] == [TWO, ONE, TWO]


@settings(deadline=None)
@given(said=st.text(max_size=4000), url=st.text(max_size=2000))
def test_any_notice_is_a_text_that_twilio_takes(said: str, url: str) -> None:
    one = replace(notice(), annotations={"summary": said}, url=url)

    text = twilio.text([one])

    assert 0 < len(text) <= AT_MOST
    assert text.strip()
    assert text.encode()


def test_too_long_a_text_is_cut_before_its_link() -> None:
    text = twilio.text([replace(notice(), annotations={"summary": "x" * 5000})])

    assert len(text) == AT_MOST
    assert text.endswith("x...\nhttps://prober.example/eu/#api-health")


@pytest.mark.parametrize(
    ("said", "cheap"),
    [
        ("\u201capi\u201d \u2014 5\u00d7\u2026 it\u2019s `down`", "\"api\" - 5x... it's 'down'"),
        ("Zürich, año, ça", "Zürich, año, ca"),
        ("Łódź ő ě", "Łodz o e"),
        ("цех упал", "цех упал"),
        ("😀\x00\ud800", "😀 ?"),
    ],
)
def test_what_gsm_cannot_spell_is_spelt_otherwise_where_it_loses_nothing(
    said: str, cheap: str
) -> None:
    assert twilio.cheap(said) == cheap


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": []}, {"to": ["0041791234567"]}, {"to": ["+41 79 123"]}, {"to": ONE}, {"to": ["+0123"]},
        {"from": ""}, {"from": "A name far too long"}, {"from": "+"}, {"account_sid": "SK1"},
        {"account_sid": "AC1/../x"}, {"url": "ftp://x"}, {"auth_token": None}, {"timeout": 0}, {"tos": []},
    ],
)  # fmt: skip
def test_what_twilio_would_refuse_is_refused_at_load(
    service: Twilio, wrong: dict[str, JsonValue]
) -> None:
    with pytest.raises(ValidationError) as caught:
        notifier(service, **wrong)

    assert TOKEN not in str(caught.value)
