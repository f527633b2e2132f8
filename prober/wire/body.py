"""What a body says once its Content-Encoding is undone, and never more of it than is wanted.

A few kilobytes can unpack to gigabytes: a decoder gives at most what it is
asked for, or little more, and whoever asks stops when it is too much.
"""

from __future__ import annotations

import zlib
from typing import Protocol

import brotli

from prober.result import Reason
from prober.wire.failure import Failure

_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's numbers for the three wrappings
_MAGIC = b"\x1f\x8b"
_MEMBERS = 128  # of gzip to unpack at a time: about a millisecond, however empty they are
_CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


class Decoder(Protocol):
    """`more`: ask again, with b"", before anything else is handed in."""

    more: bool

    def decode(self, data: bytes, limit: int) -> bytes:
        """About `limit` bytes (at least 1) at most. Raises Failure."""
        ...

    def finish(self) -> None:
        """Raises Failure where the end is missing. No body at all has no end."""
        ...


class Inflating:
    """gzip (several members in a row are one body), zlib, or the bare deflate some servers send."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._inflate = None if coding == "deflate" else zlib.decompressobj(_GZIP)
        self._held = b""  # not looked at yet: more than was asked for, or a byte that says nothing
        self._begun = False
        self._ended = False
        self.more = False  # ask again, with b""

    def decode(self, data: bytes, limit: int) -> bytes:
        """At most `limit` bytes (at least 1), of a few members. Raises Failure."""
        if self._ended:
            return b""
        pending, self.more = self.more, False
        data = self._held + data
        self._begun = self._begun or bool(data)
        plain: list[bytes] = []
        for _ in range(_MEMBERS):
            inflate = self._current(data) if data or pending else None
            if inflate is None:
                break
            piece = self._unpack(inflate, data, limit)
            plain.append(piece)
            limit -= len(piece)
            data = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
            self.more = pending = limit == 0  # zlib may hold plain text with no input left
            if self.more:
                break
        else:
            self.more = bool(data)
        self._held = b"" if self._ended else data
        return b"".join(plain)

    def _current(self, data: bytes) -> zlib._Decompress | None:
        """What `data` is to be unpacked with; None for padding, or before it can be told."""
        if self._inflate is None or self._inflate.eof:
            if len(data) < 2:
                return None
            self._open(data)
        return None if self._ended else self._inflate

    def _unpack(self, inflate: zlib._Decompress, data: bytes, limit: int) -> bytes:
        try:
            return inflate.decompress(data, limit)
        except zlib.error as error:
            raise self._invalid(str(error).rpartition(": ")[2]) from error

    def finish(self) -> None:
        """Raises Failure where the end is missing. No body at all has no end."""
        if self._begun and (self._inflate is None or not self._inflate.eof):
            raise self._invalid("its end is missing")

    def _open(self, data: bytes) -> None:
        """What begins with `data`: the body, another member of it, or padding that nobody reads."""
        if self._inflate is None:
            zlib_header = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._inflate = zlib.decompressobj(_ZLIB if zlib_header else _RAW)
        elif self._coding == "gzip" and data.startswith(_MAGIC):
            self._inflate = zlib.decompressobj(_GZIP)
        else:
            self._ended = True

    def _invalid(self, why: str) -> Failure:
        return Failure(Reason.PROTOCOL, f"the body is not valid {self._coding}: {why}")


class _Brotli(Protocol):
    """What we use of `brotli.Decompressor`, which is not typed."""

    def process(self, data: bytes, output_buffer_limit: int) -> bytes: ...

    def can_accept_more_data(self) -> bool: ...

    def is_finished(self) -> bool: ...


class Brotli:
    """br (RFC 7932). It gives up to twice what it is asked for, and never less than 32 KiB."""

    def __init__(self) -> None:
        self._unpack: _Brotli = brotli.Decompressor()
        self._begun = False
        self.more = False

    def decode(self, data: bytes, limit: int) -> bytes:
        if not data and not self.more:
            return b""
        self._begun = True
        try:
            plain = self._unpack.process(data, output_buffer_limit=limit)
        except brotli.error as error:
            raise Failure(Reason.PROTOCOL, "the body is not valid br") from error
        self.more = len(plain) >= limit or not self._unpack.can_accept_more_data()
        return plain

    def finish(self) -> None:
        if self._begun and not self._unpack.is_finished():
            raise Failure(Reason.PROTOCOL, "the body is not valid br: its end is missing")


def decoder(content_encoding: str) -> Decoder | None:
    """None for no coding, or one that we do not know: it is left as it is."""
    coding = content_encoding.strip().lower()
    if coding == "br":
        return Brotli()
    packed = _CODINGS.get(coding)
    return Inflating(packed) if packed else None
