"""Does anything in these bytes give a secret away?

Looked for are the values however texts may have them written, in base64 of
something longer, in hex and in UTF-16; inside of archives too.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable
from io import BytesIO

import re2

from prober.journey import disguise
from prober.secret import SCRUB_FROM, buried, forms_of

BURIED_FROM = 6  # characters: what is left of a shorter one is in any file
DEPTH = 3  # of archives in archives
UNPACKED = 64 << 20  # bytes at most that an archive may hold
PATTERN_MEMORY = 192 << 20  # bytes at most; with less, a hundred secrets take a minute
_GZIP, _ZIP = b"\x1f\x8b\x08", b"PK\x03\x04"  # how they begin
_ENCRYPTED = 0x1  # among a member's flags
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ESCAPE = re.compile(rb"(?:%(?:25)*[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2})\Z")
_LONGEST_ESCAPE = 12
_BREAKS = re.compile(rb"\\[rn]|[\r\n]")
_WRAPPED = re2.compile(rb"[A-Za-z0-9+/_-]{16,}(?:(?:\\[rn]|[\r\n])+[A-Za-z0-9+/_-]+)+")  # base64


class Scanner:
    """Knows secrets; a number is one only where it stands alone, as texts are full of digits."""

    def __init__(self, secrets: Iterable[str]) -> None:
        values = {value for value in secrets if len(value) >= SCRUB_FROM}
        forms = {form.encode(errors="replace") for value in values for form in forms_of(value)}
        for value in values:
            if len(value) >= BURIED_FROM:
                forms |= buried(value)
        self._numbers = {value.encode() for value in values if value.isascii() and value.isdigit()}
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1  # any byte is a character
        options.max_mem = PATTERN_MEMORY
        options.log_errors = False
        alternatives = [re2.escape(form) for form in sorted(forms, key=len, reverse=True)]
        alternatives += [known.encode() for known in map(disguise.pattern, values) if known]
        self._pattern = re2.compile(b"|".join(alternatives), options) if alternatives else None

    def finds(self, data: bytes, depth: int = DEPTH) -> bool:
        """Whether there is one; also where an archive does not let itself be looked through."""
        if self._pattern is None:
            return False
        if self._holds(data) or self._holds_in_lines(data):
            return True
        if data[:3] == _GZIP:
            return depth == 0 or self._finds_in_gzip(data, depth)
        return data[:4] == _ZIP and self._finds_in_zip(data, depth)

    def _holds(self, data: bytes) -> bool:
        assert self._pattern is not None  # noqa: S101 - `finds` has looked
        found = (match.span() for match in self._pattern.finditer(data))
        return any(
            data[begin:end] not in self._numbers or _stands_alone(data, begin, end)
            for begin, end in found
        )

    def _holds_in_lines(self, data: bytes) -> bool:
        """Base64 and hex are written in lines, wherever a secret is then."""
        return any(
            self._holds(_BREAKS.sub(b"", match.group())) for match in _WRAPPED.finditer(data)
        )

    def _finds_in_gzip(self, data: bytes, depth: int) -> bool:
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            inner = unpacking.decompress(data, UNPACKED)
        except zlib.error:
            return True
        if unpacking.unconsumed_tail or self.finds(inner, depth - 1):
            return True
        # A file may be several, one behind the other.
        return bool(unpacking.unused_data) and self.finds(unpacking.unused_data, depth - 1)

    def _finds_in_zip(self, data: bytes, depth: int) -> bool:
        try:
            archive = zipfile.ZipFile(BytesIO(data))
        except zipfile.BadZipFile:
            return False  # it only begins like one
        with archive:
            members = archive.infolist()
            if depth == 0 or sum(one.file_size for one in members) > UNPACKED:
                return True
            return any(self._finds_in_member(archive, one, depth) for one in members)

    def _finds_in_member(self, archive: zipfile.ZipFile, one: zipfile.ZipInfo, depth: int) -> bool:
        if self.finds(one.filename.encode(errors="replace")):
            return True
        if one.flag_bits & _ENCRYPTED or one.compress_type not in _READABLE:
            return True
        try:
            return self.finds(archive.read(one), depth - 1)
        except (zipfile.BadZipFile, zlib.error, EOFError):  # it is not what the archive says
            return True


def _stands_alone(data: bytes, begin: int, end: int) -> bool:
    """Whether a match is not merely a few digits within a longer number."""
    before, after = data[max(0, begin - _LONGEST_ESCAPE) : begin], data[end : end + 2]
    if _ESCAPE.search(before):  # its digits are a character's
        before = b""
    inside = before[-1:].isdigit() or after[:1].isdigit()
    return not (inside or _goes_on(before[:-3:-1]) or _goes_on(after))


def _goes_on(beside: bytes) -> bool:
    """Whether a number goes on there behind its point."""
    return beside[:1] == b"." and beside[1:].isdigit()
