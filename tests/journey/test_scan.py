"""A secret is found in bytes however it got there, and nothing is taken for one."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from urllib.parse import quote

import pytest

from prober.journey import scan
from prober.journey.scan import Scanner

SECRET = "p/ss & wörd-77"
RAW = SECRET.encode()


def packed(data: bytes, name: str = "inner.bin") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


HIDDEN = {
    "plain": RAW,
    "in a URL": quote(SECRET, safe="").encode(),
    "base64": base64.b64encode(RAW),
    "base64 behind one byte": base64.b64encode(b":" + RAW + b"and more"),
    "base64 behind two": base64.b64encode(b"me" + RAW),
    "base64 of URLs": base64.urlsafe_b64encode(b"user:" + RAW),
    "hex": RAW.hex().encode(),
    "upper hex": RAW.hex().upper().encode(),
    "UTF-16": SECRET.encode("utf-16"),
    "gzip": gzip.compress(b"x" + RAW),
    "zip": packed(RAW),
    "the name of a file": packed(b"", name=SECRET),
    "zip in gzip in zip": packed(gzip.compress(packed(RAW))),
    "the second of two gzip files": gzip.compress(b"first") + gzip.compress(RAW),
    "binary": bytes(range(256)) + RAW + bytes(range(256)),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_secret_is_found(name: str) -> None:
    scanner = Scanner([SECRET])

    assert scanner.finds(HIDDEN[name])
    assert not scanner.finds(HIDDEN[name].replace(b"s", b"_").replace(b"S", b"_")[:4])
    assert not Scanner(["another-secret"]).finds(HIDDEN[name])


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"code 123456.", True),
        (b'"123456"', True),
        (b"user123456", True),
        (b"1234567", False),
        (b"9123456", False),
        (b"1795252123456.25", False),
        (b"0.123456", False),
        (b"123456.5", False),
    ],
)
def test_a_number_is_found_where_it_stands_alone(data: bytes, found: bool) -> None:
    assert Scanner(["123456"]).finds(data) is found


def test_what_cannot_be_looked_through_is_taken_for_a_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scan, "UNPACKED", 100)

    for data in (gzip.compress(bytes(1000)), packed(bytes(1000))):
        assert Scanner([SECRET]).finds(data)


def damaged(data: bytes, at: bytes, offset: int, value: int) -> bytes:
    """The archive with another byte so far behind the last place where `at` stands."""
    place = data.rindex(at) + offset
    return data[:place] + bytes([value]) + data[place + 1 :]


@pytest.mark.parametrize(
    "data",
    [
        damaged(packed(b"x"), b"PK\x01\x02", 8, 1),  # encrypted, it says
        damaged(packed(b"x"), b"PK\x01\x02", 10, 93),  # packed in a way that is not known here
        damaged(packed(b"x"), b"PK\x01\x02", 16, 77),  # another checksum
        gzip.compress(b"x" * 99)[:10] + b"\xff" * 20,
        packed(packed(packed(packed(b"x")))),  # deeper than anybody looks
        gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"x")))),
    ],
    ids=["encrypted", "unknown", "checksum", "broken gzip", "deep", "deep gzip"],
)
def test_an_archive_that_does_not_let_itself_be_read_is_taken_for_a_secret(data: bytes) -> None:
    assert Scanner([SECRET]).finds(data)


def test_an_archive_that_can_be_read_and_holds_none_is_none() -> None:
    assert not Scanner([SECRET]).finds(packed(gzip.compress(packed(b"x"))))
    assert not Scanner([SECRET]).finds(gzip.compress(b"a") + gzip.compress(b"b"))


@pytest.mark.parametrize("data", [b"\x1f\x8bno gzip", b"PK\x03\x04no zip", packed(b"x" * 99)[:60]])
def test_what_only_looks_like_an_archive_is_bytes(data: bytes) -> None:
    assert not Scanner([SECRET]).finds(data)


def test_without_secrets_nothing_is_found() -> None:
    assert not Scanner([]).finds(RAW)
    assert not Scanner(["ab"]).finds(b"ab")
