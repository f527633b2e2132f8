"""Every way in which a server can answer, and not answer, one request."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prober.result import Attempt, Reason
from prober.wire.answer import Answer
from prober.wire.failure import Failure, OwnFault
from prober.wire.http1 import Limits, Request, exchange
from prober.wire.network import Endpoint, Network
from tests.servers.raw import Do, Step, raw_server
from tests.wire.ways import GET, fetch, fetch_failure

HEAD = Request("HEAD", "/", (("Host", "x"),))


def answer(body: bytes = b"ok", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    fields = b"".join(header + b"\r\n" for header in headers)
    length = b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 " + status + b"\r\n" + length + fields + b"\r\n" + body


def unsized(body: bytes, *headers: bytes) -> bytes:
    fields = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked"


async def test_a_plain_answer_is_told_whole(net: Network, attempt: Attempt) -> None:
    reply = b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 3\r\nX-A: 1\r\nx-a: \xe9\r\n\r\nabc"
    with raw_server(Do.READ, reply) as server:
        response = await fetch(net, server.port, attempt=attempt)

    assert (response.version, response.status) == ("1.1", 418)
    assert response.headers == (("Content-Length", "3"), ("X-A", "1"), ("x-a", "é"))
    assert (response.body, response.body_length, response.wire_length) == (b"abc", 3, 3)
    assert set(attempt.phases) == {"resolve", "connect", "processing", "transfer"}
    assert attempt.facts["status_code"] == 418
    assert attempt.facts["ip"] == "127.0.0.1"


async def test_the_request_is_sent_as_given_and_says_close(net: Network) -> None:
    request = Request("POST", "/a?b", (("Host", "x"), ("X-B", "ü")), b"body")
    with raw_server(Do.READ, answer()) as server:
        await fetch(net, server.port, request)

    said = "POST /a?b HTTP/1.1\r\nHost: x\r\nX-B: ü\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
    assert server.received == [said.encode()]


def test_what_is_of_one_run_comes_after_what_is_of_all() -> None:
    request = Request("POST", "/", (("Host", "x"),), b"body")

    said = request.stamped((("A", "1"), ("B", "2")))

    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: close\r\n"
    assert said == head + b"A: 1\r\nB: 2\r\n\r\nbody"


def test_a_request_does_not_show_what_may_be_secret() -> None:
    request = Request("POST", "/", (("Authorization", "hunter2"),), b"hunter2")

    assert "hunter2" not in repr(request)


def test_what_the_caller_says_of_length_and_connection_is_not_repeated() -> None:
    given_headers = (("content-LENGTH", "0"), ("connection", "upgrade"))
    assert Request("POST", "/", given_headers).head.lower().count(b"content-length") == 1
    assert Request("GET", "/", given_headers).head.count(b"onnection") == 1
    assert b"Content-Length: 0" in Request("POST", "/").head
    assert b"Content-Length" not in Request("GET", "/").head
    assert b"Content-Length: 1" in Request("GET", "/", (("X-Content-Length", "9"),), b"x").head


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\n"])
def test_a_line_break_in_a_header_is_our_own_fault(value: str) -> None:
    with pytest.raises(OwnFault, match="line break"):
        Request("GET", "/", (("X", value),))
    with pytest.raises(OwnFault, match="line break"):
        Request("GET", value)


@pytest.mark.parametrize(
    ("reply", "body", "wire_length"),
    [
        pytest.param(unsized(b"3\r\nabc\r\n0\r\n\r\n", CHUNKED), b"abc", None, id="chunked"),
        pytest.param(
            unsized(b"1;x=y\r\na\r\n2\r\nbc\r\n0\r\nX-T: t\r\n\r\n", CHUNKED),
            b"abc", None, id="extensions and trailers",
        ),
        pytest.param(unsized(b"abc"), b"abc", None, id="ended by the connection"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc", None, id="HTTP/1.0"),
        pytest.param(unsized(b""), b"", None, id="empty, ended by the connection"),
        pytest.param(answer(b"abc") + b"more", b"abc", 3, id="more than said"),
        pytest.param(answer(b"abc") + answer(b"second"), b"abc", 3, id="a second answer"),
        pytest.param(answer(b""), b"", 0, id="no body"),
        pytest.param(b"HTTP/1.1 204 No\r\n\r\n", b"", None, id="204"),
        pytest.param(b"HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", b"", 9, id="304"),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + answer(b"abc"), b"abc", 3, id="103"
        ),
        pytest.param(
            b"HTTP/1.1 100 Go on\r\nConnection: close\r\n\r\n" * 2 + answer(b"abc"),
            b"abc", 3, id="100 that says close",
        ),
        pytest.param(b"\r\n" + answer(b"abc"), b"abc", 3, id="an empty line first"),
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", b"abc", 3, id="bare LF"),
        pytest.param(
            b"HTTP/1.1 200 OK\nContent-Length: 4\n\n\r\n\r\n", b"\r\n\r\n", 4, id="bare LF, CRLF body"
        ),
        pytest.param(answer(b"abc", b"Content-Encoding: zstd"), b"abc", 3, id="unknown coding"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("pace", ["at once", "byte by byte"])
async def test_bodies(
    net: Network, reply: bytes, body: bytes, wire_length: int | None, pace: str
) -> None:
    pieces: list[Step] = [reply]
    if pace == "byte by byte":
        pieces = [step for byte in reply for step in (bytes((byte,)), 0.0005)]
    with raw_server(Do.READ, *pieces) as server:
        response = await fetch(net, server.port)

    assert (response.body, response.wire_length) == (body, wire_length)
    assert "Link" not in dict(response.headers)
    assert "X-T" not in dict(response.headers)


async def test_head_has_no_body_whatever_its_length_says(net: Network) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\nContent-Encoding: gzip\r\n\r\n"
    with raw_server(Do.READ, reply, Do.HANG) as server:
        response = await fetch(net, server.port, HEAD)

    assert (response.body, response.wire_length) == (b"", 99999999999)


async def test_switching_protocols_is_an_answer(net: Network) -> None:
    reply = b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw"
    with raw_server(Do.READ, reply, Do.HANG) as server:
        response = await fetch(net, server.port)

    assert (response.status, response.body) == (101, b"")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param([], "the server closed the connection without an answer", id="nothing"),
        pytest.param([Do.RESET], "connection reset without an answer", id="reset"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nX: y"], "closed the connection within the headers", id="half a head"
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nX: y", 0.05, Do.RESET],
            "connection reset within the headers", id="reset in the head",
        ),
        pytest.param(
            [unsized(b"0123456789", b"Content-Length: 20")],
            "the answer is cut off after 10 of 20 bytes of the body", id="cut off",
        ),
        pytest.param(
            [unsized(b"0123456789", b"Content-Length: 20"), 0.05, Do.RESET],
            "connection reset after 10 of 20 bytes of the body", id="reset in the body",
        ),
        pytest.param(
            [unsized(b"3\r\nabc\r\n", CHUNKED)],
            "the answer is cut off after 3 bytes of the body", id="last chunk missing",
        ),
        pytest.param(
            [unsized(b"3\r\nabcd\r\n0\r\n\r\n", CHUNKED)],
            "not valid HTTP: Expected LF after chunk data", id="a chunk longer than said",
        ),
        pytest.param([unsized(b"zz\r\n", CHUNKED)], "Invalid character in chunk size", id="bad chunk"),
        pytest.param(
            [unsized(b"abc", b"Content-Length: 3", b"Content-Length: 4")],
            "Duplicate Content-Length", id="two lengths",
        ),
        pytest.param([unsized(b"", b"Content-Length: -1")], "Content-Length", id="negative length"),
        pytest.param([b"<html>hello"], "it begins with b'<html>hello'", id="HTTP/0.9"),
        pytest.param([b"HTTP/0.9 200 OK\r\n\r\nx"], "HTTP/0.9 with status 200", id="says HTTP/0.9"),
        pytest.param([b"HTTP/2.0 200 OK\r\n\r\nx"], "HTTP/2.0 with status 200", id="says HTTP/2"),
        pytest.param([b"HTTP/1.1 099 OK\r\n\r\nx"], "status 99", id="status 099"),
        pytest.param([b"RTSP/1.0 200 OK\r\n\r\nx"], "the answer is not HTTP", id="another protocol"),
        pytest.param([b"SSH-2.0-OpenSSH_9\r\n", Do.HANG], "begins with b'SSH-2.0-", id="ssh"),
        pytest.param([b"\x15\x03\x01\x00\x02\x02\x46"], "which is TLS", id="TLS alert"),
        pytest.param([b"\0" * 300], r"begins with b'\x00\x00", id="zeros"),
        pytest.param(
            [answer(b"not gzip at all", b"Content-Encoding: gzip")],
            "the body is not valid gzip: incorrect header check", id="bad gzip",
        ),
        pytest.param(
            [answer(gzip.compress(b"x" * 999)[:-9], b"Content-Encoding: gzip")],
            "the body is not valid gzip: its end is missing", id="short gzip",
        ),
    ],
)  # fmt: skip
async def test_bad_answers_are_protocol_and_say_what_came(
    net: Network, script: list[Step], message: str
) -> None:
    with raw_server(Do.READ, *script) as server:
        reason, said = await fetch_failure(net, server.port)

    assert message in said
    assert reason is Reason.PROTOCOL


LINE = b"X: " + b"y" * 100 + b"\r\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([b"HTTP/1.1 200 OK\r\nX: ", b"x" * 70000, Do.HANG], id="a line without end"),
        pytest.param([b"HTTP/1.1 200 OK\r\n", LINE * 700, Do.HANG], id="many lines"),
        pytest.param([unsized(b"", b"X: " + b"x" * 65536)], id="one too long"),
        pytest.param(
            [b"HTTP/1.1 100 Go on\r\n\r\n" * 4000, Do.HANG], id="announcements without end"
        ),
        pytest.param([unsized(b"0\r\n", CHUNKED), LINE * 700, Do.HANG], id="trailers"),
        pytest.param([unsized(b"1;", CHUNKED), b"x" * 70000, Do.HANG], id="chunk extension"),
    ],
)
async def test_headers_are_limited(net: Network, script: list[Step]) -> None:
    with raw_server(Do.READ, *script) as server:
        reason, said = await fetch_failure(net, server.port)

    assert (reason, said) == (Reason.PROTOCOL, "the headers are larger than 64 KiB")


async def test_headers_up_to_the_limit_pass(net: Network) -> None:
    with raw_server(Do.READ, unsized(b"abc", b"X: " + b"x" * 64000)) as server:
        assert (await fetch(net, server.port)).body == b"abc"


BOMB = gzip.compress(bytes(50_000_000), 1)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param([answer(b"x" * 1025)], id="sized"),
        pytest.param([unsized(b"x" * 1025, b"Content-Length: 99999999999"), Do.HANG], id="huge"),
        pytest.param([unsized(b"401\r\n" + b"x" * 1025, CHUNKED), Do.HANG], id="chunked"),
        pytest.param([unsized(b"x" * 1025), Do.HANG], id="unsized"),
        pytest.param([answer(BOMB, b"Content-Encoding: gzip"), Do.HANG], id="bomb"),
    ],
)
async def test_a_larger_body_is_size(net: Network, reply: list[Step], attempt: Attempt) -> None:
    with raw_server(Do.READ, *reply) as server:
        to = Endpoint("127.0.0.1", server.port)
        failure = await fetch_failure(net, to, limits=Limits(body=1024), attempt=attempt)

    assert failure == (Reason.SIZE, "the body is larger than 1 KiB")
    assert attempt.facts["status_code"] == 200


async def test_a_bomb_is_size_though_little_of_it_was_sent(net: Network) -> None:
    with raw_server(Do.READ, answer(BOMB, b"Content-Encoding: gzip")) as server:
        reason, _ = await fetch_failure(net, server.port, limits=Limits(body=1_000_000))

    assert len(BOMB) < 1_000_000
    assert reason is Reason.SIZE


async def test_a_body_of_exactly_the_limit_passes(net: Network) -> None:
    packed = answer(gzip.compress(b"x" * 1024), b"Content-Encoding: gzip")
    for reply in (answer(b"x" * 1024), packed):
        with raw_server(Do.READ, reply) as server:
            assert (await fetch(net, server.port, limits=Limits(body=1024))).body_length == 1024


async def test_unpacking_a_lot_leaves_turns_to_others(net: Network) -> None:
    """The bomb is 50 MB of zeros: about 100 ms of work in one go."""
    turns, stop = 0, False

    async def other() -> None:
        nonlocal turns
        while not stop:
            turns += 1
            await asyncio.sleep(0)

    with raw_server(Do.READ, answer(BOMB, b"Content-Encoding: gzip")) as server:
        task = asyncio.create_task(other())
        response = await fetch(net, server.port, limits=Limits(body=60_000_000))
        stop = True
        await task

    assert response.body == bytes(50_000_000)
    assert turns > 40


async def test_a_flood_leaves_turns_to_the_deadline(net: Network) -> None:
    flood: list[Step] = [b"x" * 1_000_000] * 2000
    with raw_server(Do.READ, unsized(b""), *flood) as server:
        connection = await net.connect(
            Endpoint("127.0.0.1", server.port), Attempt(run_id="", traceparent="")
        )
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await exchange(connection, GET, Limits(body=1 << 40))
        finally:
            connection.close()


RAW_DEFLATE = zlib.compressobj(wbits=-15)
TEXT = b"hello, " * 500


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        pytest.param("gzip", gzip.compress(TEXT), id="gzip"),
        pytest.param("X-GZIP ", gzip.compress(TEXT), id="by its old name"),
        pytest.param("gzip", gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]), id="two members"),
        pytest.param("gzip", gzip.compress(TEXT) + b"\0\0\0", id="padding after it"),
        pytest.param("deflate", zlib.compress(TEXT), id="zlib"),
        pytest.param("deflate", RAW_DEFLATE.compress(TEXT) + RAW_DEFLATE.flush(), id="raw"),
    ],
)
@pytest.mark.parametrize("pace", ["at once", "byte by byte"])
async def test_codings_are_undone(net: Network, coding: str, packed: bytes, pace: str) -> None:
    reply = answer(packed, f"Content-Encoding: {coding}".encode())
    pieces = [reply] if pace == "at once" else [bytes((byte,)) for byte in reply]
    with raw_server(Do.READ, *pieces) as server:
        response = await fetch(net, server.port)

    assert response.body == TEXT
    assert (response.body_length, response.wire_length) == (len(TEXT), len(packed))


async def test_no_body_has_no_coding(net: Network) -> None:
    with raw_server(Do.READ, answer(b"", b"Content-Encoding: gzip")) as server:
        assert (await fetch(net, server.port)).body == b""


async def test_an_early_answer_counts_though_the_request_was_not_taken(net: Network) -> None:
    request = Request("POST", "/", (("Host", "x"),), b"x" * 20_000_000)
    with raw_server(Do.READ, answer(b"too much", status=b"413 Too Large"), 0.05) as server:
        response = await fetch(net, server.port, request)

    assert (response.status, response.body) == (413, b"too much")


async def test_a_large_request_arrives_whole(net: Network) -> None:
    request = Request("POST", "/", (("Host", "x"),), b"x" * 3_000_000)
    with raw_server(Do.READ, answer(b"ok"), Do.HANG) as server:
        assert (await fetch(net, server.port, request)).body == b"ok"


@pytest.mark.parametrize(
    ("script", "during"),
    [
        pytest.param([Do.HANG], "processing", id="silence"),
        pytest.param([b"HTTP/1.1 200 OK\r\n", Do.HANG], "transfer", id="half an answer"),
        pytest.param(
            [unsized(b""), *(step for _ in range(400) for step in (b"x", 0.01))],
            "transfer", id="drip",
        ),
    ],
)  # fmt: skip
async def test_what_never_ends_is_ended_by_the_caller(
    net: Network, attempt: Attempt, script: list[Step], during: str
) -> None:
    with raw_server(Do.READ, *script) as server:
        connection = await net.connect(Endpoint("127.0.0.1", server.port), attempt)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.15):
                await exchange(connection, GET)
        connection.close()

    assert attempt.during == during
    assert 0.14 < sum(attempt.phases.values()) < 2


def test_chunks_that_say_more_beside_the_body_than_in_it_end() -> None:
    """Each extension alone is within the limit of a head."""
    answer = Answer(head_only=False, head_limit=1000, body_limit=1_000_000)
    answer.feed(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n")

    answer.feed(b"1;" + b"x" * 900 + b"\r\ny\r\n")
    with pytest.raises(Failure, match="larger than 1000 bytes") as failure:
        answer.feed(b"1;" + b"x" * 900 + b"\r\ny\r\n")

    answer.forget()
    assert failure.value.reason is Reason.PROTOCOL


@pytest.mark.parametrize(
    ("lines", "body", "length"),
    [
        ([b"Content-Length: 9", CHUNKED], b"2\r\nok\r\n0\r\n\r\n", None),
        ([CHUNKED, b"Content-Length: 2"], b"2\r\nok\r\n0\r\n\r\n", None),
        ([b"X: folded", b"  once", b"Content-Length: 2"], b"ok", 2),
        ([b"X: a\0b", b"Content-Length: 2"], b"ok", 2),
    ],
    ids=["length and chunks", "chunks and length", "folded", "NUL"],
)
def test_what_browsers_read_on_at_is_an_answer(
    lines: list[bytes], body: bytes, length: int | None
) -> None:
    answer = Answer(head_only=False, head_limit=1000, body_limit=1000)
    answer.feed(unsized(body, *lines))
    answer.payload.unpack(1 << 20, whole=answer.done)

    assert (answer.done, answer.payload.body, answer.wire_length) == (True, b"ok", length)


def test_the_smallest_chunks_are_a_body() -> None:
    answer = Answer(head_only=False, head_limit=1000, body_limit=1_000_000)
    answer.feed(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n\r\n")
    for _ in range(2000):
        answer.feed(b"1;a=b\r\ny\r\n")
    answer.feed(b"0\r\n\r\n")
    answer.payload.unpack(1 << 20, whole=answer.done)

    assert (answer.done, answer.payload.length) == (True, 2000)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5), st.booleans())
def test_no_bytes_break_the_parser(tail: bytes, cuts: list[int], chunked: bool) -> None:
    """Whatever comes, it is an answer, half of one, or a Failure."""
    data = unsized(tail, CHUNKED if chunked else b"Content-Encoding: deflate")
    edges = [0, *sorted(cuts), len(data)]
    whole = Answer(head_only=False, head_limit=1000, body_limit=1000)

    with suppress(Failure):
        for start, end in pairwise(edges):
            if start < end and not whole.done:
                whole.feed(data[start:end])
                while whole.payload.is_packed and whole.payload.unpack(64, whole=whole.done):
                    pass

    whole.forget()
    assert len(whole.payload.body) <= whole.payload.length <= 1001
