from __future__ import annotations

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from prober.export.pack import HEAD, Gzip, packed

TEXTS = st.lists(st.binary(max_size=2000))


def whole(texts: list[bytes]) -> bytes:
    file = Gzip()
    return HEAD + file.of(map(packed, texts)) + file.end()


@given(TEXTS)
def test_parts_that_were_packed_apart_are_one_gzip_file(texts: list[bytes]) -> None:
    assert gzip.decompress(whole(texts)) == b"".join(texts)


@given(st.integers(0, 300_000), st.binary(max_size=20))
def test_the_checksum_goes_past_a_part_of_any_length(size: int, more: bytes) -> None:
    assert gzip.decompress(whole([b"a", b"b" * size, more])) == b"a" + b"b" * size + more


def test_it_is_one_member_for_those_who_read_no_second_one() -> None:
    reader = zlib.decompressobj(wbits=31)

    assert reader.decompress(whole([b"one", b"two"])) == b"onetwo"
    assert reader.eof
    assert reader.unused_data == b""


def test_a_part_is_used_again_as_often_as_one_likes() -> None:
    part, file = packed(b"line\n" * 100), Gzip()
    texts = [HEAD, file.of([part, part]), file.of([part]), file.end()]

    assert gzip.decompress(b"".join(texts)) == b"line\n" * 300
    assert len(part.data) < 40
