"""What has come of an HTTP/1.1 response so far? Without any I/O.

httptools finds the pieces and calls back. It does not know of HEAD, nor that
a body without a length ends with the connection; a 103 it takes for a whole
message. All of that is decided here.
"""

from __future__ import annotations

import httptools

from prober.result import Reason
from prober.wire.failure import QUOTED, Failure, quoted
from prober.wire.payload import Payload, show_size

_MOST_HEADERS = 1000  # each is a call of Python from the parser
_CAREFUL, _LARGE = 16384, 65536  # bytes to feed at once, with and without such calls
_FRAMING = 16  # bytes beside each byte of a body, at most: a chunk of one byte has five
_VERSIONS = ("1.0", "1.1")
_TELLING_LENGTHS = frozenset(map(len, ("content-length", "transfer-encoding", "content-encoding")))


def _has_bare_lf(data: bytes) -> bool:
    """In the head, as far as `data` shows it."""
    end = data.find(b"\r\n\r\n")
    end = end if end >= 0 else len(data)
    return data.count(b"\n", 0, end) != data.count(b"\r\n", 0, end)


class Answer:
    """Fed with bytes until it is `done`. Raises Failure for what cannot be the answer."""

    version = ""
    status = 0
    headers: tuple[tuple[str, str], ...] = ()
    wire_length: int | None = None
    done = False
    _believed = False
    _chunked = False
    _first = b""
    _came = 0  # bytes of the body, unpacked or not
    _beside = 0  # all other bytes: headers, framing, trailers

    def __init__(self, head_only: bool, head_limit: int, body_limit: int) -> None:
        self._head_only = head_only
        self._head_limit = head_limit
        self.payload = Payload(body_limit)
        self._parser = httptools.HttpResponseParser(self)
        # A folded header, and a length beside chunks: every browser reads on, by RFC 9112, 5.2 and 6.3.
        self._parser.set_dangerous_leniencies(lenient_headers=True, lenient_chunked_length=True)
        self._fields: list[tuple[str, str]] = []

    @property
    def digestible(self) -> int:
        """How much to feed at once, so that it takes a few milliseconds at most."""
        return _LARGE if self.status and not self._chunked else _CAREFUL

    def feed(self, data: bytes) -> None:
        if len(self._first) <= QUOTED:
            self._first = (self._first + data)[: QUOTED + 1]
        if not self.status and _has_bare_lf(data):
            # It ends a line for every browser.
            self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # a 101, which is the answer
        except httptools.HttpParserError as error:
            if not self.done:
                raise self._not_http(str(error)) from error
        self._check(len(data))

    def _check(self, size: int) -> None:
        """What it says of itself, and that it does not go on for ever beside its body."""
        if self.status and not self._believed:
            raise self._not_http(f"HTTP/{self.version} with status {self.status}")
        if len(self._fields) > _MOST_HEADERS or len(self.headers) > _MOST_HEADERS:
            raise Failure(Reason.PROTOCOL, f"there are more than {_MOST_HEADERS} headers")
        self._beside += size
        if self._beside > self._head_limit and self._is_endless():
            limit = show_size(self._head_limit)
            raise Failure(Reason.PROTOCOL, f"the headers are larger than {limit}")
        if self.wire_length and not self.done:
            self.payload.expect(self.wire_length)

    def _is_endless(self) -> bool:
        """Does it go on beside its body: in its head, or between chunks?"""
        head = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if self.done or head > self._head_limit:
            return head > self._head_limit
        return self._beside > self._head_limit + _FRAMING * self._came

    @property
    def _says_http(self) -> bool:
        return self._first.lstrip().startswith(b"HTTP/")

    def _not_http(self, why: str) -> Failure:
        if self._says_http:
            return Failure(Reason.PROTOCOL, f"the answer is not valid HTTP: {why}")
        hint = ", which is TLS" if self._first[:1] in (b"\x15", b"\x16") else ""
        said = f"the answer is not HTTP, it begins with {quoted(self._first)}{hint}"
        return Failure(Reason.PROTOCOL, said)

    def end(self, cut_short: bool = False) -> None:
        """The peer has closed the connection, or (`cut_short`) somebody has, without its goodbye.

        Where only its end tells that a body is complete, it has to be the peer's own (RFC 9112,
        9.8).
        """
        if not self.status:
            raise Failure(Reason.PROTOCOL, f"the server closed the connection {self.progress}")
        if self._chunked or self.wire_length is not None:
            raise Failure(Reason.PROTOCOL, f"the answer is cut off {self.progress}")
        if cut_short:
            why = f"the TLS connection ended without a goodbye {self.progress}"
            raise Failure(Reason.PROTOCOL, f"the answer is cut off: {why}")
        self.done = True

    @property
    def progress(self) -> str:
        """How far it has come, as the end of a sentence."""
        if not self._first:
            return "without an answer"
        if not self.status:
            return "within the headers"
        of = "" if self.wire_length is None else f" of {self.wire_length}"
        return f"after {self.payload.received}{of} bytes of the body"

    def forget(self) -> None:
        """Parser and callbacks hold each other: this spares the garbage collector the search."""
        del self._parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self.status:
            return  # a message after the answer
        if 100 <= status < 200 and status != 101:
            # It only announces the answer, even if it says that the connection closes.
            self._parser.set_dangerous_leniencies(lenient_keep_alive=True)
            self._fields = []
            return
        self.status = status
        self.version = self._parser.get_http_version()
        self._believed = status >= 100 and self.version in _VERSIONS and self._says_http
        self.headers = tuple(self._fields)
        self._fields = []  # what comes now are trailers
        self.done = self._head_only
        for name, value in self.headers:
            if len(name) in _TELLING_LENGTHS:
                self._heed(name.lower(), value)
        if self._chunked:
            self.wire_length = None

    def _heed(self, name: str, value: str) -> None:
        if name == "content-length":
            self.wire_length = int(value)
        elif name == "transfer-encoding":
            self._chunked = "chunked" in value.lower()
        elif name == "content-encoding":
            self.payload.coded(value)

    def on_body(self, data: bytes) -> None:
        if not self.done:
            self.payload.pieces.append(data)
            self._came += len(data)
            self._beside -= len(data)

    def on_message_complete(self) -> None:
        self.done = self.done or bool(self.status)
