"""What a question for addresses and its answer look like in DNS messages.

Only A and AAAA with the CNAMEs before them, because every probe of a name
pays for two of these: 15 µs each, where dnspython's general messages take 660.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from prober.wire.station import Address

A, AAAA, _CNAME, _IN = 1, 28, 5, 1
NOERROR, NXDOMAIN = 0, 3
_RCODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")  # type, class, TTL, length
_RESPONSE, _TRUNCATED, _RECURSE = 0x8000, 0x0200, 0x0100
_MOST_HOPS = 16  # CNAMEs
_FAMILIES = {A: (socket.AF_INET, 4), AAAA: (socket.AF_INET6, 16)}


@dataclass(frozen=True, slots=True)
class Answer:
    rcode: int
    truncated: bool
    addresses: tuple[Address, ...]

    @property
    def said(self) -> str:
        return _RCODES.get(self.rcode, f"rcode {self.rcode}")

    def has(self, families: frozenset[socket.AddressFamily]) -> bool:
        """An address of one of them?"""
        return any(address.family in families for address in self.addresses)

    @property
    def final(self) -> bool:
        """Another nameserver need not be asked."""
        return self.rcode in (NOERROR, NXDOMAIN)


@dataclass(frozen=True, slots=True)
class Question:
    """One question to one nameserver; `number` is what its answer has to repeat."""

    name: str
    kind: int
    number: int

    def encode(self) -> bytes:
        return _HEADER.pack(self.number, _RECURSE, 1, 0, 0, 0) + self._section()

    def _section(self) -> bytes:
        labels = (label.encode("ascii") for label in self.name.split("."))
        name = b"".join(bytes((len(label),)) + label for label in labels)
        return name + struct.pack("!BHH", 0, self.kind, _IN)

    def answered(self, data: bytes) -> Answer | None:
        """None where `data` is no answer to this question, or none that can be read."""
        try:
            return self._answer(data)
        except (struct.error, IndexError, ValueError):
            return None

    def _answer(self, data: bytes) -> Answer | None:
        number, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
        section = self._section()
        position = _HEADER.size
        if number != self.number or not flags & _RESPONSE:
            return None
        rcode = flags & 15
        if questions or rcode in (NOERROR, NXDOMAIN):
            asked = data[position : position + len(section)]
            if questions != 1 or asked.lower() != section.lower():
                return None
            position += len(section)
        truncated = bool(flags & _TRUNCATED)
        found = () if truncated else self._addresses(data, position, answers)
        return Answer(rcode, truncated, found)

    def _addresses(self, data: bytes, position: int, count: int) -> tuple[Address, ...]:
        aliases: dict[bytes, bytes] = {}
        found: dict[bytes, list[Address]] = {}
        family, size = _FAMILIES[self.kind]
        for _ in range(count):
            owner, position = _name(data, position)
            kind, class_, _, length = _RECORD.unpack_from(data, position)
            position += _RECORD.size
            if class_ == _IN and kind == self.kind and length == size:
                ip = socket.inet_ntop(family, data[position : position + length])
                found.setdefault(owner, []).append(Address(family, ip))
            elif class_ == _IN and kind == _CNAME:
                aliases[owner] = _name(data, position)[0]
            position += length
        name = self._section()[:-4].lower()
        for _ in range(_MOST_HOPS):
            if name in found or name not in aliases:
                break
            name = aliases[name]
        return tuple(found.get(name, ()))


def _name(data: bytes, position: int) -> tuple[bytes, int]:
    """A name as its uncompressed bytes in lower case, and the position after it."""
    labels = b""
    end, lowest = 0, position
    while (length := data[position]) != 0:
        if length >= 0xC0:
            end = end or position + 2
            position = (length & 0x3F) << 8 | data[position + 1]
            if position >= lowest:  # each pointer leads further back, so that it ends
                raise ValueError("a pointer that does not lead back")
            lowest = position
        elif length < 64:
            labels += data[position : position + length + 1]
            position += length + 1
        else:
            raise ValueError("a label of an unknown kind")
    return labels.lower() + b"\0", end or position + 1
