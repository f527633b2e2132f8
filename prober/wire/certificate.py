"""What the certificates of a TLS session say, and why one was not accepted."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from prober.result import Fact
from prober.units import rfc3339, show_duration

_DER = 2  # `_ssl.ENCODING_DER`
_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
    "domainComponent": "DC",
}
# X509_V_ERR_… of OpenSSL
_NOT_YET, _EXPIRED, _SELF_SIGNED = 9, 10, 18
_UNKNOWN_ISSUER = frozenset({2, 19, 20, 21})
_WRONG_NAME = frozenset({62, 64})
_SHOWN_NAMES = 5


class _Held(Protocol):
    """A certificate as OpenSSL holds it: hashable, and equal to another copy of itself."""

    def get_info(self) -> Mapping[str, object]: ...

    def public_bytes(self, encoding: int, /) -> bytes: ...

    def __hash__(self) -> int: ...


class _Chains(Protocol):
    """The private half of an SSLObject since Python 3.10; the public methods of 3.13 give DER."""

    def get_unverified_chain(self) -> Sequence[_Held] | None: ...

    def get_verified_chain(self) -> Sequence[_Held] | None: ...


@dataclass(frozen=True, slots=True)
class _Leaf:
    """Stands in for `_Held` where there is no `_Chains`."""

    der: bytes
    info: Mapping[str, object] = field(compare=False)

    def get_info(self) -> Mapping[str, object]:
        return self.info

    def public_bytes(self, encoding: int, /) -> bytes:
        return self.der


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. Names are written as in RFC 4514, the most specific part first.

    Of one that is not `readable` (a name in it is not UTF-8) only the
    fingerprint is known.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    serial: str
    fingerprint: str
    not_before: datetime | None
    not_after: datetime | None
    readable: bool


def facts(tls: ssl.SSLObject) -> Mapping[str, Fact]:
    """The contract's facts of a session's certificates; without a verified chain, none of it."""
    verified = _chain(tls, verified=True) if tls.context.verify_mode else ()
    return _facts(_chain(tls, verified=False), verified)


def refused(tls: ssl.SSLObject) -> Mapping[str, Fact]:
    """The facts of the certificates that a handshake was broken off for."""
    return _facts(_chain(tls, verified=False), ())


def presented(tls: ssl.SSLObject) -> tuple[Certificate, ...]:
    """All that the peer has shown, its own first."""
    return tuple(_read(held) for held in _chain(tls, verified=False))


def complaint(code: int, host: str, chain: Sequence[Certificate], now: float) -> str | None:
    """What is wrong with the chain that OpenSSL turned down with `code`; None if it is not clear."""
    if not chain or not chain[0].readable:
        return None
    leaf, whose = chain[0], f"certificate of {host}"
    if code in _WRONG_NAME:
        return f"{whose} is not valid for that name, only for {_listed(leaf.names)}"
    if code == _SELF_SIGNED:
        return f"{whose} is self-signed"
    if code in _UNKNOWN_ISSUER:
        last = chain[-1].issuer
        return f"{whose} is signed by an authority that is not trusted here: {last!r}"
    return _out_of_date(code, whose, chain, now)


def _out_of_date(code: int, whose: str, chain: Sequence[Certificate], now: float) -> str | None:
    for depth, certificate in enumerate(chain):
        which = f"{certificate.subject!r} in the chain of the {whose}" if depth else whose
        start, end = certificate.not_before, certificate.not_after
        if code == _EXPIRED and end is not None and end.timestamp() < now:
            return f"{which} expired {show_duration(now - end.timestamp())} ago, on {rfc3339(end)}"
        if code == _NOT_YET and start is not None and start.timestamp() > now:
            wait = show_duration(start.timestamp() - now)
            return f"{which} is not valid yet, only in {wait}, from {rfc3339(start)}"
    return None


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN_NAMES]) or "no name at all"
    more = len(names) - _SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _chain(tls: ssl.SSLObject, *, verified: bool) -> tuple[_Held, ...]:
    chains: _Chains | None = getattr(tls, "_sslobj", None)
    if chains is not None and hasattr(chains, "get_unverified_chain"):
        held = chains.get_verified_chain() if verified else chains.get_unverified_chain()
        return tuple(held or ())
    der = tls.getpeercert(binary_form=True)
    return (_Leaf(der, _info(tls.getpeercert)),) if der and not verified else ()


@lru_cache(4096)
def _facts(chain: tuple[_Held, ...], verified: tuple[_Held, ...]) -> Mapping[str, Fact]:
    if not chain:
        return {}
    shown = [_read(held) for held in chain]
    leaf = shown[0]
    found: dict[str, Fact] = {"cert_fingerprint": leaf.fingerprint}
    if leaf.readable:
        found["cert_subject"] = leaf.subject
        found["cert_issuer"] = leaf.issuer
        found["cert_san"] = ",".join(leaf.names)
        found["cert_serial"] = leaf.serial
    if ends := _ends(shown):
        found["cert_not_after"] = min(ends)
    if ends := _ends([_read(held) for held in verified]):
        found["chain_not_after"] = min(ends)
    return found


def _ends(chain: Sequence[Certificate]) -> list[datetime]:
    return [certificate.not_after for certificate in chain if certificate.not_after is not None]


@lru_cache(4096)
def _read(held: _Held) -> Certificate:
    info = _info(held.get_info)
    return Certificate(
        subject=_distinguished(info.get("subject")),
        issuer=_distinguished(info.get("issuer")),
        names=_alternatives(info.get("subjectAltName")),
        serial=str(info.get("serialNumber", "")).lower(),
        fingerprint=hashlib.sha256(held.public_bytes(_DER)).hexdigest(),
        not_before=_moment(info.get("notBefore")),
        not_after=_moment(info.get("notAfter")),
        readable=bool(info),
    )


def _info(decoded: Callable[[], Mapping[str, object] | None]) -> Mapping[str, object]:
    """Empty where Python cannot decode a certificate that OpenSSL was content with."""
    try:
        return decoded() or {}
    except (ValueError, ssl.SSLError):
        return {}


def _distinguished(name: object) -> str:
    parts = [pair for rdn in name for pair in rdn] if isinstance(name, tuple) else []
    return ",".join(f"{_SHORT.get(kind, kind)}={value}" for kind, value in reversed(parts))


def _alternatives(names: object) -> tuple[str, ...]:
    pairs = names if isinstance(names, tuple) else ()
    return tuple(str(value) for kind, value in pairs if kind in ("DNS", "IP Address"))


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(text)), UTC)
    except (ValueError, OverflowError):
        return None
