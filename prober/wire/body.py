"""What a body says once its Content-Encoding is undone, and never more of it than is wanted.

A few kilobytes can unpack to gigabytes: a decoder gives at most what it is
asked for, and whoever asks stops when it is too much.
"""

from __future__ import annotations

import zlib

from prober.result import Reason
from prober.wire.failure import Failure

_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's numbers for the three wrappings
_MAGIC = b"\x1f\x8b"
_MEMBERS = 128  # of gzip to unpack at a time: about a millisecond, however empty they are
_CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


class Plain:
    """No coding, or one that we do not know: left as it is."""

    more = False

    def decode(self, data: bytes, limit: int) -> bytes:
        return data

    def finish(self) -> None:
        """Nothing can be missing."""


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


def decoder(content_encoding: str) -> Plain | Inflating:
    coding = _CODINGS.get(content_encoding.strip().lower())
    return Inflating(coding) if coding else Plain()
