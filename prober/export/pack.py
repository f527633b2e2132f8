"""How is a long text packed when most of it is what it was the last time?

Each part is packed by itself, and kept packed as long as it stays the same.
Deflate allows parts to be put one behind the other where each ends on a byte
and refers to nothing before it; gzip then wants one checksum over the whole,
which follows from those of the parts and their lengths (as zlib's
crc32_combine works it out, in the field of polynomials modulo the CRC's own).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

HEAD = b"\x1f\x8b\x08\0\0\0\0\0\x04\xff"  # gzip; no name, no time; fast; unknown system
LAST = b"\x03\0"  # an empty block that ends the stream
LEVEL = 1  # the fastest: these texts repeat themselves so much that others save little

_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31
_MOST = (1 << 32) - 1


class Packed(NamedTuple):
    """`shift` moves a checksum past so many bytes as the text has."""

    data: bytes
    size: int
    checksum: int
    shift: int


def packed(text: bytes) -> Packed:
    if not text:
        return Packed(b"", 0, 0, _ONE)
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)
    return Packed(data, len(text), zlib.crc32(text), _shift(len(text)))


class Gzip:
    """One gzip file out of packed parts: first `HEAD`, then what `of` gives, and `end`."""

    def __init__(self) -> None:
        self._size = 0
        self._checksum = 0

    def of(self, parts: Iterable[Packed]) -> bytes:
        return b"".join(self._told(parts))

    def end(self) -> bytes:
        size = self._size & _MOST
        return LAST + self._checksum.to_bytes(4, "little") + size.to_bytes(4, "little")

    def _told(self, parts: Iterable[Packed]) -> Iterator[bytes]:
        for part in parts:
            self._size += part.size
            self._checksum = _times(part.shift, self._checksum) ^ part.checksum
            yield part.data


def _times(a: int, b: int) -> int:
    """The product of two polynomials; the highest bit is the one for x to the power of 0."""
    product, bit = 0, _ONE
    while a:
        if a & bit:
            product ^= b
            a ^= bit
        bit >>= 1
        b = b >> 1 ^ _POLYNOMIAL if b & 1 else b >> 1
    return product


def _squares() -> Iterator[int]:
    """x to the power of 1, 2, 4, 8 and so on."""
    power = _ONE >> 1
    for _ in range(64):
        yield power
        power = _times(power, power)


_POWERS = tuple(_squares())


def _shift(size: int) -> int:
    """x to the power of the bits of so many bytes."""
    product, bits = _ONE, size * 8
    for power in _POWERS:
        if bits & 1:
            product = _times(power, product)
        bits >>= 1
        if not bits:
            break
    return product
