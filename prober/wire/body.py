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
        """At most `limit` bytes. Raises Failure."""
        data = self._held + data
        self._held = b""
        self._begun = self._begun or bool(data)
        plain: list[bytes] = []
        while (data or self.more) and limit > 0 and not self._ended:
            if self._inflate is None or self._inflate.eof:
                self.more = False
                if len(data) < 2:
                    break
                self._open(data)
                continue
            piece = self._unpack(self._inflate, data, limit)
            plain.append(piece)
            limit -= len(piece)
            ended = self._inflate.eof
            data = self._inflate.unused_data if ended else self._inflate.unconsumed_tail
            self.more = limit == 0  # zlib may hold plain text with no input left
        self._held = data
        return b"".join(plain)

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
