"""What an HTTP answer shows of itself: lengths, and when the document was last changed."""

from __future__ import annotations

import gzip
import zlib
from datetime import datetime

import pytest

from prober.result import Outcome
from tests.probes.looking import look_at
from tests.servers.http import answers, peer, reply, site


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("gzip", gzip.compress(b"all ok" * 99, mtime=0)), ("deflate", zlib.compress(b"all ok" * 99))],
)
async def test_a_packed_body_is_unpacked_and_both_lengths_are_facts(
    coding: str, packed: bytes
) -> None:
    async with site({"/": reply(200, packed, {"Content-Encoding": coding})}) as shop:
        seen = await look_at(shop.url(), expect={"body": {"contains": "all ok"}})

    assert seen.finding.outcome is Outcome.UP
    assert seen.facts["content_length"] == len(packed)
    assert seen.facts["uncompressed_body_length"] == 594


async def test_of_a_chunked_body_the_length_received_counts() -> None:
    chunks = b"3\r\nall\r\n3\r\n ok\r\n0\r\n\r\n"
    async with peer(
        answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    ) as port:
        seen = await look_at(f"http://127.0.0.1:{port}/")

    assert seen.facts["content_length"] == seen.facts["uncompressed_body_length"] == 6


async def test_of_a_packed_body_without_a_length_the_bytes_on_the_wire_count() -> None:
    packed = gzip.compress(b"all ok" * 99, mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    async with peer(answers(head + packed)) as port:
        seen = await look_at(f"http://127.0.0.1:{port}/")

    assert seen.facts["content_length"] == len(packed)
    assert seen.facts["uncompressed_body_length"] == 594


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Fri, 31 Dec 9998 23:59:59 GMT", 9998),
        ("Wed, 31 Dec 1969 23:59:59 GMT", None),
        ("Wed, 01 Jan 2025 00:30:00 +0100", 2024),
        ("Wed, 01 Jan 2025 00:00:00 +99999999999999999999", None),
        ("Wed, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("yesterday", None),
    ],
)
async def test_a_last_modified_that_is_no_moment_is_no_fact(written: str, year: int | None) -> None:
    async with site({"/": reply(200, b"", {"Last-Modified": written})}) as shop:
        seen = await look_at(shop.url())

    assert seen.finding.outcome is Outcome.UP
    modified = seen.facts.get("last_modified")
    assert (modified.year if isinstance(modified, datetime) else None) == year
    assert seen.result.to_json()["outcome"] == "up"


async def test_a_head_request_has_no_body() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    async with peer(answers(head)) as port:
        seen = await look_at(f"http://127.0.0.1:{port}/", method="HEAD")

    assert seen.finding.outcome is Outcome.UP
    assert seen.facts["uncompressed_body_length"] == 0


async def test_a_body_that_ends_with_the_connection_is_whole() -> None:
    async with peer(answers(b"HTTP/1.0 200 OK\r\n\r\nall ok")) as port:
        seen = await look_at(f"http://127.0.0.1:{port}/", expect={"body": {"matches": "ok$"}})

    assert seen.finding.outcome is Outcome.UP
    assert (seen.facts["http_version"], seen.facts["content_length"]) == ("1.0", 6)
