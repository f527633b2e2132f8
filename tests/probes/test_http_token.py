"""A token is asked for when it is needed, kept while it holds, and shown to nobody."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from prober.clock import SystemClock
from prober.probes import http
from prober.result import Outcome
from prober.secret import Scrubber
from tests.probes.running import running, why
from tests.servers.http import Asked, Page, drips, peer, redirect, reply, silent, site
from tests.servers.proxy import proxy
from tests.servers.raw import closed_port
from tests.servers.tls import Authority

CLIENT = {"client_id": "prober-1", "client_secret": "s3cr3t/%"}


@dataclass(slots=True)
class Ahead:
    """The time of this machine, moved forward by hand."""

    ahead: float = 0.0
    _system: SystemClock = field(default_factory=SystemClock)

    def now(self) -> float:
        return self._system.now()

    def monotonic(self) -> float:
        return self._system.monotonic() + self.ahead

    async def sleep(self, seconds: float) -> None:
        await self._system.sleep(seconds)

    async def sleep_until(self, moment: float) -> None:
        await self._system.sleep_until(moment - self.ahead)


@dataclass(slots=True)
class Tokens:
    """A server's page that hands out `token-1`, `token-2`…"""

    answer: dict[str, object] = field(default_factory=lambda: {"expires_in": 3600})
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> bytes:
        self.asked.append(asked)
        said = {"access_token": f"token-{len(self.asked)}", "token_type": "bearer"} | self.answer
        return reply(200, json.dumps(said).encode())

    @property
    def forms(self) -> list[dict[str, list[str]]]:
        return [parse_qs(one.body.decode()) for one in self.asked]


def check(url: str, token_url: str, timeout: float = 5.0, **settings: object) -> http.HttpCheck:
    oauth2 = CLIENT | {"token_url": token_url}
    extra = settings.pop("oauth2", {})
    assert isinstance(extra, dict)
    return http.HttpCheck.model_validate(
        {
            "name": "shop",
            "timeout": timeout,
            "http": {"url": url, "auth": {"oauth2": oauth2 | extra}} | settings,
        }
    )


def guarded(*good: str) -> Callable[[Asked], bytes]:
    """A page that takes these tokens only."""

    def page(asked: Asked) -> bytes:
        sent = (asked.header("Authorization") or "").removeprefix("Bearer ")
        return reply(200, b"hello") if sent in good else reply(401)

    return page


async def test_a_token_is_asked_for_as_rfc_6749_says() -> None:
    tokens = Tokens()
    more = {"scopes": ["orders.read", "orders.write"], "params": {"audience": "https://x/"}}
    async with (
        site({"/token": tokens}) as idp,
        site({"/": guarded("token-1")}) as shop,
        running() as runner,
    ):
        result = await runner.run(check(shop.url(), idp.url("/token?a=b"), oauth2=more))

    (asked,) = tokens.asked
    assert result.outcome is Outcome.UP
    assert (asked.method, asked.target) == ("POST", "/token?a=b")
    assert asked.header("Content-Type") == "application/x-www-form-urlencoded"
    assert asked.header("Accept") == "application/json"
    pair = base64.b64encode(b"prober-1:s3cr3t%2F%25").decode()
    assert asked.header("Authorization") == f"Basic {pair}"
    assert tokens.forms == [
        {
            "grant_type": ["client_credentials"],
            "scope": ["orders.read orders.write"],
            "audience": ["https://x/"],
        }
    ]


async def test_a_client_may_say_who_it_is_in_the_body() -> None:
    tokens = Tokens()
    async with (
        site({"/": tokens}) as idp,
        site({"/": guarded("token-1")}) as shop,
        running() as runner,
    ):
        await runner.run(check(shop.url(), idp.url(), oauth2={"auth_style": "body"}))

    assert tokens.asked[0].header("Authorization") is None
    assert tokens.forms[0]["client_id"] == ["prober-1"]
    assert tokens.forms[0]["client_secret"] == ["s3cr3t/%"]


async def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    clock, tokens = Ahead(), Tokens({"expires_in": 100})
    async with (
        site({"/": tokens}) as idp,
        site({"/": reply()}) as shop,
        running(clock=clock) as runner,
    ):
        one = check(shop.url(), idp.url())
        for ahead in (0, 80, 95):
            clock.ahead = ahead
            await runner.run(one)

    sent = [asked.header("Authorization") for asked in shop.asked]
    assert sent == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize(
    ("expires_in", "kept"), [("100", True), (None, True), ("soon", True), (0, False), (-5, False)]
)
async def test_a_lifetime_may_be_written_in_many_ways(expires_in: object, kept: bool) -> None:
    tokens = Tokens({"expires_in": expires_in})
    async with site({"/": tokens}) as idp, site({"/": reply()}) as shop, running() as runner:
        one = check(shop.url(), idp.url())
        await runner.run(one)
        await runner.run(one)

    assert len(tokens.asked) == (1 if kept else 2)


async def test_runs_at_the_same_time_ask_once() -> None:
    tokens = Tokens()
    async with site({"/": tokens}) as idp, site({"/": guarded("token-1")}) as shop:
        one = check(shop.url(), idp.url())
        async with running() as runner:
            results = await asyncio.gather(*(runner.run(one) for _ in range(20)))

    assert {result.outcome for result in results} == {Outcome.UP}
    assert len(tokens.asked) == 1


async def test_other_clients_have_other_tokens() -> None:
    tokens = Tokens()
    async with site({"/": tokens}) as idp, site({"/": reply()}) as shop, running() as runner:
        await runner.run(check(shop.url(), idp.url()))
        await runner.run(check(shop.url(), idp.url(), oauth2={"scopes": ["more"]}))
        await runner.run(check(shop.url("/"), idp.url(), method="POST"))

    sent = [asked.header("Authorization") for asked in shop.asked]
    assert sent == ["Bearer token-1", "Bearer token-2", "Bearer token-1"]


async def test_a_kept_token_that_is_refused_is_asked_for_anew_once() -> None:
    tokens = Tokens()
    async with site({"/": tokens}) as idp, site({"/": guarded("token-1")}) as shop:
        one = check(shop.url(), idp.url())
        async with running() as runner:
            first = await runner.run(one)
            shop.pages["/"] = guarded("token-2")
            second = await runner.run(one)
            shop.pages["/"] = guarded("nothing")
            third = await runner.run(one)

    assert [first.outcome, second.outcome] == [Outcome.UP, Outcome.UP]
    assert why(third) == ("status", "status 401, expected 2xx")
    assert len(tokens.asked) == 3
    assert len(shop.asked) == 1 + 2 + 2
    assert second.phases["processing"] <= second.seconds


async def test_a_new_token_that_is_refused_is_the_verdict() -> None:
    tokens = Tokens()
    async with site({"/": tokens}) as idp, site({"/": guarded()}) as shop, running() as runner:
        result = await runner.run(check(shop.url(), idp.url()))

    assert why(result) == ("status", "status 401, expected 2xx")
    assert (len(tokens.asked), len(shop.asked)) == (1, 1)


async def test_a_token_goes_to_the_first_origin_alone() -> None:
    tokens = Tokens()
    async with site({"/": tokens}) as idp, site() as other, site() as shop, running() as runner:
        shop.pages |= {"/": redirect("/same"), "/same": redirect(other.url()), "/back": reply()}
        other.pages["/"] = redirect(shop.url("/back"))
        result = await runner.run(check(shop.url(), idp.url()))

    assert result.outcome is Outcome.UP
    sent = [asked.header("Authorization") for asked in shop.asked]
    assert sent == ["Bearer token-1", "Bearer token-1", None]
    assert other.asked[0].header("Authorization") is None


async def test_asking_for_a_token_is_no_part_of_the_runs_time() -> None:
    asked = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(2.0)
        asked.set()
        writer.write(reply(200, b'{"access_token": "abcdef"}'))

    async with peer(slow) as port, site({"/": reply()}) as shop, running() as runner:
        up = await runner.run(check(shop.url(), f"http://127.0.0.1:{port}/"))
    async with peer(slow) as port, running() as runner:
        with closed_port() as closed:
            gone = await runner.run(
                check(f"http://127.0.0.1:{closed}/", f"http://127.0.0.1:{port}/")
            )

    assert asked.is_set()
    assert up.seconds == pytest.approx(sum(up.phases.values()), abs=1e-3)
    assert up.seconds < 2.0
    assert why(gone)[0] == "connect"
    assert gone.seconds < 2.0


async def test_a_token_that_does_not_come_is_a_timeout_of_the_run() -> None:
    async with peer(silent) as port, site({"/": reply()}) as shop, running() as runner:
        result = await runner.run(check(shop.url(), f"http://127.0.0.1:{port}/", timeout=0.2))

    assert why(result) == (
        "timeout",
        "token request to 127.0.0.1: no answer within 200 ms, in phase processing",
    )
    assert result.seconds >= 0.2
    assert shop.asked == []


async def test_who_waits_for_a_token_asks_itself_when_the_first_runs_out_of_time() -> None:
    """The first run's timeout is not the second's."""
    is_first = True

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal is_first
        if is_first:
            is_first = False
            await silent(reader, writer)
        else:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply(200, b'{"access_token": "abcdef"}'))

    async with peer(page) as port, site({"/": guarded("abcdef")}) as shop, running() as runner:
        hasty = check(shop.url(), f"http://127.0.0.1:{port}/", timeout=0.3)
        patient = check(shop.url(), f"http://127.0.0.1:{port}/", timeout=5.0)
        first, second = await asyncio.gather(runner.run(hasty), runner.run(patient))

    assert why(first)[0] == "timeout"
    assert second.outcome is Outcome.UP


async def test_who_waits_for_a_token_hears_why_there_is_none() -> None:
    async with site({"/": reply(503)}) as idp, site({"/": reply()}) as shop, running() as runner:
        one = check(shop.url(), idp.url())
        results = await asyncio.gather(*(runner.run(one) for _ in range(5)))

    assert {why(result) for result in results} == {
        ("status", "token request to 127.0.0.1: status 503")
    }
    assert len(idp.asked) == 1


@pytest.mark.parametrize(
    ("page", "reason", "message"),
    [
        (reply(401, b'{"error": "invalid_client", "error_description": "no s3cr3t/%"}'),
         "status", "status 401, invalid_client: no ***"),
        (reply(400, b"nothing of use"), "status", "status 400"),
        (redirect("/other"), "status", "status 302"),
        (reply(200, b"<html>"), "json", "the answer has no access_token"),
        (reply(200, b"[1]"), "json", "the answer has no access_token"),
        (reply(200, b"[" * 100_000), "json", "the answer has no access_token"),
        (reply(200, b'{"error": "slow_down"}'), "json", "the answer has no access_token, slow_down"),
        (reply(200, b'{"access_token": 1}'), "json", "the answer has no access_token"),
        (reply(200, b'{"access_token": "a\\nX: y"}'), "json",
         "its access_token cannot stand in a header"),
        (reply(200, b'{"access_token": "abcdef", "token_type": "mac"}'), "json",
         "token_type is 'mac', not Bearer"),
        (reply(200, b'"' + b"a" * 2**20 + b'"'), "size", "the body is larger than 1 MiB"),
        (b"nonsense", "protocol", "the answer is not HTTP, it begins with b'nonsense'"),
    ],
)  # fmt: skip
async def test_a_token_that_is_refused_is_down(page: Page, reason: str, message: str) -> None:
    secret = CLIENT["client_secret"]
    async with (
        site({"/": page}) as idp,
        site({"/": reply()}) as shop,
        running(scrub=Scrubber([secret])) as runner,
    ):
        result = await runner.run(check(shop.url(), idp.url()))

    assert why(result) == (reason, f"token request to 127.0.0.1: {message}")
    assert result.facts == {"redirects": 0, "regex_failed": False}
    assert result.phases == {}
    assert shop.asked == []


async def test_a_token_server_that_is_gone_is_down() -> None:
    with closed_port() as port:
        async with site({"/": reply()}) as shop, running() as runner:
            result = await runner.run(check(shop.url(), f"http://127.0.0.1:{port}/"))

    said = f"token request to 127.0.0.1: connect to 127.0.0.1:{port}: connection refused"
    assert why(result) == ("connect", said)


async def test_a_refused_token_is_asked_for_again_by_the_next_run() -> None:
    tokens = Tokens()
    async with site({"/": reply(500)}) as idp, site({"/": reply()}) as shop, running() as runner:
        one = check(shop.url(), idp.url())
        first = await runner.run(one)
        idp.pages["/"] = tokens
        second = await runner.run(one)

    assert (first.outcome, second.outcome) == (Outcome.DOWN, Outcome.UP)


async def test_a_token_is_masked_wherever_the_target_quotes_it() -> None:
    tokens = Tokens({"access_token": "abc/def+ghi"})

    def page(asked: Asked) -> bytes:
        return reply(
            200, str(asked.header("Authorization")).encode(), {"Location": "/?t=abc/def+ghi"}
        )

    async with site({"/": tokens}) as idp, site({"/": page}) as shop, running() as runner:
        one = check(
            shop.url(),
            idp.url(),
            expect={"body": {"contains": "x"}, "headers": {"Location": "/"}},
        )
        first, second = await runner.run(one), await runner.run(one)

    for result in (first, second):
        assert result.reason == "header"
        assert "abc/def" not in repr(result)
        assert "Bearer ***" in repr(result.finding.assertions)


async def test_the_token_server_is_reached_as_the_target_is(tmp_path: Path) -> None:
    """Through the check's proxy, by its own addresses, with its CA; but it is another server."""
    authority, tokens = Authority(tmp_path), Tokens()
    async with (
        site({"/": tokens}, tls=authority.server("idp.example")) as idp,
        site({"/": reply()}, tls=authority.server("inner.example")) as shop,
        proxy() as between,
        running() as runner,
    ):
        one = check(
            f"https://shop.example:{shop.port}/",
            f"https://idp.example:{idp.port}/",
            tls={"ca_file": authority.ca_file, "server_name": "inner.example"},
            resolve={"idp.example": "127.0.0.1", "shop.example": "127.0.0.1"},
            proxy=between.url,
        )
        result = await runner.run(one)

    assert why(result) == (None, "")
    assert [asked.target for asked in between.asked] == [
        f"127.0.0.1:{idp.port}",
        f"127.0.0.1:{shop.port}",
    ]
    assert shop.asked[0].header("Authorization") == "Bearer token-1"


async def test_a_dripping_token_server_does_not_outlast_the_run() -> None:
    async with peer(drips(reply(200, b"x" * 100), 0.05)) as port, running() as runner:
        with closed_port() as closed:
            one = check(f"http://127.0.0.1:{closed}/", f"http://127.0.0.1:{port}/", timeout=0.3)
            result = await runner.run(one)

    assert why(result)[0] == "timeout"
    assert why(result)[1].startswith("token request to 127.0.0.1: no answer within 300 ms")
