"""Codings that do not end, in every way in which one can."""

from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib

import brotli
import pytest

from prober.result import Reason
from prober.wire.answer import Answer
from prober.wire.body import Brotli, Inflating
from prober.wire.failure import Failure

HEAD = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
EMPTY = gzip.compress(b"")


def fed(answer: Answer, *pieces: bytes) -> int:
    """The steps it took."""
    steps = 0
    for piece in pieces:
        answer.feed(piece)
        while answer.payload.unpack(1 << 20, whole=answer.done):
            steps += 1
        steps += 1
    return steps


def new_answer(limit: int = 100_000) -> Answer:
    return Answer(head_only=False, head_limit=65536, body_limit=limit)


def test_nothing_is_kept_of_what_follows_the_end() -> None:
    inflating = Inflating("gzip")

    assert inflating.decode(gzip.compress(b"text") + b"\0" * 5000, 1000) == b"text"
    for _ in range(3):
        assert inflating.decode(b"x" * 5000, 1000) == b""

    assert inflating._held == b""
    assert not inflating.more
    inflating.finish()


@pytest.mark.parametrize("endless", [b"\0" * 10_000, EMPTY * 500], ids=["padding", "members"])
def test_what_unpacks_to_nothing_counts_as_it_came(endless: bytes) -> None:
    answer = new_answer()

    with pytest.raises(Failure) as failure:
        fed(answer, HEAD + gzip.compress(b"text"), *([endless] * 20))

    assert failure.value.reason is Reason.SIZE
    assert answer.payload.received < 120_000


def test_empty_members_are_unpacked_a_few_at_a_time() -> None:
    answer = new_answer()

    assert fed(answer, HEAD + EMPTY * 3000) > 20
    assert answer.payload.body == b""
    assert answer.payload.received == len(EMPTY) * 3000


@pytest.mark.parametrize("count", [127, 128, 129, 1000])
def test_many_members_are_one_body(count: int) -> None:
    answer = new_answer()
    fed(answer, HEAD + gzip.compress(b"text") * count)
    answer.end()
    answer.payload.unpack(1, whole=True)

    assert answer.payload.body == b"text" * count


def test_what_cannot_be_packed_may_be_a_little_longer() -> None:
    """Stored as it is, in the smallest blocks that are usual."""
    packer = zlib.compressobj(0, wbits=31)
    packed = packer.compress(bytes(100_000)) + packer.flush()
    answer = new_answer(100_000)
    fed(answer, HEAD + packed)

    assert len(packed) > 100_000
    assert answer.payload.length == 100_000


ZEROS = bytes(30_000_000)
BOMBS = {
    "br": brotli.compress(ZEROS, quality=4),
    "gzip": gzip.compress(ZEROS, 6),
    "deflate": zlib.compress(ZEROS, 6),
}


@pytest.mark.parametrize("coding", BOMBS)
@pytest.mark.parametrize("at_once", [1 << 20, 1000])
def test_a_bomb_is_not_unpacked_beyond_the_limit(coding: str, at_once: int) -> None:
    answer = new_answer(1 << 20)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n\r\n" % coding.encode()
    bomb = BOMBS[coding]
    tracemalloc.start()
    try:
        with pytest.raises(Failure) as failure:
            fed(
                answer,
                head,
                *(bomb[start : start + at_once] for start in range(0, len(bomb), at_once)),
            )
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert failure.value.reason is Reason.SIZE
    assert str(failure.value) == "the body is larger than 1 MiB"
    assert most < 8 << 20


MIXED = [b"", b"text", random.Random(1).randbytes(1000) * 50, bytes(300_000)]


@pytest.mark.parametrize("plain", MIXED)
@pytest.mark.parametrize("limit", [1, 100, 1 << 20])
@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_br_unpacks_however_it_comes(plain: bytes, limit: int, size: int) -> None:
    packed = brotli.compress(plain)
    unpacking, got = Brotli(), b""
    for start in range(0, len(packed), size):
        got += unpacking.decode(packed[start : start + size], limit)
        while unpacking.more:
            got += unpacking.decode(b"", limit)
    unpacking.finish()

    assert got == plain


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (brotli.compress(b"text" * 99)[:-2], "the body is not valid br: its end is missing"),
        (b"<html>nothing packed</html>", "the body is not valid br"),
        (brotli.compress(b"text") + b"more", "the body is not valid br"),
    ],
)
def test_bad_br_is_protocol(body: bytes, said: str) -> None:
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    with pytest.raises(Failure) as failure:
        fed(new_answer(), b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n" + length + body)

    assert (failure.value.reason, str(failure.value)) == (Reason.PROTOCOL, said)


def test_no_body_at_all_needs_no_end() -> None:
    answer = new_answer()
    fed(answer, b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 0\r\n\r\n")

    assert (answer.done, answer.payload.body) == (True, b"")
