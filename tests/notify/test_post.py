"""What an answer of a receiver means, and what is said about it."""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from prober.check import Model
from prober.errors import DeliveryError
from prober.notify import post
from prober.notify.answers import Busy, TurnedAway, without_answer
from prober.notify.post import Headers, Post, Url
from prober.secret import Secret
from tests.fake_clock import NOON, FakeClock
from tests.servers.receivers import (
    CUT_OFF,
    GARBAGE,
    OK,
    RESET,
    SILENCE,
    Answer,
    Receiver,
    free_port,
    receiver,
)


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    async with receiver() as one:
        yield one


def to(url: str, *, timeout: float = 5.0, hidden: tuple[str, ...] = ()) -> Post:
    return Post(url=Url(url), body=b"{}", headers={}, timeout=timeout, hidden=hidden)


async def refusal(hook: Receiver, client: httpx.AsyncClient, answer: Answer) -> DeliveryError:
    hook.answer = lambda _: answer
    with pytest.raises(DeliveryError) as caught:
        await post.send(to(hook.url, timeout=0.2 if answer.silent else 5.0), client, FakeClock())
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_is_acceptance(hook: Receiver, client: httpx.AsyncClient, status: int) -> None:
    hook.answer = lambda _: Answer(status)

    await post.send(to(hook.url), client, FakeClock())

    assert [one.method for one in hook.received] == ["POST"]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_too_many_too_early_and_5xx_are_worth_another_try(
    hook: Receiver, client: httpx.AsyncClient, status: int
) -> None:
    error = await refusal(hook, client, Answer(status))

    assert not error.permanent
    assert str(error) == f"{hook.url} answered {status}"


@pytest.mark.parametrize(
    "status", [300, 304, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 415, 421, 426, 431, 451]
)
async def test_what_a_receiver_that_rolls_over_answers_is_permanent_only_if_it_lasts(
    hook: Receiver, client: httpx.AsyncClient, status: int
) -> None:
    error = await refusal(hook, client, Answer(status, headers={"Retry-After": "17"}))

    assert isinstance(error, TurnedAway)
    assert (error.permanent, error.retry_after) == (False, 17)
    assert str(error) == f"{hook.url} answered {status}"


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_only_what_says_that_a_message_is_wrong_is_permanent_at_once(
    hook: Receiver, client: httpx.AsyncClient, status: int
) -> None:
    error = await refusal(hook, client, Answer(status, headers={"Location": "/elsewhere"}))

    assert error.permanent
    assert str(error) == f"{hook.url} answered {status}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_tried_for_some_minutes_and_says_whose_host_it_leads_to(
    hook: Receiver, client: httpx.AsyncClient, status: int
) -> None:
    place = "https://joe:hunter22@sso.example.com:8443/t0ken-in-path?back=s3cret-query"
    answer = Answer(status, headers={"Location": place}, text=f"<a href={place}>here</a>")
    error = await refusal(hook, client, answer)

    assert isinstance(error, TurnedAway)
    assert str(error) == (
        f"{hook.url} answered {status}, which leads to https://sso.example.com:8443 and is not followed"
    )
    assert len(hook.received) == 1, "a redirect was followed"


async def test_a_redirect_to_another_path_says_so_without_the_path(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    error = await refusal(hook, client, Answer(302, headers={"Location": "/t0ken-in-path"}))

    there = "which leads to another of its own paths and is not followed"
    assert str(error) == f"{hook.url} answered 302, {there}"


@pytest.mark.parametrize(
    ("status", "wish", "busy"),
    [(429, "6", True), (429, None, True), (503, "6", True), (503, None, False), (500, "6", False)],
)
async def test_who_asks_to_be_left_alone_is_busy(
    hook: Receiver, client: httpx.AsyncClient, status: int, wish: str | None, busy: bool
) -> None:
    headers = {"Retry-After": wish} if wish else {}
    error = await refusal(hook, client, Answer(status, headers=headers))

    assert isinstance(error, Busy) is busy
    assert not error.permanent
    assert error.retry_after == (float(wish) if wish else None)


@pytest.mark.parametrize("answer", [RESET, GARBAGE, SILENCE], ids=["reset", "garbage", "silence"])
async def test_what_is_no_answer_is_worth_another_try(
    hook: Receiver, client: httpx.AsyncClient, answer: Answer
) -> None:
    error = await refusal(hook, client, answer)

    assert not error.permanent
    assert str(error).startswith(hook.url)


async def test_silence_is_waited_for_as_long_as_the_timeout_says(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    error = await refusal(hook, client, SILENCE)

    assert str(error) == f"{hook.url} did not answer within 200 ms"


async def test_nobody_listening_is_worth_another_try_and_said_so(client: httpx.AsyncClient) -> None:
    with pytest.raises(
        DeliveryError, match=r"http://127.0.0.1:\d+ cannot be told: connection refused$"
    ) as caught:
        await post.send(to(f"http://127.0.0.1:{free_port()}"), client, FakeClock())

    assert not caught.value.permanent


async def test_a_port_that_takes_connections_and_never_reads_is_left_after_the_timeout(
    client: httpx.AsyncClient,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        async with asyncio.timeout(3):
            with pytest.raises(DeliveryError, match="did not answer within 200 ms"):
                await post.send(to(url, timeout=0.2), client, FakeClock())


async def test_a_status_is_an_answer_even_if_the_text_behind_it_is_cut_off(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    hook.answer = lambda _: CUT_OFF

    await post.send(to(hook.url), client, FakeClock())

    assert len(hook.received) == 1


async def test_retry_after_in_seconds(hook: Receiver, client: httpx.AsyncClient) -> None:
    error = await refusal(hook, client, Answer(429, headers={"Retry-After": "17"}))

    assert error.retry_after == 17


async def test_retry_after_as_a_date(hook: Receiver, client: httpx.AsyncClient) -> None:
    date = format_datetime(datetime.fromtimestamp(NOON + 90, UTC), usegmt=True)

    error = await refusal(hook, client, Answer(503, headers={"Retry-After": date}))

    assert error.retry_after == 90


@pytest.mark.parametrize(
    ("said", "meant"),
    [("86400", 3600.0), ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0), ("soon", None), ("-5", None)],
)
async def test_retry_after_is_never_in_the_past_nor_over_an_hour_ahead(
    hook: Receiver, client: httpx.AsyncClient, said: str, meant: float | None
) -> None:
    error = await refusal(hook, client, Answer(503, headers={"Retry-After": said}))

    assert error.retry_after == meant


async def test_the_answer_is_quoted_shortened_and_on_one_line(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    error = await refusal(hook, client, Answer(400, text="no\nsuch\x1b[31m hook " + "x" * 9000))

    assert str(error).startswith(f"{hook.url} answered 400, saying 'no such\\x1b[31m hook xxx")
    assert len(str(error)) < 300


async def test_no_secret_is_in_a_request_target_a_message_or_a_log(
    hook: Receiver, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    host = hook.url.removeprefix("http://")
    url = f"http://user-secret:pass%2Fsecret@{host}/hook/path%20secret/b?key=query-secret"
    told = to(url, hidden=("bearer-secret",))
    hook.answer = lambda one: Answer(
        500, text=f"path secret {one.path} {one.headers} user-secret pass/secret bearer-secret"
    )

    with pytest.raises(DeliveryError) as caught:
        await post.send(told, client, FakeClock())

    heard = f"{caught.value} {caught.value!r} {told!r} {caplog.text}"
    assert "secret" not in heard
    assert "dXNlci1zZWNyZXQ" not in heard  # base64 of the userinfo, as the header carries it
    assert hook.received[0].headers["authorization"].startswith("Basic dXNlci1zZWNyZXQ6")
    assert hook.received[0].headers["host"] == host


async def test_what_cannot_be_sent_is_not_quoted(hook: Receiver, client: httpx.AsyncClient) -> None:
    value = "Bearer s-e-c-r-e-t "
    told = replace(to(hook.url, hidden=(value,)), headers={"Authorization": value})

    with pytest.raises(DeliveryError) as caught:
        await post.send(told, client, FakeClock())

    assert "header value" in str(caught.value)
    assert "s-e-c-r-e-t" not in str(caught.value)


async def test_a_short_part_of_a_path_and_what_we_add_to_it_are_no_secrets(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    hook.answer = lambda one: Answer(500, text=one.path)
    told = Post(url=Url(f"{hook.url}/am"), under="/alerts", body=b"", headers={}, timeout=5.0)

    with pytest.raises(DeliveryError, match="saying '/am/alerts'"):
        await post.send(told, client, FakeClock())


async def test_cookies_of_one_receiver_are_not_kept(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    hook.answer = lambda _: Answer(headers={"Set-Cookie": "sid=1; Path=/"})

    await post.send(to(hook.url), client, FakeClock())
    await post.send(to(hook.url), client, FakeClock())

    assert "cookie" not in hook.received[1].headers


async def test_a_netrc_is_not_used(
    hook: Receiver,
    client: httpx.AsyncClient,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path_factory.mktemp("home") / ".netrc"
    netrc.write_text("machine 127.0.0.1 login u password p\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(netrc.parent))

    await post.send(to(hook.url), client, FakeClock())

    assert "authorization" not in hook.received[0].headers


async def test_the_proxy_of_the_environment_is_used(
    hook: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", hook.url)
    monkeypatch.setenv("no_proxy", "")

    async with post.client() as client:
        await post.send(to("http://receiver.example/hook"), client, FakeClock())

    assert hook.received[0].headers["host"] == "receiver.example"


async def test_an_answer_is_left_out_of_what_counts_as_the_same_failure(
    hook: Receiver, client: httpx.AsyncClient
) -> None:
    one = await refusal(hook, client, Answer(500, text="request 'a1'"))
    other = await refusal(hook, client, Answer(500, text='request "b2", saying much'))
    third = await refusal(hook, client, Answer(503, text="request 'a1'"))

    assert without_answer(str(one)) == without_answer(str(other))
    assert without_answer(str(one)) != without_answer(str(third))


async def test_many_posts_reuse_connections(hook: Receiver, client: httpx.AsyncClient) -> None:
    hook.answer = lambda _: OK

    for _ in range(3):
        await post.send(to(hook.url), client, FakeClock())

    assert hook.connections == 1


class Settings(Model):
    url: Url = Url("http://nowhere.example")
    headers: Headers = {}  # noqa: RUF012 - pydantic copies it


def test_a_url_shows_as_its_origin_and_compares_as_a_whole() -> None:
    settings = Settings.model_validate({"url": "https://u:p@hook.example:8443/path?token=t"})
    again = Settings.model_validate({"url": "https://u:p@hook.example:8443/path?token=t"})

    assert repr(settings.url) == str(settings.url) == "https://hook.example:8443"
    assert settings.model_dump()["url"] == "https://hook.example:8443"
    assert str(settings.url.reveal()) == "https://hook.example:8443/path?token=t"
    assert settings == again == pickle.loads(pickle.dumps(settings))  # noqa: S301 - our own bytes
    assert settings != Settings.model_validate({"url": "https://u:q@hook.example:8443/path"})
    assert settings == Settings.model_validate({"url": settings.url})


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("ftp://x/hook", "not an http or https URL; write it as https://host/path"),
        ("hook.example/x", "not an http or https URL; write it as https://host/path"),
        ("https:///x", "not an http or https URL; write it as https://host/path"),
        ("http://a b/", "not an http or https URL; write it as https://host/path"),
        ("http://h:port/", "not a URL; write it as https://host/path"),
        ("http://h:99999/", "99999 is not a port; write 1 to 65535"),
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(text: str, right: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"url": text})

    assert [error["msg"] for error in caught.value.errors()] == [f"Value error, {right}"]


def test_headers_that_are_secret_by_name_are_hidden() -> None:
    headers: Mapping[str, str | Secret] = TypeAdapter(Headers).validate_python(
        {"Authorization": "Bearer t", "X-API-Key": 12, "Cookie": "c", "X-Team": "ops"}
    )

    assert {name: str(value) for name, value in headers.items()} == {
        "Authorization": "***",
        "X-API-Key": "***",
        "Cookie": "***",
        "X-Team": "ops",
    }
    assert post.revealed(headers)["X-API-Key"] == "12"


def test_blanks_around_a_headers_value_are_left_out() -> None:
    headers: Mapping[str, str | Secret] = TypeAdapter(Headers).validate_python(
        {"Authorization": " Bearer t \n", "X-Team": "the ops "}
    )

    assert post.revealed(headers) == {"Authorization": "Bearer t", "X-Team": "the ops"}
    assert post.secret_parts(headers.values()) == ("Bearer t", "t")


@pytest.mark.parametrize(
    ("headers", "right"),
    [
        ({"X Team": "a"}, "'X Team' is not a header's name; write letters, digits and hyphens"),
        ({"X-Team": "a\nb"}, "the value of X-Team has characters that a header cannot carry"),
        ({"X-Team": "Zürich"}, "the value of X-Team has characters that a header cannot carry"),
        ({"X-Team": True}, "the value of X-Team is no text; write it in quotes"),
        ({"X-Team": None}, "the value of X-Team is no text; write it in quotes"),
    ],
)
def test_headers_that_http_cannot_carry_are_refused(headers: dict[str, object], right: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"headers": headers})

    assert [error["msg"] for error in caught.value.errors()] == [f"Value error, {right}"]
