"""One request and its answer over HTTP/2: with a server that speaks it well, and with all others."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time

import brotli
import pytest
from h2.exceptions import DenialOfServiceError
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from prober.result import Attempt, Reason
from prober.wire import http1, http2
from prober.wire.failure import Failure, OwnFault
from prober.wire.http1 import Limits, Lines, Request, Response
from prober.wire.network import Endpoint, Network
from prober.wire.stream import Stream
from prober.wire.tls import TlsPolicy
from tests.servers.h2 import (
    H2Site,
    Reply,
    continuation,
    data,
    goaway,
    h2_site,
    headers,
    ping,
    reset,
    settings,
    window,
)
from tests.servers.raw import Do, RawServer, Step, raw_server
from tests.servers.tls import Authority
from tests.wire.ways import BOUND, GET, new_attempt

HEAD = headers((":status", "200"))
OK = headers((":status", "200"), ("content-length", "2")) + data(b"ok", end=True)
NINE = headers((":status", "200"), ("content-length", "9"))
CLOSE = 0.003
ZEROS = bytes(20_000_000)
BOMBS = {
    "gzip": gzip.compress(ZEROS, 4),
    "br": brotli.compress(ZEROS, quality=4),
    "identity": bytes(200_000),
}


def spoken(tls: ssl.SSLContext) -> ssl.SSLContext:
    tls.set_alpn_protocols(["h2"])
    return tls


def to(server: H2Site | RawServer, authority: Authority) -> Endpoint:
    policy = TlsPolicy(ca_file=authority.ca_file)
    return Endpoint("127.0.0.1", server.port, policy, http2=True)


async def fetch(
    net: Network,
    endpoint: Endpoint,
    request: Request = GET,
    limits: Limits | None = None,
    attempt: Attempt | None = None,
) -> Response:
    async with asyncio.timeout(BOUND):
        connection = await net.connect(endpoint, attempt or new_attempt())
        try:
            assert connection.protocol == "h2"
            return await http2.exchange(connection, request, limits or Limits(), (("X-Run", "7"),))
        finally:
            connection.close()


async def test_an_answer_is_told_whole(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    fields = ((":status", "418"), ("content-length", "3"), ("x-a", "1"), ("x-a", "é"))
    async with h2_site(authority.server(), Reply(fields, b"abc")) as site:
        response = await fetch(net, to(site, authority), attempt=attempt)

    assert (response.version, response.status) == ("2", 418)
    assert response.headers[1:] == (("x-a", "1"), ("x-a", "Ã©"))
    assert (response.body, response.body_length, response.wire_length) == (b"abc", 3, 3)
    assert response.received == 3
    assert set(attempt.phases) == {"resolve", "connect", "tls", "processing", "transfer"}
    assert attempt.facts["status_code"] == 418
    assert attempt.facts["http_version"] == "2"
    assert response.first_byte <= response.last_byte


async def test_the_request_is_told_without_what_is_the_connections_own(
    net: Network, authority: Authority
) -> None:
    lines = (
        ("Host", "shop.example:8443"),
        ("User-Agent", "prober"),
        ("Connection", "close"),
        ("Transfer-Encoding", "chunked"),
        ("TE", "trailers"),
        ("X-Ü", "ü"),
    )
    request = Request("PUT", "/a?b", lines[:5], b"body")
    async with h2_site(authority.server(), Reply()) as site:
        await fetch(net, to(site, authority), request)
        await fetch(net, to(site, authority), Request("POST", "/", (("Host", "x"),)))

    assert site.bodies == [b"body", b""]
    assert site.asked[0] == [
        (":method", "PUT"),
        (":scheme", "https"),
        (":path", "/a?b"),
        (":authority", "shop.example:8443"),
        ("user-agent", "prober"),
        ("x-run", "7"),
    ]
    assert ("content-length", "0") in site.asked[1]


def test_a_head_that_cannot_be_told_is_our_own_fault_and_is_not_shown() -> None:
    with pytest.raises(OwnFault) as fault:
        Stream(Request("GET", "", (("Host", "x"), ("X", "hunter2"))), (), Limits())

    assert "hunter2" not in str(fault.value)
    assert fault.value.__cause__ is None


async def test_alpn_leaves_the_choice_to_the_server(net: Network, authority: Authority) -> None:
    """And without the option nothing is offered, though the policy is the same."""
    old = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    tls = authority.server()
    tls.set_alpn_protocols(["http/1.1"])
    policy = TlsPolicy(ca_file=authority.ca_file)
    with raw_server(Do.READ, old, tls=tls) as server:
        connection = await net.connect(to(server, authority), new_attempt())
        response = await http1.exchange(connection, GET)
        connection.close()
        assert connection.protocol == "http/1.1"
    async with h2_site(authority.server(), Reply()) as site:
        await fetch(net, to(site, authority))
        plain = await net.connect(Endpoint("127.0.0.1", site.port, policy), new_attempt())
        plain.close()

    assert response.body == b"ok"
    assert plain.protocol == "http/1.1"


@pytest.mark.parametrize("window_size", [65535, 200_000, 10_000_000])
async def test_a_body_larger_than_the_window_waits_for_leave(
    net: Network, authority: Authority, window_size: int
) -> None:
    body = bytes(range(256)) * 4000
    request = Request("POST", "/", (("Host", "x"),), body)
    tls = authority.server()
    async with h2_site(tls, lambda _, said: Reply(body=said[-3:]), window=window_size) as site:
        response = await fetch(net, to(site, authority), request)

    assert site.bodies == [body]
    assert response.body == body[-3:]


async def test_a_large_answer_is_let_come(
    net: Network, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.wire.stream._WINDOW", 100_000)
    body = bytes(range(256)) * 8000
    async with h2_site(authority.server(), Reply(body=body)) as site:
        response = await fetch(net, to(site, authority))

    assert response.body == body
    assert response.wire_length is None


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("gzip", gzip.compress(b"text" * 99, mtime=0)), ("br", brotli.compress(b"text" * 99))],
)
async def test_bodies_are_decoded(
    net: Network, authority: Authority, coding: str, packed: bytes
) -> None:
    fields = ((":status", "200"), ("content-encoding", coding))
    async with h2_site(authority.server(), Reply(fields, packed)) as site:
        response = await fetch(net, to(site, authority))

    assert response.body == b"text" * 99
    assert (response.received, response.body_length) == (len(packed), 396)


async def test_what_only_announces_the_answer_and_what_follows_it_is_passed_over(
    net: Network, authority: Authority
) -> None:
    hints = ((":status", "103"), ("link", "a"))
    reply = Reply(((":status", "200"),), b"ok", (hints, hints), (("x-sum", "1"),))
    async with h2_site(authority.server(), reply) as site:
        response = await fetch(net, to(site, authority))

    assert (response.status, response.body) == (200, b"ok")
    assert response.headers == ()


@pytest.mark.parametrize("more", [b"", data(b"", end=True)], ids=["at once", "an empty frame"])
@pytest.mark.parametrize(("method", "status"), [("HEAD", "200"), ("GET", "304"), ("GET", "204")])
async def test_what_has_no_body_may_have_a_length(
    net: Network, authority: Authority, method: str, status: str, more: bytes
) -> None:
    said = headers((":status", status), ("content-length", "9"), end=not more)
    with raw_server(settings(), said + more, Do.HANG, tls=spoken(authority.server())) as server:
        request = Request(method, "/", (("Host", "x"),))
        response = await fetch(net, to(server, authority), request)

    assert (response.status, response.body, response.wire_length) == (int(status), b"", 9)


@pytest.mark.parametrize("length", ["", "abc", "-1", "1_0", "9" * 5000, "٣"])
async def test_a_length_that_is_none_is_protocol_also_where_there_is_no_body(
    net: Network, authority: Authority, length: str
) -> None:
    said = headers((":status", "200"), ("content-length", length), end=True)
    request = Request("HEAD", "/", (("Host", "x"),))
    with (
        raw_server(settings(), said, Do.HANG, tls=spoken(authority.server())) as server,
        pytest.raises(Failure, match="its content-length is b'") as failure,
    ):
        await fetch(net, to(server, authority), request)

    assert failure.value.reason is Reason.PROTOCOL


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([OK, goaway(0)], id="goaway after"),
        pytest.param([goaway(0), OK], id="goaway before"),
        pytest.param([goaway(0, last=1), OK], id="goaway after ours"),
        pytest.param([OK + reset(0)], id="reset after"),
        pytest.param([OK + b"rubbish" * 99], id="rubbish after"),
        pytest.param([OK + data(b"more")], id="more than said"),
        pytest.param([ping() * 20, window(9), OK], id="other frames"),
        pytest.param([b"\0\0\1\xee\0\0\0\0\0x", OK], id="an unknown frame"),
        pytest.param([OK[:5], 0.02, OK[5:15], 0.02, OK[15:]], id="in pieces"),
        pytest.param(
            [headers((":status", "200"), ("X-Upper", " padded ")), data(b"ok", end=True)],
            id="sloppy headers",
        ),
        pytest.param([HEAD, data(b""), data(b"ok"), data(b"", end=True)], id="empty frames"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", [Do.HANG, Do.READ_ALL], ids=["open", "no goodbye"])
async def test_what_browsers_take_is_taken(
    net: Network, authority: Authority, script: list[Step], end: Step
) -> None:
    with raw_server(settings(), *script, end, tls=spoken(authority.server())) as server:
        response = await fetch(net, to(server, authority))

    assert (response.status, response.body) == (200, b"ok")


FLOOD = 1500


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param([Do.READ_ALL], "the server closed the connection without an answer", id="end"),
        pytest.param(
            [settings(), Do.READ_ALL], "the server closed the connection without an answer",
            id="end after settings",
        ),
        pytest.param(
            [settings(), HEAD + data(b"some"), Do.READ_ALL],
            "the answer is cut off after 4 bytes of the body", id="end within the body",
        ),
        pytest.param([settings(), HEAD[:-1], Do.READ_ALL], "without an answer", id="end in a frame"),
        pytest.param([settings(), 0.02, Do.RESET], "connection reset without an answer", id="RST"),
        pytest.param(
            [b"HTTP/1.1 400 Bad Request\r\n\r\n", Do.HANG],
            "the answer is not HTTP/2, which was agreed upon: it begins with b'HTTP/1.1 400 Bad",
            id="HTTP/1.1",
        ),
        pytest.param([b"\xff" * 99, Do.HANG], "it begins with b'\\xff", id="rubbish"),
        pytest.param([HEAD, Do.HANG], "it begins with", id="no settings"),
        pytest.param(
            [settings(), b"\0\x40\1\0\0\0\0\0\1", Do.HANG], "a frame of 16385 bytes", id="a long frame"
        ),
        pytest.param(
            [settings(), reset(7), Do.HANG],
            "the server reset the stream with REFUSED_STREAM without an answer", id="refused",
        ),
        pytest.param(
            [settings(), HEAD + data(b"abc") + reset(0), Do.HANG],
            "reset the stream with NO_ERROR after 3 bytes of the body", id="reset within",
        ),
        pytest.param(
            [settings(), reset(99), Do.HANG], "reset the stream with error 99", id="an unknown code"
        ),
        pytest.param(
            [settings(), goaway(11, said=b"calm down"), Do.HANG],
            "ended the connection with GOAWAY, ENHANCE_YOUR_CALM, b'calm down', without an answer",
            id="goaway",
        ),
        pytest.param([settings(), goaway(0, last=0), Do.HANG], "GOAWAY, NO_ERROR", id="not heard"),
        pytest.param(
            [settings(), NINE + data(b"x", end=True), Do.HANG],
            "the answer is not what it says: its body has 1 bytes and not 9", id="too short",
        ),
        pytest.param(
            [settings(), headers((":status", "200"), ("content-length", "9"), end=True), Do.HANG],
            "the answer is cut off after 0 of 9 bytes of the body", id="too short by all",
        ),
        pytest.param(
            [settings(), headers((":status", "200"), ("content-length", "1")), data(b"abc"), Do.HANG],
            "its body has 3 bytes and not 1", id="too long",
        ),
        pytest.param(
            [settings(), headers((":status", "200"), ("content-length", "x")), Do.HANG],
            "the answer is not valid HTTP/2: ", id="a length of letters",
        ),
        pytest.param([settings(), headers(("x", "y")), Do.HANG], "it has no status", id="no status"),
        pytest.param(
            [settings(), headers((":status", "2000")), Do.HANG], "its status is b'2000'",
            id="a long status",
        ),
        pytest.param([settings(), data(b"x"), Do.HANG], "not valid HTTP/2: ", id="body first"),
        pytest.param(
            [settings(), b"\0\0\1\1\4\0\0\0\1\xff", Do.HANG], "not valid HTTP/2: ", id="bad HPACK"
        ),
        pytest.param([settings(), b"\0\0\1\6\0\0\0\0\0x", Do.HANG], "not valid", id="a bad ping"),
        pytest.param(
            [settings(), headers((":status", "200"), whole=False) + ping(), Do.HANG],
            "not valid HTTP/2: ", id="a broken head",
        ),
        pytest.param(
            [settings(), headers((":status", "200"), whole=False) + continuation() * 200, Do.HANG],
            "not valid HTTP/2: Too many continuation", id="continuations",
        ),
        pytest.param(
            [settings(), ping() * FLOOD, Do.STAY],
            "frames without an answer in them, the last PING: over 1000 without an answer",
            id="pings",
        ),
        pytest.param([settings() * FLOOD, Do.STAY], "the last SETTINGS", id="settings"),
        pytest.param(
            [settings(), HEAD, data(b"") * FLOOD, Do.STAY], "the last DATA", id="empty data"
        ),
        pytest.param([settings(), goaway(0) * FLOOD, Do.STAY], "the last GOAWAY", id="goaways"),
        pytest.param([settings(), window(1) * FLOOD, Do.STAY], "the last WINDOW", id="windows"),
        pytest.param(
            [settings(), headers((":status", "103"), ("x", "y" * 900)) * FLOOD, Do.STAY],
            "the headers are larger than 64 KiB", id="hints",
        ),
        pytest.param(
            [settings(), headers((":status", "200"), *[("x", "y")] * 1001), Do.STAY],
            "there are more than 1000 headers", id="many headers",
        ),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_protocol_and_says_why(
    net: Network, authority: Authority, attempt: Attempt, script: list[Step], said: str
) -> None:
    with (
        raw_server(*script, tls=spoken(authority.server())) as server,
        pytest.raises(Failure) as failure,
    ):
        await fetch(net, to(server, authority), attempt=attempt)

    assert said in str(failure.value)
    assert failure.value.reason is Reason.PROTOCOL
    assert "processing" in attempt.phases
    assert ("status_code" in attempt.facts) == ("body" in said or "DATA" in said)


async def test_headers_that_unpack_to_much_are_not_kept(net: Network, authority: Authority) -> None:
    """One of 4 KB in the table, and a byte for each time it is meant again."""
    many = [("x", "y" * 4000)] * 500
    frame = headers((":status", "200"), *many)
    assert len(frame) < 5000
    with (
        raw_server(settings(), frame, Do.STAY, tls=spoken(authority.server())) as server,
        pytest.raises(Failure, match="the headers are larger than 64 KiB") as failure,
    ):
        await fetch(net, to(server, authority))

    assert isinstance(failure.value.__cause__, DenialOfServiceError)


@pytest.mark.parametrize("coding", BOMBS)
async def test_a_body_beyond_the_limit_is_size(
    net: Network, authority: Authority, coding: str
) -> None:
    fields = ((":status", "200"), ("content-encoding", coding))
    async with h2_site(authority.server(), Reply(fields, BOMBS[coding])) as site:
        with pytest.raises(Failure) as failure:
            await fetch(net, to(site, authority), limits=Limits(body=100 * 1024))

    assert str(failure.value) == "the body is larger than 100 KiB"
    assert failure.value.reason is Reason.SIZE


async def test_a_length_beyond_the_limit_is_size_before_it_comes(
    net: Network, authority: Authority
) -> None:
    said = headers((":status", "200"), ("content-length", "99999999999"))
    with (
        raw_server(settings(), said, Do.STAY, tls=spoken(authority.server())) as server,
        pytest.raises(Failure) as failure,
    ):
        await fetch(net, to(server, authority))

    assert failure.value.reason is Reason.SIZE


async def test_an_answer_counts_though_the_request_was_not_read(
    net: Network, authority: Authority
) -> None:
    request = Request("POST", "/", (("Host", "x"),), bytes(20_000_000))
    wide = window(2**30) + window(2**30, stream=1)
    script = (settings(), Do.READ, wide, 0.05, OK + reset(0), Do.STAY)
    with raw_server(*script, tls=spoken(authority.server())) as server:
        response = await fetch(net, to(server, authority), request)

    assert response.body == b"ok"


async def test_without_leave_the_request_waits_and_nobody_is_kept_busy(
    net: Network, authority: Authority
) -> None:
    request = Request("POST", "/", (("Host", "x"),), bytes(200_000))
    with raw_server(settings(), Do.HANG, tls=spoken(authority.server())) as server:
        spent = time.thread_time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await fetch(net, to(server, authority), request)
        spent = time.thread_time() - spent

    assert spent < 0.5


async def test_first_and_last_byte_are_those_of_the_answer(
    net: Network, authority: Authority, attempt: Attempt
) -> None:
    """What the server says of itself before comes earlier."""
    script = (settings(), 0.05, ping(), 0.05, HEAD, 0.1, data(b"ok", end=True), Do.HANG)
    with raw_server(*script, tls=spoken(authority.server())) as server:
        response = await fetch(net, to(server, authority), attempt=attempt)

    assert server.sent[2] - CLOSE <= response.first_byte <= server.taken[2] + CLOSE
    assert server.sent[3] - CLOSE <= response.last_byte <= server.taken[3] + CLOSE
    assert attempt.phases["transfer"] > 0.1 - CLOSE


async def test_getting_the_request_ready_is_no_part_of_the_time(
    net: Network, authority: Authority, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(request: Request, stamps: Lines, limits: Limits) -> Stream:
        time.sleep(0.2)
        return Stream(request, stamps, limits)

    monkeypatch.setattr("prober.wire.http2.Stream", slow)
    async with h2_site(authority.server(), Reply(body=b"abc")) as site:
        connection = await net.connect(to(site, authority), attempt)
        response = await http2.exchange(connection, GET)
        connection.close()

    whole = response.last_byte - connection.started_at
    assert whole == pytest.approx(sum(attempt.phases.values()), abs=0.1)


FRAMES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [HEAD, OK, settings(), ping(), goaway(0), reset(0), data(b"x"), window(1), continuation()]
    ),
    st.builds(
        lambda kind, flags, stream, body: (
            len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body
        ),
        st.integers(0, 12), st.integers(0, 255), st.integers(0, 3), st.binary(max_size=40),
    ),
)  # fmt: skip


@how(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FRAMES, max_size=8), st.booleans())
def test_whatever_comes_is_an_answer_or_a_failure(frames: list[bytes], posts: bool) -> None:
    request = Request("POST" if posts else "GET", "/", (("Host", "x"),), b"body" * posts)
    stream = Stream(request, (), Limits())
    stream.outgoing()
    said = ""
    try:
        for frame in (settings(), *frames):
            stream.feed(frame)
            stream.payload.unpack(1000, whole=stream.done)
            stream.outgoing()
    except Failure as failure:
        said = str(failure)

    assert not stream.done or said or stream.status >= 200
