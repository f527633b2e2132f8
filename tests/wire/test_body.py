"""Codings that do not end, in every way in which one can."""

from __future__ import annotations

import gzip
import zlib

import pytest

from prober.result import Reason
from prober.wire.answer import Answer
from prober.wire.body import Inflating
from prober.wire.failure import Failure

HEAD = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
EMPTY = gzip.compress(b"")


def fed(answer: Answer, *pieces: bytes) -> int:
    """The steps it took."""
    steps = 0
    for piece in pieces:
        answer.feed(piece)
        while answer.unpack(1 << 20):
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
    assert answer.received < 120_000


def test_empty_members_are_unpacked_a_few_at_a_time() -> None:
    answer = new_answer()

    assert fed(answer, HEAD + EMPTY * 3000) > 20
    assert answer.body == b""
    assert answer.received == len(EMPTY) * 3000


@pytest.mark.parametrize("count", [127, 128, 129, 1000])
def test_many_members_are_one_body(count: int) -> None:
    answer = new_answer()
    fed(answer, HEAD + gzip.compress(b"text") * count)
    answer.end()
    answer.unpack(1)

    assert answer.body == b"text" * count


def test_what_cannot_be_packed_may_be_a_little_longer() -> None:
    """Stored as it is, in the smallest blocks that are usual."""
    packer = zlib.compressobj(0, wbits=31)
    packed = packer.compress(bytes(100_000)) + packer.flush()
    answer = new_answer(100_000)
    fed(answer, HEAD + packed)

    assert len(packed) > 100_000
    assert answer.body_length == 100_000
