"""Whatever a server makes of a good answer: a verdict comes of it, and never much is read for it.

`corpus/` holds answers, good and bad, that are replayed each time and that new
ones are made from. What once went wrong is put there under a name of its own.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prober.clock import SystemClock
from prober.probes import http
from prober.probes.http import HttpCheck
from prober.result import Attempt, Finding, Outcome, Reason
from prober.wire.connection import Connection
from prober.wire.network import Network

FILES = sorted((Path(__file__).parent / "corpus").glob("*.bin"))
CORPUS = [path.read_bytes() for path in FILES]
LIMIT = 64 * 1024  # of the body; the head has as much
MOST = 4 * LIMIT  # bytes that may be read for any verdict
BOUND = 20.0  # seconds; nothing here should take one
EXPECT = {
    "status": ["1xx", "2xx"],
    "headers": {"Content-Type": {"exists": True}},
    "body": {"matches": "o", "not_contains": "down"},
    "json": {"$.status": "ok"},
}
WORDS = [
    b"\r\n", b"\n", b"\r", b"\0", b"\xff", b"\r\n\r\n", b"-1", b"0\r\n\r\n", b"ffffffffffffffff\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: 99999999999\r\n", b"Content-Length: 5, 6\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"Content-Encoding: gzip\r\n", b"Content-Encoding: br\r\n", b"Content-Encoding: deflate\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n", b"HTTP/2 200\r\n\r\n",
    b"Connection: upgrade\r\nUpgrade: x\r\n", b"Content-Type: text/html; charset=utf-16\r\n",
    b"Last-Modified: Sat, 31 Feb 99999 99:99:99 GMT\r\n", b"Set-Cookie: ;=;\r\n", b"x" * 5000,
    gzip.compress(b"ok"), gzip.compress(bytes(200_000)),
]  # fmt: skip


@dataclass(slots=True)
class Bench:
    """A server that sends `answer`, then `more` until the client goes, and a prober that asks it."""

    port: int = 0
    answer: bytes = b""
    more: bytes = b""
    read: int = 0
    check: HttpCheck | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            await writer.drain()
            while self.more:
                writer.write(self.more)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the prober knows enough
        finally:
            writer.transport.abort() if self.more else writer.close()

    async def judge(self, answer: bytes, more: bytes = b"") -> Finding:
        self.answer, self.more, self.read = answer, more, 0
        assert self.check is not None
        net = Network(SystemClock())
        attempt = Attempt(run_id="R", traceparent="T")
        try:
            async with asyncio.timeout(BOUND):
                return await http.probe(self.check, attempt, net)
        finally:
            net.close()
            self.more = b""


@pytest.fixture(scope="module")
def bench() -> Iterator[tuple[asyncio.Runner, Bench]]:
    with asyncio.Runner() as runner, counted() as made:
        server = runner.run(start(made))
        yield runner, made
        server.close()


async def start(bench: Bench) -> asyncio.Server:
    server = await asyncio.start_server(bench.serve, "127.0.0.1", 0)
    bench.port = server.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{bench.port}/"
    written = {"url": url, "redirects": 0, "max_body": LIMIT, "expect": EXPECT}
    bench.check = HttpCheck.model_validate({"name": "shop", "http": written})
    return server


@contextmanager
def counted() -> Iterator[Bench]:
    """Notes what every connection reads."""
    bench, patch, take = Bench(), pytest.MonkeyPatch(), Connection._take

    def noting(self: Connection, limit: int) -> bytes | None:
        data = take(self, limit)
        bench.read += len(data or b"")
        return data

    patch.setattr(Connection, "_take", noting)
    try:
        yield bench
    finally:
        patch.undo()


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """An answer of the corpus, cut, flipped, spliced with others and stuffed with words."""
    data = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(data)))
        until = min(len(data), at + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["cut", "flip", "drop", "twice", "splice", "word"])):
            case "cut":
                data = data[:at]
            case "flip":
                flips = draw(st.integers(1, 255))
                data = (
                    data[:at] + bytes(byte ^ flips for byte in data[at : at + 1]) + data[at + 1 :]
                )
            case "drop":
                data = data[:at] + data[until:]
            case "twice":
                data = data[:until] + data[at:]
            case "splice":
                other = draw(st.sampled_from(CORPUS))
                data = data[:at] + other[draw(st.integers(0, len(other))) :]
            case _:
                data = data[:at] + draw(st.sampled_from(WORDS)) + data[at:]
    return data[: 2 * LIMIT]


def is_verdict(finding: Finding) -> bool:
    """Of the peer: nothing that it says is a fault of ours."""
    if finding.outcome is Outcome.UP:
        return finding.reason is None
    return finding.outcome is Outcome.DOWN and bool(finding.message) and finding.reason in REASONS


REASONS = {
    Reason.PROTOCOL, Reason.REDIRECT, Reason.STATUS, Reason.HEADER, Reason.BODY, Reason.JSON, Reason.SIZE,
}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_an_answer_of_the_corpus_is_judged_as_its_name_says(
    bench: tuple[asyncio.Runner, Bench], path: Path
) -> None:
    runner, subject = bench
    finding = runner.run(subject.judge(path.read_bytes()))

    assert (finding.outcome is Outcome.UP) is path.stem.startswith("good_")
    assert is_verdict(finding)
    assert subject.read <= MOST


@settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=mangled())
def test_no_answer_breaks_the_probe(bench: tuple[asyncio.Runner, Bench], data: bytes) -> None:
    runner, subject = bench
    finding = runner.run(subject.judge(data))

    assert is_verdict(finding), finding
    assert subject.read <= MOST


@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=mangled(), tail=st.integers(1, 300))
def test_no_answer_is_read_for_ever(
    bench: tuple[asyncio.Runner, Bench], data: bytes, tail: int
) -> None:
    """The end of the answer, over and over: however that reads, a verdict comes soon."""
    runner, subject = bench
    again = (data[-tail:] or b"x") * (1 + 16384 // tail)
    finding = runner.run(subject.judge(data, again))

    assert is_verdict(finding), finding
    # Each byte of a chunked body may bring a chunk's whole frame with it.
    frames = LIMIT * (tail + 16) if b"chunked" in data.lower() else 0
    assert subject.read <= MOST + frames
