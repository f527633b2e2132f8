"""What a response's body comes to, once unpacked, and is it more than anybody wanted?"""

from __future__ import annotations

from prober.result import Reason
from prober.wire.answer import show_size
from prober.wire.body import Decoder, Plain, decoder
from prober.wire.failure import Failure

_OVERHEAD = 1024  # bytes by which a coding may lengthen what cannot be packed, and 0.1 %


class Payload:
    """Takes the body as it comes, and unpacks it a part at a time. `limit` is in plain bytes.

    `received` counts what has come and is unpacked, as it came.
    """

    __slots__ = ("_decoder", "_limit", "_pieces", "_plain", "length", "received")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._decoder: Decoder = Plain()
        self._pieces: list[bytes] = []
        self._plain: list[bytes] = []
        self.length = 0
        self.received = 0

    @property
    def body(self) -> bytes:
        return self._plain[0] if len(self._plain) == 1 else b"".join(self._plain)

    def coded(self, content_encoding: str) -> None:
        self._decoder = decoder(content_encoding)

    def expect(self, size: int) -> None:
        """Raises Failure where `size` bytes as they come are known to be too many."""
        if size > self._limit and isinstance(self._decoder, Plain):
            raise self._too_large()

    def add(self, data: bytes) -> None:
        self._pieces.append(data)

    def unpack(self, at_most: int, *, whole: bool) -> bool:
        """True if there was more of it than `at_most`; `whole` once nothing is added any more."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        self.received += len(data)
        if self.received > self._limit + self.received // 1024 + _OVERHEAD:
            raise self._too_large()  # whatever it unpacks to
        plain = self._decoder.decode(data, min(at_most, self._limit - self.length + 1))
        self.length += len(plain)
        if self.length > self._limit:
            raise self._too_large()
        if plain:
            self._plain.append(plain)
        if whole and not self._decoder.more:
            self._decoder.finish()
        return self._decoder.more

    def _too_large(self) -> Failure:
        return Failure(Reason.SIZE, f"the body is larger than {show_size(self._limit)}")
