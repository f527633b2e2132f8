"""Which one-time code does a seed give now? (RFC 6238, as the authenticator apps read it)"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from prober.clock import SystemClock
from prober.journey.events import Learned

_HASHES = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
_DIGITS = range(6, 9)
_APART = str.maketrans("", "", " -\t\n\r=")  # how people and apps write groups, and padding


class NoSeed(ValueError):
    """What is wrong with a seed; it does not show it."""


@dataclass(frozen=True, slots=True)
class Seed:
    key: bytes
    algorithm: str = "SHA1"
    digits: int = 6
    period: int = 30  # seconds

    @classmethod
    def of(cls, text: str) -> Seed:
        """Base32, or the otpauth:// URL of a QR code. Raises NoSeed."""
        if not text.strip().lower().startswith("otpauth:"):
            return cls(_key(text))
        try:
            url = urlsplit(text.strip())
            given = {name.lower(): values[-1] for name, values in parse_qs(url.query).items()}
        except ValueError:
            raise NoSeed("is no otpauth:// URL; write it as the QR code has it") from None
        if url.netloc.lower() != "totp":
            raise NoSeed("is no otpauth://totp/ URL; only codes that go by the time are known")
        algorithm = given.get("algorithm", "SHA1").upper().replace("-", "")
        if algorithm not in _HASHES:
            raise NoSeed(f"has an unknown algorithm; write one of {', '.join(_HASHES)}")
        return cls(
            _key(given.get("secret", "")),
            algorithm,
            _number(given, "digits", 6, _DIGITS),
            _number(given, "period", 30, range(1, 3601)),
        )

    def code(self, moment: float) -> str:
        """At a moment in Unix seconds."""
        counter = int(moment) // self.period
        made = hmac.new(self.key, counter.to_bytes(8, "big"), _HASHES[self.algorithm]).digest()
        at = made[-1] & 15
        number = int.from_bytes(made[at : at + 4], "big") & 0x7FFFFFFF
        return f"{number % 10**self.digits:0{self.digits}}"


def _key(text: str) -> bytes:
    plain = text.translate(_APART).upper()
    try:
        key = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise NoSeed("is no seed of one-time codes; write it in base32, or the otpauth:// URL")
    return key


def _number(given: Mapping[str, str], name: str, default: int, fit: range) -> int:
    text = given.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text[:9]) in fit):
        raise NoSeed(f"has unfit {name}; {fit[0]} to {fit[-1]} are known")
    return int(text)


@dataclass(frozen=True, slots=True)
class Codes:
    """What an author calls `totp`. Nobody is to read a code in what the run leaves, either."""

    secrets: Mapping[str, str]
    clock: SystemClock
    say: Callable[[Learned], None]

    def __call__(self, name: str) -> str:
        text = self.secrets[name]
        try:
            code = Seed.of(text).code(self.clock.now())
        except NoSeed as error:
            raise NoSeed(f"secrets.{name} {error}") from None
        self.say(Learned(texts=(code,)))
        return code
