"""What a response's body comes to, once unpacked, and is it more than anybody wanted?"""

from __future__ import annotations

from prober.result import Reason
from prober.wire.body import Decoder, decoder
from prober.wire.failure import Failure

_OVERHEAD = 1024  # bytes by which a coding may lengthen what cannot be packed, and 0.1 %


def show_size(size: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} bytes"


class Payload:
    """Takes the body as it comes, and unpacks it a part at a time. `limit` is in plain bytes.

    `received` counts what has come and is unpacked, as it came.
    """

    __slots__ = ("_decoder", "_limit", "_plain", "length", "pieces", "received")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._decoder: Decoder | None = None  # None leaves it as it is
        self._plain: list[bytes] = []
        self.pieces: list[bytes] = []  # that have come and are not unpacked yet
        self.length = 0
        self.received = 0

    @property
    def body(self) -> bytes:
        return self._plain[0] if len(self._plain) == 1 else b"".join(self._plain)

    @property
    def is_packed(self) -> bool:
        """Is there something to `unpack`, or its end to be looked at?"""
        return bool(self.pieces) or self._decoder is not None

    def coded(self, content_encoding: str) -> None:
        self._decoder = decoder(content_encoding)

    def expect(self, size: int) -> None:
        """Raises Failure where `size` bytes as they come are known to be too many."""
        if size > self._limit and self._decoder is None:
            raise self._too_large()

    def unpack(self, at_most: int, *, whole: bool) -> bool:
        """True if there was more of it than `at_most`; `whole` once nothing is added any more."""
        pieces, self.pieces = self.pieces, []
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.received += len(data)
        if self.received > self._limit + self.received // 1024 + _OVERHEAD:
            raise self._too_large()  # whatever it unpacks to
        packed = self._decoder
        if packed is not None:
            data = packed.decode(data, min(at_most, self._limit - self.length + 1))
        self.length += len(data)
        if self.length > self._limit:
            raise self._too_large()
        if data:
            self._plain.append(data)
        if packed is None:
            return False
        if whole and not packed.more:
            packed.finish()
        return packed.more

    def _too_large(self) -> Failure:
        return Failure(Reason.SIZE, f"the body is larger than {show_size(self._limit)}")
